#!/bin/bash
# Programs made by the oldest and the newest Go, and by those between: found, and every call and byte equal.
#   GO_VERSIONS	which (toolchains from the module proxy, 300 MB each below build/; removed when they have built)
. "$(dirname "$0")/../e2e/lib.sh"
need_root
command -v go >/dev/null || skip_all "no Go"
VERSIONS=${GO_VERSIONS-1.19.13 1.20.14 1.21.13 1.22.12 1.23.12 1.24.13 1.25.14 1.27.4}
B=$TOP/build/go-versions
CAPTURE=$TOP/build/tests/e2e/capture
[ -x "$CAPTURE" ] || make -s -C "$TOP" build/tests/e2e/capture || exit 1
mkdir -p "$B"
mock_start

# fetch VERSION	sets GOROOT
fetch() {
	GOROOT=$(cd "$T" && GOMODCACHE=$B/mod GOFLAGS=-modcacherw GOTOOLCHAIN=local \
		go mod download -json "golang.org/toolchain@v0.0.1-go$1.linux-amd64" | jq -r .Dir)
	[ -d "$GOROOT" ] && chmod +x "$GOROOT"/bin/* "$GOROOT"/pkg/tool/*/*
}

build() { # VERSION KIND OPTION...
	local p
	for p in agent bytes; do
		(cd "$TOP/tests/e2e/clients/go" && env GOROOT="$GOROOT" GOCACHE="$B/cache" GOTOOLCHAIN=local GOFLAGS=-buildvcs=false \
			CGO_ENABLED="$([ "$2" = cgo ] && echo 1 || echo 0)" "$GOROOT/bin/go" build -o "$B/$p-$1-$2" "${@:3}" "./$p") || return
	done
}

found() { # PROGRAM
	"$SONDE" doctor --quick --json "$1" | jq -es 'any(.library == "go" and (.points | length >= 5 and all(.cost == "cheap")))'
}

calls() { # PROGRAM
	mock_scenario '{"tool_turns":3}'
	traced "$HTTPS" "$1" messages stream && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}

bytes() { # PROGRAM ARGUMENT...
	rm -rf "$T/d"
	mkdir "$T/d"
	timeout 100 "$CAPTURE" -q -b $((256 << 20)) -d "$T/d" -- "$@" >"$T/said" 2>&1 || { cat "$T/said"; return 1; }
	grep -E '^[0-9a-f]{64} ' "$T/said" | cut -d' ' -f1 | sort >"$T/want"
	find "$T/d" -type f -exec sha256sum {} + | cut -d' ' -f1 | sort >"$T/got"
	[ -s "$T/want" ] && diff "$T/want" "$T/got"
}

arm() {
	(cd "$TOP/tests/e2e/clients/go" && GOARCH=arm64 CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build -ldflags='-s -w' -o "$B/arm" ./bytes) || return
	"$SONDE" doctor --quick --json "$B/arm" | jq -es 'any(.library == "go" and (.points | length >= 5 and all(.cost == "cheap")))'
}
ok "for arm64: found" arm

for v in $VERSIONS; do
	ok "$v: the toolchain" fetch "$v"
	GOROOT=$(find "$B/mod/golang.org" -maxdepth 1 -name "toolchain@*-go$v.*")
	for kind in plain stripped pie cgo; do
		options=()
		case $kind in
		stripped) options=(-ldflags='-s -w') ;;
		pie) options=(-buildmode=pie) ;;
		cgo) options=(-ldflags='-linkmode=external -s -w') ;;
		esac
		ok "$v $kind: built" build "$v" "$kind" "${options[@]}"
		ok "$v $kind: found" found "$B/agent-$v-$kind"
		ok "$v $kind: calls" calls "$B/agent-$v-$kind"
		ok "$v $kind: bytes" bytes "$B/bytes-$v-$kind" sizes 1 4096 16384 65537 1048577 16777216
		ok "$v $kind: goroutines" bytes "$B/bytes-$v-$kind" goroutines 24 900000
		rm -f "$B/agent-$v-$kind" "$B/bytes-$v-$kind"
	done
	rm -rf "$GOROOT" "$B/cache"
done
rm -rf "$B"
finish
