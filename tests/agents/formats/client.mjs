// Official SDKs for node at work: client.mjs bedrock|ollama BASE-URL. Prints "fine" at the end. Amazon's speaks HTTP/2.
import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelWithResponseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import { Ollama } from 'ollama';

const [name, base] = process.argv.slice(2);
const messages = [{ role: 'user', content: [{ text: 'Go' }] }];
const toolConfig = { tools: ['look', 'now'].map((n) => ({ toolSpec: { name: n, inputSchema: { json: { type: 'object' } } } })) };
const drain = async (events) => {
  for await (const _ of events); // the answer is of no interest
};

const clients = {
  async bedrock() {
    const client = new BedrockRuntimeClient({ region: 'eu-west-1', endpoint: base, maxAttempts: 1 });
    if (client.config.requestHandler.constructor.name !== 'NodeHttp2Handler') throw new Error('not HTTP/2');
    const modelId = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
    await client.send(new ConverseCommand({ modelId, messages }));
    // Both at once, on one connection where it is HTTP/2.
    await Promise.all([1, 2].map(async () => drain((await client.send(new ConverseStreamCommand({ modelId, messages, toolConfig }))).stream)));
    const body = JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 9, messages: [{ role: 'user', content: 'Go' }] });
    await drain((await client.send(new InvokeModelWithResponseStreamCommand({ modelId, body }))).body);
    client.destroy();
  },
  async ollama() {
    const client = new Ollama({ host: base });
    const request = { model: 'qwen3:8b', messages: [{ role: 'user', content: 'Go' }] };
    await client.chat(request);
    await drain(await client.chat({ ...request, stream: true }));
    await client.embed({ model: 'nomic-embed-text', input: 'a' });
  },
};
await clients[name]();
console.log('fine');
