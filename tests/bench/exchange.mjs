// SPDX-License-Identifier: BSD-2-Clause
// The same exchange of 1 KB each way on one TLS connection, again and again: exchange.mjs PORT COUNT
import tls from "node:tls";

const [port, count] = process.argv.slice(2).map(Number);
const start = '{"model":"gpt-4o","messages":[{"role":"user","content":"';
const body = start + "y".repeat(1024 - start.length - 4) + '"}]}';
const request =
	"POST /v1/chat/completions?size=1024&stream=0&gap=0 HTTP/1.1\r\nHost: localhost\r\n" +
	`Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const times = [];
let begin, got = "";

const s = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
	s.setNoDelay(true);
	ask();
});
function ask() {
	begin = process.hrtime.bigint();
	s.write(request);
}
s.on("data", (piece) => {
	got += piece;
	if (!got.endsWith('"}}]}')) return;
	got = "";
	times.push(Number(process.hrtime.bigint() - begin) / 1000);
	if (times.length < count + 50) return ask();
	const sorted = times.slice(50).sort((a, b) => a - b);
	console.log(`median=${sorted[sorted.length >> 1].toFixed(2)}`);
	s.end();
});
