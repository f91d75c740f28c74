#!/bin/bash
# Everything that `make lint` looks at; each finding is printed by the tool that has it.
#   lint.sh CPPFLAGS [quick]	quick: without the two that take minutes, path-sensitive clang-tidy and gcc -fanalyzer
set -u
cd "$(dirname "$0")/../.." || exit 1
read -ra flags <<<"$1"
for i in "${!flags[@]}"; do # the version's quotes do not survive the way here
	[ "${flags[i]#-DSONDE_VERSION}" = "${flags[i]}" ] || flags[i]='-DSONDE_VERSION="0"'
done
mapfile -t c_files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h' | grep -v '^vmlinux/')
mapfile -t src < <(find src -name '*.c')
mapfile -t scripts < <(find tests deploy .ci src/web/build.sh -name '*.sh' -o -path '.ci/run')
passed=0 failed=0

step() { # NAME COMMAND...
	local name=$1 start=$SECONDS
	shift
	if "$@"; then
		passed=$((passed + 1))
		printf 'lint      %-32s ok  %4d s\n' "$name" $((SECONDS - start))
	else
		failed=$((failed + 1))
		printf 'lint      %-32s FAILED\n' "$name"
	fi
}

analyze() {
	printf '%s\n' "${src[@]}" | xargs -P "$(nproc)" -I{} gcc -std=gnu17 -D_GNU_SOURCE "${flags[@]}" -O1 -fanalyzer -Werror -c {} -o /dev/null
}
tidy() { # CHECKS added to those of .clang-tidy
	printf '%s\n' "${src[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet "--checks=$1" --extra-arg=-std=gnu17 "${flags[@]/#/--extra-arg=}" 2>/dev/null
}
clang_builds() {
	printf '%s\n' "${src[@]}" | xargs -P "$(nproc)" -I{} clang -std=gnu17 "${flags[@]}" -Wall -Wextra -Werror -fsyntax-only {}
}

# What the web interface is built with was fetched when it was built; a release's files are not built again.
web() {
	[ -d src/web/node_modules ] || src/web/build.sh "$PWD/build/web" || return
	[ ! -d src/web/node_modules ] || npm --prefix src/web run --silent check
}

# The other architecture is kept compiling: userspace without linking, probes as they are loaded.
# shellcheck disable=SC2046 # words
arm64_builds() {
	printf '%s\n' "${src[@]}" | xargs -P "$(nproc)" -I{} aarch64-linux-gnu-gcc -std=gnu17 "${flags[@]}" -idirafter /usr/include \
		-idirafter /usr/include/x86_64-linux-gnu -Wall -Wextra -Werror -fsyntax-only {} || return
	make -s ARCH=arm64 B=build/arm64 $(printf 'build/arm64/%s.o ' $(basename -s .c bpf/*.bpf.c))
}

step format clang-format --dry-run -Werror "${c_files[@]}"
step layers tests/lint/layers.sh
step size tests/lint/size.sh
step clang clang_builds
step web web
step arm64 arm64_builds
if [ "${2-}" = quick ]; then
	step clang-tidy tidy '-clang-analyzer-*'
else
	step clang-tidy tidy ''
	step gcc-fanalyzer analyze
fi
step cppcheck cppcheck -j "$(nproc)" --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
	--suppress=memleak --include=tests/lint/cppcheck.h -Iinclude -Isrc src # memleak: it does not know that "ret" takes over
step codespell codespell -L shwo,jsno,versoin,iif,ans,optoin -S 'seeds,go.mod,go.sum,*.http,*.json,build*,node_modules,vmlinux' src bpf include tests deploy README.md
step shellcheck shellcheck "${scripts[@]}"
[ -z "${TEST_TOTALS-}" ] || echo "$passed $failed 0" >>"$TEST_TOTALS"
[ "$failed" = 0 ]
