#!/bin/bash
# The main job, on a bundled agent and a bundled model server: both on this machine, no network, no key. Then the web interface
# over what was seen: on a terminal until Ctrl-C.
#   SONDE=path/to/sonde [SONDE_DB=store] demo.sh
set -eu
cd "$(dirname "$0")/../.."
SONDE=${SONDE:-$PWD/build/sonde}
dir=$(mktemp -d)
python=$(command -v /usr/bin/python3 || command -v python3) # version managers put scripts in its place
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
chmod 755 "$dir"
tests/mock/certs.sh "$dir/certs"
"$python" tests/mock/llm_server.py --https 0 --certs "$dir/certs" --ready "$dir/ready" \
	--scenario '{"tool_turns": 2, "chunk_delay_ms": 15, "latency_ms": 120, "command": "uname -sr && ls / | head -3"}' &
server=$!
for _ in $(seq 600); do
	[ -s "$dir/ready" ] && break
	sleep 0.1
done
port=$(awk '/^https/ { print $2 }' "$dir/ready")
cp tests/demo/agent.py "$dir/agent.py"

echo "\$ sonde run -- python3 agent.py --stream 'What system is this?'"
echo
store=${SONDE_DB:-$dir/sonde.db}
SONDE_DB=$store SSL_CERT_FILE=$dir/certs/ca.pem ANTHROPIC_BASE_URL=https://127.0.0.1:$port \
	ANTHROPIC_API_KEY=sk-ant-api03-demo-key-that-sonde-never-stores "$SONDE" run -- \
	"$python" "$dir/agent.py" --stream 'What system is this?'

echo
if [ -t 0 ] && [ -t 1 ]; then
	echo "\$ sonde serve"
	"$SONDE" serve --db "$store" || true # Ctrl-C ends it
else
	echo "On a terminal the web interface over this run would be up now, until Ctrl-C."
	if [ -n "${SONDE_DB-}" ]; then
		echo "To see it: $SONDE serve --db $SONDE_DB"
	else
		echo "To see it: SONDE_DB=/var/tmp/demo.db make demo && $SONDE serve --db /var/tmp/demo.db"
	fi
fi
