#!/bin/bash
# `sonde prices`: what it costs, checked against a calculation of its own; files of prices checked and imported.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
unset SONDE_PRICES SUDO_USER
export HOME=$T XDG_CONFIG_HOME=$T/config TZ=UTC
p() { "$SONDE" prices "$@"; }

# --- cost ---

vectors() { SONDE=$SONDE python3 "$HERE/../price/vectors.py" 6000; }
ok "random calls cost what their table says" vectors

cost() { p cost | jq -c "${FILTER:-.}"; }
line='{"provider":"anthropic","model":"claude-opus-5","at":"2026-11-20T10:00:00Z","usage":{"input_tokens":1200,"cache_read_input_tokens":1000,"output_tokens":90}}'
exact() {
	[ "$(echo "$line" | cost)" = '{"provider":"anthropic","model":"claude-opus-5","cost_usd":"0.00375","rule":"2026-11-30/claude-opus-5","version":"2026-11-30","estimated":false}' ]
}
ok "a call costs an exact decimal, by a rule" exact
names() {
	local out
	out=$(cost <<-END
		{"provider":"openai","model":"gpt-5","usage":{"input":1000,"cache_read":500,"output":10}}
		{"provider":"openai","model":"gpt-5","usage":{"input_tokens":1000,"cache_read_input_tokens":500,"output_tokens":10}}
		{"provider":"openai","model":"gpt-5","usage":{"gen_ai.usage.input_tokens":1000,"gen_ai.usage.cache_read.input_tokens":500,"gen_ai.usage.output_tokens":10}}
	END
	)
	[ "$(echo "$out" | jq -r .cost_usd | uniq)" = 0.0007875 ]
}
ok "usage has three spellings" names
times() {
	[ "$(FILTER=.rule cost <<-END
		{"provider":"anthropic","model":"claude-sonnet-4-6","at":"2026-03-12","usage":{"input":300000,"output":0}}
		{"provider":"anthropic","model":"claude-sonnet-4-6","at":"2026-03-13T01:00:00+02:00","usage":{"input":300000,"output":0}}
		{"provider":"anthropic","model":"claude-sonnet-4-6","at":1773360000,"usage":{"input":300000,"output":0}}
	END
	)" = $'"2026-11-30/claude-sonnet-4-6/over 200000"\n"2026-11-30/claude-sonnet-4-6/over 200000"\n"2026-11-30/claude-sonnet-4-6"' ]
}
ok "the price is that of the time of the call" times
wrong_lines() {
	local rc
	printf '%s\n' '{"provider":"openai"' "$line" '' '[]' '{"provider":"openai","model":"gpt-5"}' \
		'{"provider":"openai","model":"gpt-5","usage":{"inptu":1}}' '{"provider":"openai","model":"gpt-5","usage":{"input":-1}}' \
		'{"provider":"openai","model":"gpt-5","at":"soon","usage":{}}' '{"provider":"openai","model":"gpt-5","mode":1,"usage":{}}' \
		'{"id":{"a":1},"provider":"openai","model":"gpt-7","usage":{"input":1,"output":1}}' >"$T/lines"
	head -c 3000000 /dev/zero | tr '\0' x >>"$T/lines"
	printf '\n%s' "$line" >>"$T/lines"
	p cost "$T/lines" >"$T/out"
	rc=$?
	[ "$rc" = 1 ] && [ "$(jq -c '[.line, .error // .reason // .cost_usd]' "$T/out")" = "$(cat <<-'END'
		[1,"not JSON"]
		[null,"0.00375"]
		[4,"no JSON object"]
		[5,"without an object 'usage'"]
		[6,"'inptu' is no count of usage"]
		[7,"'input' is no count"]
		[8,"'at' is no time such as 2026-11-20T10:00:00Z"]
		[9,"'mode' is no member"]
		[null,"no price for this model"]
		[11,"not JSON"]
		[null,"0.00375"]
	END
	)" ] && [ "$(sed -n 9p "$T/out" | jq -c .id)" = '{"a":1}' ]
}
ok "a wrong line is told, and all others are priced" wrong_lines
right_lines() { printf '%s\n\n%s\n' "$line" "$line" | p cost; }
ok "without a wrong line all is well" right_lines
unknown() { [ "$(echo '{"provider":"openai","model":"gpt-5","usage":{"output":5}}' | cost)" = '{"provider":"openai","model":"gpt-5","reason":"usage not known"}' ]; }
ok "what is not known is not free" unknown

