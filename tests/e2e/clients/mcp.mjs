// The MCP SDK for node with two servers over stdio: mcp.mjs LOG [agent]. Writes to LOG what it asked and was told.
// agent: a model decides which tool is called.
import Anthropic from '@anthropic-ai/sdk';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CreateMessageRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { appendFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [log, mode] = process.argv.slice(2);
const folder = `${log}.d`;
mkdirSync(folder, { recursive: true });

const bin = (name) => fileURLToPath(import.meta.resolve(`@modelcontextprotocol/${name}/dist/index.js`));

async function connect(name, args) {
  const client = new Client(
    { name: 'sonde-test', version: '1.2.3' },
    { capabilities: { sampling: {}, roots: {} } },
  );
  client.setRequestHandler(CreateMessageRequestSchema, async () => ({
    model: 'none',
    role: 'assistant',
    content: { type: 'text', text: 'sampled' },
  }));
  client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [{ uri: `file://${folder}`, name: 'r' }] }));
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [bin(name), ...args], stderr: 'ignore' }),
  );
  return client;
}

async function call(client, name, args) {
  const entry = { name, arguments: args };
  try {
    entry.result = await client.callTool({ name, arguments: args }, undefined, { timeout: 50000 });
  } catch (e) {
    entry.error = { code: e.code, message: e.message };
  }
  appendFileSync(log, `${JSON.stringify(entry)}\n`);
  return entry.result;
}

const everything = await connect('server-everything', ['stdio']);
const files = await connect('server-filesystem', [folder]);

async function agent() {
  const anthropic = new Anthropic();
  const { tools } = await everything.listTools();
  const offered = tools.map((t) => ({
    name: `mcp__everything__${t.name}`,
    description: t.description,
    input_schema: t.inputSchema,
  }));
  const messages = [{ role: 'user', content: 'Call the tools.' }];
  for (;;) {
    const request = { model: 'claude-sonnet-4-6', max_tokens: 100, messages, tools: offered };
    const answer = await anthropic.messages.stream(request).finalMessage();
    messages.push({ role: 'assistant', content: answer.content });
    const calls = answer.content.filter((b) => b.type === 'tool_use');
    if (!calls.length) return;
    const content = [];
    for (const c of calls) {
      const result = await call(everything, c.name.replace('mcp__everything__', ''), c.input);
      content.push({ type: 'tool_result', tool_use_id: c.id, content: result.content });
    }
    messages.push({ role: 'user', content });
  }
}

async function scripted() {
  await everything.listTools();
  await call(everything, 'echo', { message: 'hello "world" \u2603 \n' });
  await call(everything, 'get-sum', { a: 2, b: 40.5 });
  await call(everything, 'echo', { wrong: true });
  await call(everything, 'no-such-tool', {});
  await call(everything, 'echo', { message: 'x'.repeat(1 << 20) + '\u00e9' });
  await Promise.all(Array.from({ length: 16 }, (_, i) => call(everything, 'echo', { message: `parallel ${i}` })));
  await call(everything, 'trigger-sampling-request', { prompt: 'say something', maxTokens: 10 });
  await call(everything, 'get-roots-list', {});
  const big = 'line of a file\n'.repeat(100000);
  await call(files, 'write_file', { path: `${folder}/big.txt`, content: big });
  await call(files, 'read_text_file', { path: `${folder}/big.txt` });
  await call(files, 'read_text_file', { path: '/etc/hostname' }); // not allowed
}

await (mode === 'agent' ? agent() : scripted());
await everything.close();
await files.close();
