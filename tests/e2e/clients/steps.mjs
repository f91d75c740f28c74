// steps.py for Node, Bun and Deno: each line of standard input is one request over the same connection.
//   steps.mjs BASE	prints "N STATUS" after each answer; "stream" asks for a stream, says "N begins" with its first piece and
//	waits for a line more before it reads on; "many" asks five times at once, over as many connections
import process from 'node:process';
import readline from 'node:readline';

const [base] = process.argv.slice(-1);
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);

async function rest(answer, begins) {
  const reader = answer.body.getReader();
  for (let i = 0; !(await reader.read()).done; i++) if (i === 0) await begins();
}

async function ask(question, stream, begins) {
  const answer = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-proj-dummy' },
    body: JSON.stringify({ stream, model: 'gpt-4o', messages: [{ role: 'user', content: question }] }),
  });
  if (stream) await rest(answer, begins);
  else await answer.text();
  return answer.status;
}

say('ready', process.pid);
for (let n = 1, line; !(line = await lines.next()).done; n++) {
  const question = `question ${n}: ${line.value}`;
  const begins = () => {
    say(n, 'begins');
    return lines.next();
  };
  if (line.value === 'many') say(n, (await Promise.all([1, 2, 3, 4, 5].map((i) => ask(`${question} ${i}`, false))))[4]);
  else say(n, await ask(question, line.value === 'stream', begins));
}
