#!/bin/bash
# Which socket a TLS stream uses, and that no two streams are taken for one.
# alone: whose record is next to whose call is counted, and a neighbour moves them.
. "$(dirname "$0")/lib.sh"
need_root
CAPTURE=$TOP/build/tests/e2e/capture
[ -x "$CAPTURE" ] || skip_all "make e2e builds what this needs"
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start

# linked N COMMAND...	at least N links, none wrong, each stream of one connection only
linked() {
	local n=$1
	shift
	rm -rf "$T/d"
	mkdir "$T/d"
	"$CAPTURE" -d "$T/d" -- "$@" >"$T/out" || return 1
	/usr/bin/python3 "$TOP/tests/e2e/identity.py" --check "$T/out" "$T/d" "$n"
}

alike=("${HTTPS##*:}" "$T/certs/ca.pem" 24 3)
ok "asyncio: 24 connections that are alike, at once, each with its own socket" linked 24 /usr/bin/python3 "$TOP/tests/e2e/identity.py" "${alike[@]}"
ok "uvloop: likewise" linked 24 "$PYTHON" "$TOP/tests/e2e/identity.py" "${alike[@]}" uvloop
ok "node: likewise" linked 24 "$NODE" "$TOP/tests/e2e/identity.mjs" "${alike[@]}"
ok "1000 connections with objects freed and used again: both ends of each are streams of their own" linked 2000 "$TOP/build/tests/e2e/traffic" cycles 1000

# Both ends are traced; the server's hands over the descriptor.
for way in socket two directions buffer own pair filter; do
	ok "OpenSSL, SSL_set_bio and its like, '$way': 8 connections at once, both ends of each with their socket" \
		linked 16 "$TOP/build/tests/e2e/ways" "$way" 8 3
done

# by EVIDENCE COMMAND...	its TLS streams have a socket each, all found that way
by() {
	local evidence=$1
	shift
	# shellcheck disable=SC2046 # words
	env -i $(client_env "$HTTPS") "$CAPTURE" -- "$@" >"$T/out" 2>"$T/said" || { cat "$T/said"; return 1; }
	grep -aq "^LINK .* evidence=$evidence\$" "$T/out" && ! grep -a '^LINK ' "$T/out" | grep -v "evidence=$evidence\$"
}
ok "python hands over the descriptor" by 6 /usr/bin/python3 "$TOP/tests/demo/agent.py" --api chat "list the files"
ok "curl's library calls the socket" by 1 curl -s --cacert "$T/certs/ca.pem" "$HTTPS/"
ok "node moves the records itself" by 2 "$NODE" "$CLIENTS/openai.mjs" chat stream

# What nothing could read is told by the name that the client asked for.
named() {
	traced "$HTTPS" /usr/bin/python3 "$TOP/tests/e2e/unread.py" "${HTTPS##*:}" "$T/certs/ca.pem" localhost || return 1
	"$SONDE" show --db "$T/db" last | tee "$T/show" | grep -q "TLS to localhost (127.0.0.1:${HTTPS##*:}) that nothing could read" || { cat "$T/show"; return 1; }
}
ok "a TLS connection that nothing could read is told by its server's name" named
finish
