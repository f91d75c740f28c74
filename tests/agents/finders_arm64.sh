#!/bin/bash
# Programs and libraries for arm64, looked at on whatever machine this is: what is found, what is refused; nothing is wrong.
. "$(dirname "$0")/../e2e/lib.sh"
KEPT=$TOP/build/foreign # over a gigabyte
for tool in aarch64-linux-gnu-gcc npm go; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done

# npm_file PACKAGE PATH	unpacks one file of it
npm_file() {
	local dir=$KEPT/${1//[^a-zA-Z0-9.-]/_}
	[ ! -e "$dir/$2" ] || return 0
	mkdir -p "$dir" && (cd "$T" && npm pack --silent "$1" >"$T/packed") && tar -xzf "$T/$(tail -1 "$T/packed")" -C "$dir" --strip-components=1 "package/$2" &&
		rm -f "$T"/*.tgz
}

wheel() { # NAME VERSION PYTHON
	[ ! -d "$KEPT/$1" ] || return 0
	/usr/bin/python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --python-version "$3" \
		--platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 -d "$T" "$1==$2" && /usr/bin/python3 -m zipfile -e "$T/$1-$2"-*.whl "$KEPT/$1"
}

static_openssl() { # FILE FLAGS...
	local usr=$KEPT/debian/usr
	cat >"$T/x.c" <<-X
		#include <openssl/ssl.h>
		int main(void)
		{
			SSL *s = SSL_new(SSL_CTX_new(TLS_client_method()));
			char b[9];
			size_t n;
			return SSL_write(s, b, 9) + SSL_read(s, b, 9) + SSL_peek(s, b, 9) + SSL_read_ex(s, b, 9, &n) + SSL_write_ex(s, b, 9, &n);
		}
	X
	# The C library warns of what a static program cannot do.
	aarch64-linux-gnu-gcc "${@:2}" -w -isystem "$usr/include" -isystem "$usr/include/aarch64-linux-gnu" -o "$1" "$T/x.c" "$usr"/lib/aarch64-linux-gnu/lib{ssl,crypto}.a 2>/dev/null
}

go_program() { # FILE FLAGS...
	(cd "$TOP/tests/e2e/clients/go" && GOARCH=arm64 CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build "${@:2}" -o "$1" ./bytes)
}

files() {
	mkdir -p "$KEPT"
	wheel curl_cffi 0.17.0 3.10 && wheel grpcio 1.37.0 3.8 && wheel hf_xet 1.8.0 3.11 && "$TOP/tests/vm/debian.sh" arm64 "$KEPT/debian" libssl3 libssl-dev libgnutls30 &&
		static_openssl "$T/static-openssl" -static && static_openssl "$T/pie-openssl" && go_program "$T/go" && go_program "$T/go-pie" -buildmode=pie
}

agents() {
	npm_file @oven/bun-linux-aarch64@1.3.14 bin/bun && npm_file @oven/bun-linux-aarch64@1.4.5 bin/bun && npm_file opencode-linux-arm64@1.18.18 bin/opencode &&
		npm_file @anthropic-ai/claude-code-linux-arm64@2.1.332 claude && npm_file @openai/codex@0.169.0-linux-arm64 vendor/aarch64-unknown-linux-musl/bin/codex &&
		npm_file @deno/linux-arm64-glibc@2.9.6 deno
}

table() {
	local found
	/usr/bin/python3 "$TOP/tests/agents/finders.py" "$SONDE" "$T" "${binaries[@]}" >"$T/table" 2>&1 || { tail -3 "$T/table"; return 1; }
	found=$(sed -n 's/^found=\([0-9]*\) .*/\1/p' "$T/table")
	# grpcio's compiler keeps arguments on the stack; parts of Deno's functions are in others.
	[ "$found" -ge $((${#binaries[@]} - 2)) ] || { echo "only $found"; return 1; }
}

ok "binaries that kept their symbols can be had" files
ok "agents can be had" agents
mapfile -t binaries < <(find "$KEPT" "$T"/{static,pie}-openssl "$T"/go "$T"/go-pie -type f \( -name _wrapper.abi3.so -o -name 'cygrpc*.so' -o -name hf_xet.abi3.so \
	-o -name libssl.so.3 -o -name libgnutls.so.30.\* -o ! -name '*.*' -perm /111 -size +500k \) 2>/dev/null | sort)
ok "what is found is what the symbols say; two are refused" table
sed 's/^/# /' "$T/table"
finish
