// TLS between two ends in this process: what comes back is what was sent.
//   echo.mjs CERTS sizes SIZE...	for each size one connection; SIZE bytes and their echo
//   echo.mjs CERTS connections N	N connections one after the other; each says its number
import tls from 'node:tls';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';

const [certs, kind, ...numbers] = process.argv.slice(2);
const read = (name) => readFileSync(`${certs}/${name}`);

// As traffic.c makes them: a period that no chunk size divides.
function bytes(n) {
  const b = Buffer.alloc(n);
  for (let i = 0; i < n; i++) b[i] = (i % 251) ^ (Math.floor(i / 251) % 241);
  return b;
}

const server = tls.createServer({ key: read('server.key'), cert: read('server.pem') }, (s) => {
  s.on('error', () => {});
  s.on('data', (d) => s.write(d));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

async function exchange(sent) {
  const socket = tls.connect({ port: server.address().port, host: '127.0.0.1', ca: read('ca.pem'), servername: 'localhost' });
  const got = [];
  let n = 0;
  await once(socket, 'secureConnect');
  const all = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (d) => {
      got.push(d);
      n += d.length;
      if (n >= sent.length) resolve();
    });
  });
  socket.write(sent);
  await all;
  if (!Buffer.concat(got).equals(sent)) throw new Error(`${sent.length} bytes came back changed`);
  socket.destroy();
  await once(socket, 'close');
}

if (kind === 'sizes') for (const n of numbers) await exchange(bytes(Number(n)));
else for (let i = 0; i < Number(numbers[0]); i++) await exchange(Buffer.from(`connection ${i};`));
process.exit(0);
