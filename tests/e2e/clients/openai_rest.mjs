// The openai SDK for Node beside chats, and Realtime over a WebSocket.
import OpenAI, { toFile } from 'openai';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';

const client = new OpenAI({ maxRetries: 0, dangerouslyAllowBrowser: true });
const sound = await toFile(Buffer.alloc(70000, 7), 'speech.wav', { type: 'audio/wav' });

await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'Once upon', max_tokens: 2 });
await client.embeddings.create({ model: 'text-embedding-3-small', input: 'one' });
await client.images.edit({ model: 'gpt-image-1', prompt: 'Add a hat', image: await toFile(Buffer.from('PNG'), 'a.png', { type: 'image/png' }) });
await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file: sound });
for await (const e of await client.audio.transcriptions.create({ model: 'gpt-4o-mini-transcribe', file: sound, stream: true })) console.log(e.type);
await (await client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Hello there' })).arrayBuffer();

const rt = new OpenAIRealtimeWebSocket({ model: 'gpt-realtime', dangerouslyAllowBrowser: true }, client);
const until = (type) => new Promise((resolve) => rt.on(type, resolve));
rt.on('error', (e) => {
  console.error(e);
  process.exit(1);
});
await until('session.created');
for (let turn = 0; turn < 2; turn++) {
  rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What time is it?' }] } });
  rt.send({ type: 'response.create' });
  await until('response.done');
}
rt.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(30000).toString('base64') });
rt.send({ type: 'input_audio_buffer.commit' });
await until('conversation.item.input_audio_transcription.completed');
rt.close();
console.log('done');