# --- show ---

show() { [ "$(p show claude-sonnet-4-6 --provider anthropic --json --at 2026-03-01 | jq -c 'select(.in_force) | [.tier, .rule, .input_usd_per_million, .tier_factor]')" = \
	$'[null,null,3,null]\n[null,"over 200000 input tokens",6,null]\n["batch",null,3,0.5]\n["batch","over 200000 input tokens",6,0.5]' ]; }
ok "show tells of tiers, sizes and times" show
show_path() { [ "$(p show eu.anthropic.claude-opus-4-8-v1:0 --provider bedrock --json | jq -r .model | uniq)" = anthropic.claude-opus-4-8 ]; }
ok "show finds a model as a call does" show_path
show_people() { p show gpt-5.5 | grep -q 'priority x2.5' && p show whisper-1 | grep -q 'audio_hour 0.36'; }
ok "show is for people too" show_people
show_all() { [ "$(p show claude-opus-4-8 --json | jq -r .provider | sort -u | tr '\n' ' ')" = 'anthropic aws.bedrock gcp.vertex_ai ' ]; }
ok "without a provider, show tells of all" show_all
ok "show says where there is none" says 1 "no price for 'gpt-99'" p show gpt-99
ok "a part needs its operand" says 2 'usage: sonde prices show MODEL' p show

# --- check ---

ok "the built-in prices can be used" p check
cat >"$T/bad" <<-'END'
	{"format": 1, "models": [
	  {"model": "a", "prices": {"input": 1}},
	  {"model": "b",
	   "prices": {"inptu": 1}},
	  {"model": "c", "prices": {"input": 1.2345678}},
	  {"model": "d", "names": ["a"], "prices": {"input": 1}}
	]}
END
checked() {
	local rc
	p check "$T/bad" >"$T/out"
	rc=$?
	[ "$rc" = 1 ] && [ "$(sed "s|$T/||" "$T/out")" = "$(cat <<-'END'
		bad:4:16: models[1] (b): 'inptu' is no member
		bad:5:38: models[2] (c): 'input' has more than 6 decimals
		bad: warning: models[3] (d): the name 'a' is an earlier entry's
	END
	)" ]
}
ok "check tells of every mistake and its line" checked
printf '{"format":1,\n"models":[{]}' >"$T/cut"
no_json() { ! p check "$T/cut" >"$T/out" && grep -q 'cut:2:1[0-9]: not JSON' "$T/out"; }
ok "check tells where it is no JSON" no_json

format() { p format | grep -q '^    cache_read ' && [ "$(p format | wc -l)" -gt 30 ]; }
ok "format says what a file can have" format

# --- your own ---

mkdir -p "$T/config/sonde"
mine=$T/config/sonde/prices.json
echo '{"format":1,"version":"mine","aliases":{"prod":"gpt-5"},"models":[{"provider":"openai","model":"o9","prices":{"input":7,"output":1}},
	{"provider":"openai","model":"gpt-5-mini","prices":{"input":9,"output":9}}]}' >"$mine"
own() {
	[ "$(FILTER='[.cost_usd, .rule]' cost <<-END
		{"provider":"openai","model":"o9","usage":{"input":1000000,"output":0}}
		{"provider":"azure","model":"prod","usage":{"input":1000000,"output":0}}
		{"provider":"openai","model":"gpt-5-mini-2025-08-07","usage":{"input":1000000,"output":0}}
	END
	)" = $'["7","mine/o9"]\n["1.25","2026-11-30/gpt-5"]\n["9","mine/gpt-5-mini"]' ]
}
ok "your own prices and aliases win" own

# --- import ---

