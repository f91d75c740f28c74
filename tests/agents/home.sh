#!/bin/bash
# A home folder for an agent that has been set up and asks nothing at its first start.
#   home.sh claude|codex|copilot|opencode HOME BASE [CA]	prints the environment that it needs besides PATH, a line each; CA: whom it
#	trusts besides, a file. CODEX_WEBSOCKETS=true: codex speaks Responses over a WebSocket;
#	CODEX_SANDBOX=workspace-write: it confines what its model wants
set -eu
agent=$1 home=$2 base=$3 ca=${4-}
rm -rf "$home"
mkdir -p "$home/project" "$home/tmp" "$home/.codex"
echo "# a project" >"$home/project/README.md"
printf '%s\n' HOME="$home" TMPDIR="$home/tmp" LANG=C.UTF-8 SHELL=/bin/bash
[ -z "$ca" ] || printf '%s\n' NODE_EXTRA_CA_CERTS="$ca" SSL_CERT_FILE="$ca"
case $agent in
claude)
	key=sk-ant-dummy-0123456789
	cat >"$home/.claude.json" <<-X
		{"hasCompletedOnboarding": true, "theme": "dark", "numStartups": 5,
		 "customApiKeyResponses": {"approved": ["${key: -20}"], "rejected": []},
		 "projects": {"$home/project": {"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true}}}
	X
	printf '%s\n' ANTHROPIC_BASE_URL="$base" ANTHROPIC_API_KEY="$key" IS_SANDBOX=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
	;;
gemini)
	mkdir -p "$home/.gemini"
	cat >"$home/.gemini/settings.json" <<-X
		{"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"disableAutoUpdate": true, "enableAutoUpdate": false},
		 "privacy": {"usageStatisticsEnabled": false}, "telemetry": {"enabled": false}}
	X
	printf '%s\n' GEMINI_API_KEY=AIza-dummy GOOGLE_GEMINI_BASE_URL="$base" GEMINI_CLI_TRUST_WORKSPACE=true
	;;
opencode)
	mkdir -p "$home/.config/opencode"
	cat >"$home/.config/opencode/opencode.json" <<-X
		{"autoupdate": false, "share": "disabled", "provider": {"mock": {"npm": "@ai-sdk/openai-compatible", "name": "mock",
		 "options": {"baseURL": "$base/v1", "apiKey": "sk-proj-dummy"}, "models": {"gpt-4o": {"name": "gpt-4o"}}}}}
	X
	;;
copilot)
	printf '%s\n' COPILOT_PROVIDER_BASE_URL="$base" COPILOT_PROVIDER_API_KEY=sk-proj-dummy COPILOT_OFFLINE=true COPILOT_AUTO_UPDATE=false
	;;
codex)
	cat >"$home/.codex/config.toml" <<-X
		model = "gpt-5-codex"
		approval_policy = "never"
		sandbox_mode = "${CODEX_SANDBOX:-danger-full-access}"
		model_provider = "mock"
		check_for_update_on_startup = false
		[model_providers.mock]
		name = "mock"
		base_url = "$base/v1"
		env_key = "OPENAI_API_KEY"
		wire_api = "responses"
		request_max_retries = 4
		supports_websockets = ${CODEX_WEBSOCKETS:-false}
		[projects."$home/project"]
		trust_level = "trusted"
	X
	printf '%s\n' OPENAI_API_KEY=sk-proj-dummy
	;;
esac
