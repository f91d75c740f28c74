// The openai SDK for node, as an agent: openai.mjs chat|responses json|stream
import OpenAI from 'openai';
import { execSync } from 'node:child_process';
import process from 'node:process'; // Deno 1

const [api, mode] = process.argv.slice(2);
const client = new OpenAI({ maxRetries: 5 });
const prompt = process.env.PROMPT ?? 'Run the tool, then say what it printed.';
const parameters = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] };
const run = (args) => execSync(JSON.parse(args).command, { encoding: 'utf8', shell: '/bin/bash' });

async function chat(stream) {
  const messages = [{ role: 'system', content: 'You are an agent.' }, { role: 'user', content: prompt }];
  const tools = [{ type: 'function', function: { name: 'bash', description: 'Runs a command.', parameters } }];
  for (;;) {
    const request = { model: 'gpt-4o', messages, tools };
    const answer = stream
      ? await client.chat.completions.stream({ ...request, stream_options: { include_usage: true } }).finalChatCompletion()
      : await client.chat.completions.create(request);
    const message = answer.choices[0].message;
    messages.push(message);
    if (!message.tool_calls?.length) return message.content;
    for (const c of message.tool_calls) {
      messages.push({ role: 'tool', tool_call_id: c.id, content: run(c.function.arguments) });
    }
  }
}

async function responses(stream) {
  const input = [{ role: 'user', content: prompt }];
  const tools = [{ type: 'function', name: 'bash', description: 'Runs a command.', parameters, strict: false }];
  for (;;) {
    const request = { model: 'gpt-5', instructions: 'You are an agent.', input, tools };
    const answer = stream
      ? await client.responses.stream(request).finalResponse()
      : await client.responses.create(request);
    input.push(...answer.output);
    const calls = answer.output.filter((i) => i.type === 'function_call');
    if (!calls.length) return answer.output_text;
    for (const c of calls) input.push({ type: 'function_call_output', call_id: c.call_id, output: run(c.arguments) });
  }
}

console.log(await (api === 'responses' ? responses : chat)(mode === 'stream'));
