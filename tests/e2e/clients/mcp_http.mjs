// The MCP SDK for node on both sides of HTTP: mcp_http.mjs LOG MODE [CERTS]. Client and server write to LOG.client and
// LOG.server what was asked and told. MODE: streamable (answers as events), json, stateless (no session), sse (HTTP+SSE of
// 2024-11-05), agent (a model decides which tool is called); CERTS: over TLS, HTTP/2 for clients that want it.
//   mcp_http.mjs --serve LOG MODE [CERTS]   the server alone; prints its address, and to LOG.versions HTTP's versions
//   mcp_http.mjs --call LOG URL MODE        the client alone
import Anthropic from '@anthropic-ai/sdk';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as t from '@modelcontextprotocol/sdk/types.js';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';

// --- the server ---

const text = (s) => ({ content: [{ type: 'text', text: s }] });

async function slow(params, extra) {
  for (let i = 1; i <= 3; i++)
    await extra.sendNotification({
      method: 'notifications/progress',
      params: { progressToken: params._meta.progressToken, progress: i, total: 3 },
    });
  return text('done');
}

const tools = {
  add: (a) => text(String(a.a + a.b)),
  repeat: (a) => text(a.text.repeat(a.n)),
  echo: (a) => text(JSON.stringify(a)),
  fail: () => ({ ...text('as it should'), isError: true }),
  slow: (a, params, extra) => slow(params, extra),
  sample: async (a, params, extra) => {
    const messages = [{ role: 'user', content: { type: 'text', text: a.prompt } }];
    const answer = await extra.sendRequest(
      { method: 'sampling/createMessage', params: { messages, maxTokens: 10 } },
      t.CreateMessageResultSchema,
    );
    return text(answer.content.text);
  },
};

function makeServer(log) {
  const server = new Server(
    { name: 'sonde-http', version: '0.3' },
    { capabilities: { tools: {}, resources: {}, prompts: {} } },
  );
  server.setRequestHandler(t.ListToolsRequestSchema, () => ({
    tools: Object.keys(tools).map((name) => ({
      name,
      description: `What ${name} does`,
      inputSchema: { type: 'object' },
    })),
  }));
  server.setRequestHandler(t.CallToolRequestSchema, async ({ params }, extra) => {
    const entry = { name: params.name, arguments: params.arguments };
    const tool = tools[params.name];
    if (!tool) {
      entry.error = { code: t.ErrorCode.InvalidParams };
      appendFileSync(log, `${JSON.stringify(entry)}\n`);
      throw new t.McpError(t.ErrorCode.InvalidParams, `no tool ${params.name}`);
    }
    entry.result = await tool(params.arguments, params, extra);
    appendFileSync(log, `${JSON.stringify(entry)}\n`);
    return entry.result;
  });
  server.setRequestHandler(t.ReadResourceRequestSchema, ({ params }) => ({
    contents: [{ uri: params.uri, text: 'a resource' }],
  }));
  server.setRequestHandler(t.GetPromptRequestSchema, ({ params }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `prompt ${params.name}` } }],
  }));
  return server;
}

async function bodyOf(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return parts.length ? JSON.parse(Buffer.concat(parts)) : undefined;
}

function streamable(log, mode) {
  const sessions = new Map();
  return async (req, res) => {
    const body = await bodyOf(req);
    let transport = sessions.get(req.headers['mcp-session-id']);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: mode === 'stateless' ? undefined : randomUUID,
        enableJsonResponse: mode === 'json',
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      await makeServer(log).connect(transport);
    }
    await transport.handleRequest(req, res, body);
  };
}

function sse(log) {
  const sessions = new Map();
  return async (req, res) => {
    const url = new URL(req.url, 'http://x');
    if (req.method === 'GET') {
      const transport = new SSEServerTransport('/messages', res);
      sessions.set(transport.sessionId, transport);
      await makeServer(log).connect(transport);
      return;
    }
    await sessions.get(url.searchParams.get('sessionId')).handlePostMessage(req, res, await bodyOf(req));
  };
}

