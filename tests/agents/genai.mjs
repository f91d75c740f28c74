// The Google GenAI SDK for node, as an agent: genai.mjs chat|history json|stream
import { GoogleGenAI } from '@google/genai';
import { execSync } from 'node:child_process';

const [how, mode] = process.argv.slice(2);
const ai = new GoogleGenAI({ apiKey: 'AIza-dummy', httpOptions: { baseUrl: process.env.GEMINI_BASE_URL } });
const model = 'gemini-mock';
const prompt = process.env.PROMPT ?? 'Run the tool, then say what it printed.';
const parameters = { type: 'OBJECT', properties: { command: { type: 'STRING' } }, required: ['command'] };
const tools = [{ functionDeclarations: [{ name: 'bash', description: 'Runs a command.', parameters }] }];
const config = { systemInstruction: 'You are an agent.', tools };
const run = (command) => execSync(command, { encoding: 'utf8', shell: '/bin/bash' });
const results = (calls) => calls.map(({ id, name, args }) => ({ functionResponse: { id, name, response: { output: run(args.command) } } }));

async function partsOf(answers) {
  const parts = [];
  for await (const answer of answers) parts.push(...(answer.candidates[0].content.parts ?? []));
  return parts;
}

// The SDK keeps the history.
async function chat(stream) {
  const session = ai.chats.create({ model, config });
  let message = prompt;
  for (;;) {
    const parts = await partsOf(stream ? await session.sendMessageStream({ message }) : [await session.sendMessage({ message })]);
    const calls = parts.map((p) => p.functionCall).filter(Boolean);
    if (!calls.length) return parts.map((p) => p.text ?? '').join('');
    message = results(calls);
  }
}

// The agent keeps it: as it came.
async function history(stream) {
  const contents = [{ role: 'user', parts: [{ text: prompt }] }];
  for (;;) {
    const request = { model, contents, config };
    const parts = await partsOf(stream ? await ai.models.generateContentStream(request) : [await ai.models.generateContent(request)]);
    const calls = parts.map((p) => p.functionCall).filter(Boolean);
    if (!calls.length) return parts.map((p) => p.text ?? '').join('');
    contents.push({ role: 'model', parts }, { role: 'user', parts: results(calls) });
  }
}

console.log(await (how === 'history' ? history : chat)(mode === 'stream'));
