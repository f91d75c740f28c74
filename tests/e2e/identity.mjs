// As identity.py, for node: identity.mjs PORT CA CONNECTIONS ROUNDS
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [port, ca, connections, rounds] = process.argv.slice(2);

function talk() {
	let left = Number(rounds), got = '';
	const socket = tls.connect({ host: '127.0.0.1', port, ca: readFileSync(ca), servername: 'localhost' });
	const say = () => {
		const mine = String(socket.localPort).padStart(5, '0');
		socket.write(`GET /port-is-${mine} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
	};
	socket.on('secureConnect', say);
	socket.on('data', (piece) => {
		got += piece;
		const head = got.indexOf('\r\n\r\n');
		if (head < 0)
			return;
		const whole = head + 4 + Number(/content-length: *(\d+)/i.exec(got)[1]);
		if (got.length < whole)
			return;
		got = got.slice(whole);
		if (--left > 0)
			say();
		else
			socket.end();
	});
}

for (let i = 0; i < Number(connections); i++)
	talk();
