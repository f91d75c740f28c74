// The Anthropic SDK for node, as an agent: anthropic.mjs messages json|stream
import Anthropic from '@anthropic-ai/sdk';
import { execSync } from 'node:child_process';
import process from 'node:process'; // Deno 1

const mode = process.argv[3];
const client = new Anthropic({ maxRetries: 5 });
const prompt = process.env.PROMPT ?? 'Run the tool, then say what it printed.';
const schema = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] };
const messages = [{ role: 'user', content: prompt }];

await client.messages.countTokens({ model: 'claude-sonnet-4-6', messages }); // no model call
for (;;) {
  const request = {
    model: 'claude-sonnet-4-6',
    max_tokens: 1024,
    system: 'You are an agent.',
    messages,
    tools: [{ name: 'bash', description: 'Runs a command.', input_schema: schema }],
  };
  const answer =
    mode === 'stream' ? await client.messages.stream(request).finalMessage() : await client.messages.create(request);
  messages.push({ role: 'assistant', content: answer.content });
  const calls = answer.content.filter((b) => b.type === 'tool_use');
  if (!calls.length) {
    console.log(answer.content.map((b) => b.text ?? '').join(''));
    break;
  }
  const run = (c) => execSync(c.input.command, { encoding: 'utf8', shell: '/bin/bash' });
  messages.push({
    role: 'user',
    content: calls.map((c) => ({ type: 'tool_result', tool_use_id: c.id, content: run(c) })),
  });
}
