// HTTP/2 in front of a server that speaks HTTP/1.1: h2_front.mjs CERTS BACKEND-URL READY-FILE
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';

const [certs, backend, ready] = process.argv.slice(2);
const server = http2.createSecureServer({
  key: fs.readFileSync(`${certs}/server.key`),
  cert: fs.readFileSync(`${certs}/server.pem`),
  allowHTTP1: true,
});
const dropped = ['connection', 'keep-alive', 'transfer-encoding', 'http2-settings', 'host'];
const plain = (headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name[0] !== ':' && !dropped.includes(name)));

server.on('request', (req, res) => {
  const up = http.request(new URL(req.url, backend), { method: req.method, headers: plain(req.headers) }, (answer) => {
    res.writeHead(answer.statusCode, plain(answer.headers));
    answer.pipe(res);
  });
  up.on('error', () => res.stream?.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  req.pipe(up);
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync(ready, String(server.address().port)));
