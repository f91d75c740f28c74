// Many model calls at once on one HTTP/2 connection: h2_agent.mjs BASE-URL CALLS
import http2 from 'node:http2';
import { execSync } from 'node:child_process';

const [base, calls] = process.argv.slice(2);
const session = http2.connect(base);
const tool = { name: 'bash', description: 'Runs a command.', input_schema: { type: 'object', properties: { command: { type: 'string' } } } };

const ask = (messages) =>
  new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/messages',
      'content-type': 'application/json',
      'x-api-key': process.env.ANTHROPIC_API_KEY,
      'anthropic-version': '2023-06-01',
    });
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (d) => (text += d));
    stream.on('end', () => resolve(JSON.parse(text)));
    stream.on('error', reject);
    stream.end(JSON.stringify({ model: 'claude-sonnet-4-6', max_tokens: 1024, messages, tools: [tool] }));
  });

async function agent(n) {
  const messages = [{ role: 'user', content: `Agent ${n}: run the tool, then say what it printed.` }];
  for (;;) {
    const answer = await ask(messages);
    messages.push({ role: 'assistant', content: answer.content });
    const uses = answer.content.filter((b) => b.type === 'tool_use');
    if (!uses.length) return answer.content.map((b) => b.text ?? '').join('');
    const run = (use) => execSync(use.input.command, { encoding: 'utf8', shell: '/bin/bash' });
    messages.push({ role: 'user', content: uses.map((u) => ({ type: 'tool_result', tool_use_id: u.id, content: run(u) })) });
  }
}

const texts = await Promise.all(Array.from({ length: Number(calls) }, (_, n) => agent(n)));
console.log(texts.join('\n'));
session.close();
