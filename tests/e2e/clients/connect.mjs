// A call as Cursor's agent makes it, both ways on one HTTP/2 stream: protobuf in Connect envelopes.
//   connect.mjs serve CERTS READY	a server; writes its port to READY
//   connect.mjs ask BASE CALLS		that many calls at once on one connection
// Of each call the server asks for a tool's result before it ends. Call 2 ends with an error.
import fs from 'node:fs';
import http2 from 'node:http2';
import zlib from 'node:zlib';

const path = '/agent.v1.AgentService/Run';
const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
const field = (number, value) => Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(Buffer.byteLength(value))]), Buffer.from(value)]);
const envelope = (data, flags = 0) => {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(data.length, 1);
  return Buffer.concat([head, data]);
};
const zipped = (data) => envelope(zlib.gzipSync(data), 1);
const said = (text) => field(1, field(1, field(1, text)));

function serve(certs, ready) {
  const server = http2.createSecureServer({ key: fs.readFileSync(`${certs}/server.key`), cert: fs.readFileSync(`${certs}/server.pem`) });
  server.on('stream', (stream, headers) => {
    let got = 0;
    stream.respond({ ':status': 200, 'content-type': 'application/connect+proto' });
    stream.on('data', () => {
      if (got++ === 0) {
        stream.write(envelope(said('One moment.')));
        stream.write(zipped(field(2, 'ls')));
      } else if (got === 2) {
        stream.write(envelope(said('hello-from-tool')));
        const failed = headers['x-call'] === '2';
        stream.end(envelope(Buffer.from(failed ? '{"error":{"code":"resource_exhausted","message":"your limit"}}' : '{}'), 2));
      }
    });
  });
  server.listen(0, '127.0.0.1', () => fs.writeFileSync(ready, String(server.address().port)));
}

function ask(session, n) {
  const run = Buffer.concat([field(1, ''), field(2, field(1, 'List the files.')), field(3, field(1, 'composer-2')), field(5, `conversation-${n}`)]);
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/connect+proto', 'x-call': String(n) });
  stream.write(n % 2 ? zipped(field(1, run)) : envelope(field(1, run)));
  return new Promise((resolve, reject) => {
    let first = true;
    stream.on('data', () => {
      if (first) setTimeout(() => stream.write(envelope(field(2, 'a.txt'))), 30);
      first = false;
    });
    stream.on('end', () => {
      stream.end();
      resolve();
    });
    stream.on('error', reject);
  });
}

const [what, a, b] = process.argv.slice(2);
if (what === 'serve') {
  serve(a, b);
} else {
  const session = http2.connect(a);
  await Promise.all(Array.from({ length: Number(b) }, (_, n) => ask(session, n)));
  session.close();
}
