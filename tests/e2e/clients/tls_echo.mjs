// For Deno: tls_echo.mjs PORT CA SIZE...	sends SIZE bytes to an echo server, each on a connection of its own
const [port, ca, ...sizes] = Deno.args;
const caCerts = [await Deno.readTextFile(ca)];

for (const size of sizes.map(Number)) {
  const conn = await Deno.connectTls({ hostname: 'localhost', port: Number(port), caCerts });
  // A period that no chunk size divides; as traffic.c.
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i % 251) ^ (Math.floor(i / 251) % 241));
  const got = new Uint8Array(size);
  const send = async () => {
    for (let at = 0; at < size; ) at += await conn.write(bytes.subarray(at));
  };
  const receive = async () => {
    for (let at = 0; at < size; ) at += (await conn.read(got.subarray(at))) ?? Deno.exit(1);
  };
  await Promise.all([send(), receive()]);
  if (!got.every((b, i) => b === bytes[i])) Deno.exit(1);
  conn.close();
}