cat >"$T/litellm" <<-'END'
	{"sample_spec": {"litellm_provider": "one of", "input_cost_per_token": 1},
	 "o9": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
	 "groq/fast": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": 5e-08, "output_cost_per_token": 1.5e-07,
	  "cache_read_input_token_cost": 2.5e-08, "input_cost_per_token_above_200k_tokens": 1e-07, "input_cost_per_token_batches": 2e-08,
	  "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_high": 0.01}, "ocr_cost_per_page": 0.1},
	 "huge": {"litellm_provider": "openai", "input_cost_per_token": 7},
	 "whisper-x": {"litellm_provider": "openai", "mode": "audio_transcription", "input_cost_per_second": 0.0001},
	 "us.maker.m-v1:0": {"litellm_provider": "bedrock", "input_cost_per_token": 1e-06},
	 "bedrock/us-west-1/maker.m-v1:0": {"litellm_provider": "bedrock", "input_cost_per_token": 1e-06},
	 "maker.m-v1:0": {"litellm_provider": "bedrock", "input_cost_per_token": 2e-06, "output_cost_per_token": 0}}
END
imported() {
	p import "$T/litellm" 2>"$T/said" || return 1
	cat "$T/said"
	grep -q '5 models from litellm are now in' "$T/said" && grep -q '1  prices of one region (bedrock/us-west-1/maker.m-v1:0)' "$T/said" &&
		grep -q '1  ocr_cost_per_page (groq/fast)' "$T/said" &&
		grep -q "1  'input' is not between 0 and 1000000 (huge)" "$T/said" && p check && [ "$(FILTER='[.cost_usd, .reason]' cost <<-END
		{"provider":"groq","model":"fast","usage":{"input":200000,"output":1000,"cache_read":100000,"web_searches":1}}
		{"provider":"groq","model":"fast","usage":{"input":200001,"output":0}}
		{"provider":"groq","model":"fast","tier":"batch","usage":{"input":1000,"output":0}}
		{"provider":"openai","model":"whisper-x","usage":{"audio_ms":3600000}}
		{"provider":"bedrock","model":"us.maker.m-v1:0","usage":{"input":1000,"output":0}}
		{"provider":"bedrock","model":"eu.maker.m-v1:0","usage":{"input":1000,"output":0}}
		{"provider":"openai","model":"o9","usage":{"input":1000000,"output":0}}
		{"provider":"azure","model":"prod","usage":{"input":1000000,"output":0}}
	END
	)" = $'["0.01765",null]\n["0.0200001",null]\n["0.00002",null]\n["0.36",null]\n["0.001",null]\n["0.002",null]\n["7",null]\n["1.25",null]' ]
}
ok "LiteLLM's list is imported, below your own" imported
again() {
	local before
	before=$(jq '.models | length' "$mine")
	p import "$T/litellm" 2>/dev/null && [ "$(jq '.models | length' "$mine")" = "$before" ] && [ "$before" = 7 ]
}
ok "the same list again replaces what came from it" again

cat >"$T/genai" <<-'END'
	[{"id": "google", "models": [{"id": "g", "match": {"or": [{"equals": "g-x"}, {"starts_with": "g"}, {"contains": "q"}]},
	   "prices": [{"prices": {"input_mtok": {"base": 1, "tiers": [{"start": 1000, "price": 2}]}, "output_mtok": 4}},
	    {"constraint": {"start_date": "2026-06-01"}, "prices": {"input_mtok": 3, "output_mtok": 4, "input_mchars": 1}},
	    {"constraint": {"start_time": "16:30:00Z", "end_time": "00:30:00Z"}, "prices": {"input_mtok": 0.5, "output_mtok": 4}}]}]}]
END
genai() {
	p import "$T/genai" -o - >"$T/$1" 2>"$T/said" && p check "$T/$1" && grep -q 'names by what they contain' "$T/said" &&
		grep -q 'input_mchars' "$T/said" && [ "$(SONDE_PRICES=$T/$1 FILTER=.cost_usd cost <<-END
		{"provider":"gcp.gemini","model":"g","at":"2026-01-01T10:00:00Z","usage":{"input":1000,"output":0}}
		{"provider":"gcp.gemini","model":"g","at":"2026-01-01T10:00:00Z","usage":{"input":1001,"output":0}}
		{"provider":"gcp.vertex_ai","model":"g-x","at":"2026-06-01T10:00:00Z","usage":{"input":1000,"output":0}}
		{"provider":"gcp.gemini","model":"g-20260101","at":"2026-06-02T00:10:00Z","usage":{"input":1000,"output":0}}
	END
	)" = $'"0.001"\n"0.002002"\n"0.003"\n"0.0005"' ]
}
ok "genai-prices' list is converted" genai one
wrapped() {
	printf '{"units": {}, "providers": %s}' "$(cat "$T/genai")" >"$T/v3" && mv "$T/v3" "$T/genai"
	genai two
}
ok "its newest form as well" wrapped
as_sudo() { # root's file in a user's folder would be in the user's way
	[ "$(id -u)" != 0 ] && return
	SUDO_USER=nobody says 1 'call it without sudo' p import "$T/litellm"
}
ok "under sudo it writes nothing into the user's folder" as_sudo
ok "another file is refused" says 1 "neither LiteLLM's list nor genai-prices'" p import "$mine"
kept() {
	cp "$T/bad" "$T/other" && says 1 'sonde prices check' p import "$T/litellm" -o "$T/other" && cmp "$T/bad" "$T/other"
}
ok "a file that cannot be read is not overwritten" kept

