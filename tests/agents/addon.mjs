// A node program whose HTTP client is a native add-on (impit: reqwest and rustls).   addon.mjs BASE
import { Impit } from 'impit';

const client = new Impit({ ignoreTlsErrors: true });
for (let i = 0; i < 3; i++) {
  const answer = await client.fetch(`${process.argv[2]}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: `question ${i}` }] }),
  });
  if (answer.status !== 200) process.exit(1);
  await answer.text();
}
