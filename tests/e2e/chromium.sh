#!/bin/bash
# Chromium, whose BoringSSL is inside and whose connections belong to a process of their own: what pages ask a model.
# Electron's applications are made of it.
# shellcheck disable=SC2016,SC2015,SC2034 # for the page's script; a failed test shows why; lib.sh reads it
. "$(dirname "$0")/lib.sh"
need_root
EXTRA_ENV="SONDE_CACHE=$T/cache" # where nothing is known yet
mock_start
mock_scenario '{}'

page() {
	cat <<-HTML
		<script>
		const ask = (n) => fetch("$HTTPS/v1/chat/completions", {
			method: "POST",
			headers: { "content-type": "application/json", authorization: "Bearer dummy" },
			body: JSON.stringify({ model: "gpt-4o", stream: n > 1, messages: [{ role: "user", content: "question " + n }] }),
		}).then((r) => r.text());
		onload = async () => { for (const n of [1, 2, 3]) await ask(n); document.body.append("all " + "answered"); };
		</script>
	HTML
}
asks() {
	page >"$T/page.html"
	: >"$TRUTH"
	SONDE_OPTIONS=--no-files traced "$HTTPS" chromium --headless --no-sandbox --disable-gpu --disable-web-security \
		--ignore-certificate-errors --user-data-dir="$T/profile" --virtual-time-budget=20000 --dump-dom "file://$T/page.html" || return
	grep -q 'all answered' "$T/out" || { cat "$T/out"; return 1; }
}
whole() { /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"; }
# It takes a second to find what is wanted in 250 MB.
first_time() { asks && { whole || noted "late attach|nothing of it was read" || { cat "$T/err"; return 1; }; }; }
ok "met for the first time: whole, or it is told how late" first_time
again() { asks && whole; }
ok "then each call of a page is whole, the first one too" again
one_process() {
	jq -s '[.[] | select(.attributes."gen_ai.operation.name" == "chat") | .attributes."process.pid"] | unique | length' "$T/spans" | holds '. == 1'
}
ok "they are the network service's" one_process
finish