# --- what the provider says that it cost ---

rm -f "$mine"
told() { # HOST MODEL USAGE
	cat <<-END
		host testhost
		config {"content":"full","content_limit":5000,"content_llm":true,"content_memory":true,"content_tools":true,"price_digest":""}
		scope agent {"scope":1,"kind":"run","argv":["agent"],"cwd":"/proj","uid":1000,"gid":1000,"user":"u","tty":false,"owner":"user","trigger":"terminal"}
		exec agent /usr/bin/agent -- agent
		open s1 agent tcp 10.0.0.1:443 tls
		open t1 agent openssl
		link t1 s1
		request t1 POST /v1/chat/completions
		| Host: $1
		| Content-Type: application/json
		|
		| {"model":"$2","messages":[{"role":"user","content":"hi"}]}
		answer t1 200
		| Content-Type: application/json
		|
		| {"id":"x","object":"chat.completion","model":"$2","choices":[{"index":0,"message":{"role":"assistant","content":"ho"},"finish_reason":"stop"}],"usage":$3}
		exit agent 0
	END
}
# call HOST MODEL USAGE: the cost as its span has it
call() {
	told "$@" | make_record - "$T/rec" && replay "$T/db" "$T/rec" &&
		spans "$T/db" | jq -c 'select(.attributes["sonde.step.kind"] == "llm").attributes |
			[.["sonde.cost.usd"], .["sonde.cost.source"], .["sonde.cost.price"], .["sonde.cost.table.usd"], .["sonde.cost.table.price"],
			.["sonde.cost.table.unknown"], .["sonde.cost.mismatch"]]'
}
mismatches() { "$SONDE" cost --db "$T/db" --json | jq .price_mismatch_calls; }
told_alike() {
	[ "$(call openrouter.ai anthropic/claude-opus-4.8 '{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"cost":0.0075}')" = \
		'[0.0075,"provider_reported",null,0.0075,"2026-11-30/anthropic/claude-opus-4.8",null,null]' ] && [ "$(mismatches)" = 0 ]
}
ok "what the provider says counts, ours stands beside it" told_alike
told_other() {
	[ "$(call openrouter.ai anthropic/claude-opus-4.8 '{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"cost":0.01}')" = \
		'[0.01,"provider_reported",null,0.0075,"2026-11-30/anthropic/claude-opus-4.8",null,true]' ] && [ "$(mismatches)" = 1 ] &&
		"$SONDE" show --db "$T/db" last | grep -qF "\$0.0100 (table \$0.0075)" &&
		"$SONDE" cost --db "$T/db" | grep -q 'the provider told another price than the table has: 1 calls'
}
ok "a difference shows: on the span, in the tree, in the sum" told_other
told_ticks() {
	[ "$(call api.x.ai grok-4.5 '{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"cost_in_usd_ticks":26000000}')" = \
		'[0.0026,"provider_reported",null,0.0026,"2026-11-30/grok-4.5",null,null]' ]
}
ok "xAI counts in ticks" told_ticks
told_alone() {
	[ "$(call openrouter.ai maker/unheard-of '{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"cost":0.01}')" = \
		'[0.01,"provider_reported",null,null,null,"no price for this model",null]' ]
}
ok "a model without a price of ours has the provider's" told_alone
by_place() {
	[ "$(call eu.api.openai.com gpt-5.5 '{"prompt_tokens":1000,"completion_tokens":0,"total_tokens":1000}')" = \
		'[0.0055,"price_table","2026-11-30/gpt-5.5/regional",null,null,null,null]' ]
}
ok "a region's host has its price" by_place

finish
