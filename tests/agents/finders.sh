#!/bin/bash
# Every binary with TLS inside that is at hand, without its symbols: what is found, what is refused; nothing is wrong.
. "$(dirname "$0")/../e2e/lib.sh"
need_root
AGENTS=${AGENTS:-$TOP/build/agents}
WHEELS=$TOP/build/wheels
modules=$AGENTS/node_modules
[ -d "$modules" ] || skip_all "make agents installs them"

# wheel NAME VERSION PYTHON	unpacked; those that kept the symbols of the BoringSSL inside
wheel() {
	[ ! -d "$WHEELS/$1" ] || return 0
	/usr/bin/python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --python-version "$3" \
		--platform manylinux2010_x86_64 --platform manylinux2014_x86_64 -d "$T" "$1==$2" &&
		/usr/bin/python3 -m zipfile -e "$T/$1-$2"-*.whl "$WHEELS/$1"
}

# static_openssl FLAGS...	Debian's libssl inside a program
static_openssl() {
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
	gcc "${@:2}" -w -o "$1" "$T/x.c" -l:libssl.a -l:libcrypto.a -Wl,--exclude-libs,ALL 2>/dev/null
}

files() {
	static_openssl "$T/static-openssl" -static && static_openssl "$T/pie-openssl" && wheel curl_cffi 0.17.0 3.10 &&
		wheel grpcio 1.30.0 3.8
}

table() {
	local found
	/usr/bin/python3 "$TOP/tests/agents/finders.py" "$SONDE" "$T" "${binaries[@]}" >"$T/table" 2>&1 || return
	found=$(sed -n 's/^found=\([0-9]*\) .*/\1/p' "$T/table")
	# In node 22 the compiler has put OpenSSL's internal functions into others in a way that is not followed.
	[ "$found" -ge $((${#binaries[@]} - 1)) ] || { echo "only $found"; return 1; }
}

ok "binaries that kept their symbols can be had" files
mapfile -t binaries < <(find "$modules"/bun-*/bin/bun "$modules"/claude-code-older/claude "$modules"/opencode/bin/opencode \
	"$modules"/@anthropic-ai/claude-code-linux-x64/claude "$modules"/node-*/bin/node "$T"/*-openssl /usr/lib/*-linux-gnu/libssl.so.3 /usr/bin/node \
	"$WHEELS" -type f \( -perm /111 -o -name '*.so*' \) -size +500k 2>/dev/null)
ok "what is found is what the symbols say; one is refused" table
sed 's/^/# /' "$T/table"
finish
