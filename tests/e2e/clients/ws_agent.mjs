// Responses over one WebSocket, as Codex does it: a warm-up, then turns that send only what is new.
// ws_agent.mjs BASE-URL TASKS
import { execSync } from 'node:child_process';

const [base, tasks] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env.OPENAI_API_KEY}`, 'openai-beta': 'responses_websockets=2026-02-06' };
const socket = new WebSocket(`${base.replace('http', 'ws')}/v1/responses`, { headers });
await new Promise((resolve, reject) => {
  socket.onopen = resolve;
  socket.onerror = (e) => reject(e.error ?? new Error('no connection'));
});

const parameters = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] };
const shared = {
  type: 'response.create',
  model: 'gpt-5-codex',
  instructions: 'You are an agent.',
  tools: [{ type: 'function', name: 'shell_command', description: 'Runs a command.', parameters }],
};
const ask = (fields) =>
  new Promise((resolve) => {
    socket.onmessage = (m) => {
      const event = JSON.parse(m.data);
      if (event.type === 'response.completed') resolve(event.response);
    };
    socket.send(JSON.stringify({ ...shared, ...fields }));
  });

const user = (text) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
let last = await ask({ input: [user('The environment: a test.')], generate: false });
for (let n = 0; n < Number(tasks); n++) {
  let input = [user(`Task ${n}: run the tool, then say what it printed.`)];
  for (;;) {
    last = await ask({ input, previous_response_id: last.id });
    const calls = last.output.filter((o) => o.type === 'function_call');
    if (!calls.length) break;
    const run = (c) => execSync(JSON.parse(c.arguments).command, { encoding: 'utf8', shell: '/bin/bash' });
    input = calls.map((c) => ({ type: 'function_call_output', call_id: c.call_id, output: run(c) }));
  }
  console.log(last.output.flatMap((o) => o.content ?? []).map((c) => c.text).join(''));
}
socket.close();