function serve(log, mode, certs) {
  const handler = mode === 'sse' ? sse(log) : streamable(log, mode);
  const onRequest = (req, res) => {
    appendFileSync(`${log}.versions`, `${req.httpVersion}\n`);
    handler(req, res).catch((e) => {
      console.error(e);
      res.destroy();
    });
  };
  const server = certs
    ? http2.createSecureServer(
        { key: readFileSync(`${certs}/server.key`), cert: readFileSync(`${certs}/server.pem`), allowHTTP1: true },
        onRequest,
      )
    : http.createServer(onRequest);
  server.listen(0, '127.0.0.1', () => {
    const path = mode === 'sse' ? 'sse' : 'mcp';
    console.log(`http${certs ? 's' : ''}://localhost:${server.address().port}/${path}`);
  });
}

// --- the client ---

async function agent(client, call) {
  const anthropic = new Anthropic();
  const { tools: offered } = await client.listTools();
  const definitions = offered.map((tool) => ({
    name: `mcp__http__${tool.name}`,
    description: tool.description,
    input_schema: tool.inputSchema,
  }));
  const messages = [{ role: 'user', content: 'Call the tools.' }];
  for (;;) {
    const request = { model: 'claude-sonnet-4-6', max_tokens: 100, messages, tools: definitions };
    const answer = await anthropic.messages.stream(request).finalMessage();
    messages.push({ role: 'assistant', content: answer.content });
    const calls = answer.content.filter((b) => b.type === 'tool_use');
    if (!calls.length) return;
    const content = [];
    for (const c of calls) {
      const result = await call(c.name.replace('mcp__http__', ''), c.input);
      content.push({ type: 'tool_result', tool_use_id: c.id, content: result.content });
    }
    messages.push({ role: 'user', content });
  }
}

async function run(log, url, mode) {
  const client = new Client({ name: 'sonde-test', version: '1.2.3' }, { capabilities: { sampling: {} } });
  client.setRequestHandler(t.CreateMessageRequestSchema, async () => ({
    model: 'none',
    role: 'assistant',
    content: { type: 'text', text: 'sampled' },
  }));
  const transport =
    mode === 'sse' ? new SSEClientTransport(new URL(url)) : new StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);

  async function call(name, args, options) {
    const entry = { name, arguments: args };
    try {
      entry.result = await client.callTool({ name, arguments: args }, undefined, { timeout: 50000, ...options });
    } catch (e) {
      entry.error = { code: e.code };
    }
    appendFileSync(log, `${JSON.stringify(entry)}\n`);
    return entry.result;
  }

  if (mode === 'agent') {
    await agent(client, call);
    await client.close();
    return;
  }
  await client.listTools();
  await call('add', { a: 1, b: 2.5 });
  await call('repeat', { text: 'say "\u2603"\n', n: 100000 });
  await call('repeat', { text: 'q'.repeat(1 << 20), n: 1 });
  await call('fail', {});
  await call('no-such-tool', { x: null });
  await Promise.all(Array.from({ length: 12 }, (_, i) => call('add', { a: i, b: i })));
  if (mode !== 'json' && mode !== 'stateless') {
    await call('slow', {}, { onprogress: () => {} });
    await call('sample', { prompt: 'say something' });
  }
  await client.readResource({ uri: 'test://one/resource' });
  await client.getPrompt({ name: 'greeting', arguments: { who: 'you' } });
  await client.ping();
  if (transport.terminateSession) await transport.terminateSession();
  await client.close();
}

async function both(log, mode, certs) {
  const child = spawn(process.execPath, [process.argv[1], '--serve', `${log}.server`, mode, ...(certs ? [certs] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((resolve) => child.stdout.once('data', (d) => resolve(String(d).trim())));
  writeFileSync(`${log}.client`, '');
  await run(`${log}.client`, url, mode);
  child.kill();
}

const [what, ...rest] = process.argv.slice(2);
if (what === '--serve') serve(...rest);
else if (what === '--call') await run(...rest);
else await both(what, ...rest);
