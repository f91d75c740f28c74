// Conversations side by side in one process, with one client, as an agent: side_by_side.mjs chat|responses|messages json|stream PROMPT...
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { exec } from 'node:child_process';
import { promisify } from 'node:util';

const [api, mode, ...prompts] = process.argv.slice(2);
const stream = mode === 'stream';
const system = 'You are an agent.';
const parameters = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] };
const run = async (command) => (await promisify(exec)(command, { shell: '/bin/bash' })).stdout;

async function chat(client, prompt) {
  const messages = [{ role: 'system', content: system }, { role: 'user', content: prompt }];
  const tools = [{ type: 'function', function: { name: 'bash', description: 'Runs a command.', parameters } }];
  for (;;) {
    const request = { model: 'gpt-4o', messages, tools };
    const answer = stream
      ? await client.chat.completions.stream({ ...request, stream_options: { include_usage: true } }).finalChatCompletion()
      : await client.chat.completions.create(request);
    const message = answer.choices[0].message;
    messages.push(message);
    if (!message.tool_calls?.length) return message.content;
    const done = async (c) => ({ role: 'tool', tool_call_id: c.id, content: await run(JSON.parse(c.function.arguments).command) });
    messages.push(...(await Promise.all(message.tool_calls.map(done))));
  }
}

async function responses(client, prompt) {
  const input = [{ role: 'user', content: prompt }];
  const tools = [{ type: 'function', name: 'bash', description: 'Runs a command.', parameters, strict: false }];
  for (;;) {
    const request = { model: 'gpt-5', instructions: system, input, tools };
    const answer = stream ? await client.responses.stream(request).finalResponse() : await client.responses.create(request);
    input.push(...answer.output);
    const calls = answer.output.filter((i) => i.type === 'function_call');
    if (!calls.length) return answer.output_text;
    const done = async (c) => ({ type: 'function_call_output', call_id: c.call_id, output: await run(JSON.parse(c.arguments).command) });
    input.push(...(await Promise.all(calls.map(done))));
  }
}

async function messages(client, prompt) {
  const said = [{ role: 'user', content: prompt }];
  const tools = [{ name: 'bash', description: 'Runs a command.', input_schema: parameters }];
  for (;;) {
    const request = { model: 'claude-sonnet-4-6', max_tokens: 1024, system, messages: said, tools };
    const answer = stream ? await client.messages.stream(request).finalMessage() : await client.messages.create(request);
    said.push({ role: 'assistant', content: answer.content });
    const calls = answer.content.filter((b) => b.type === 'tool_use');
    if (!calls.length) return answer.content.map((b) => b.text ?? '').join('');
    const done = async (c) => ({ type: 'tool_result', tool_use_id: c.id, content: await run(c.input.command) });
    said.push({ role: 'user', content: await Promise.all(calls.map(done)) });
  }
}

const talk = { chat, responses, messages }[api];
const client = api === 'messages' ? new Anthropic({ maxRetries: 5 }) : new OpenAI({ maxRetries: 5 });
for (const answer of await Promise.all(prompts.map((p) => talk(client, p)))) console.log(answer);
