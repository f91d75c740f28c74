#!/bin/bash
# An ordinary user's command is the same traced and untraced: identity, groups, environment, limits, folder, owners.
# The user exists only in a mount namespace of this test, with a sudo rule of its own there.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
U=23456

if [ "${1-}" != inside ]; then
	rm -rf "$T" # exec runs no trap
	# shellcheck disable=SC2016 # for the inner shell
	exec unshare -m --propagation private bash -c '
		d=$(mktemp -d /tmp/sonde-user-XXXXXX)
		chmod 755 "$d"
		for f in passwd group shadow; do cp -p /etc/$f "$d/$f"; done
		echo "sonde-tester:x:'$U:$U'::$d/home:/bin/bash" >>"$d/passwd"
		printf "sonde-tester:x:'$U':\nsonde-extra:x:23457:sonde-tester\n" >>"$d/group"
		echo "sonde-tester:*:19000:0:99999:7:::" >>"$d/shadow"
		for f in passwd group shadow; do mount --bind "$d/$f" /etc/$f; done
		mkdir "$d/sudoers.d" "$d/home"
		echo "sonde-tester ALL=(ALL) NOPASSWD: ALL" >"$d/sudoers.d/test"
		chmod 440 "$d/sudoers.d/test"
		mount --bind "$d/sudoers.d" /etc/sudoers.d
		chown -R '$U:$U' "$d/home"
		export USER_HOME=$d/home
		bash "$0" inside
		rc=$?
		umount /etc/passwd /etc/group /etc/shadow /etc/sudoers.d
		rm -rf "$d"
		exit $rc' "$0"
fi

mock_start
# What this script inherited is not the user's: sudo closes it.
for fd in /proc/self/fd/*; do
	[ "${fd##*/}" -le 2 ] || [ "${fd##*/}" = 255 ] || eval "exec ${fd##*/}>&-"
done
# sudo sets the limit of core files to 0; sonde sets it back, which needs CAP_SYS_RESOURCE (a container may lack it).
[ $((0x$(awk '/^CapEff/ { print $2 }' /proc/self/status) & 1 << 24)) != 0 ] || ulimit -c 0

# The program must be where an ordinary user can run it.
install -m 755 "$SONDE" "$T/sonde"
SONDE=$T/sonde
install -d -o $U -g $U "$T/mine"
cat >"$T/who" <<'EOS'
#!/bin/bash
cd "$PWD" || exit
id
pwd
umask
ulimit -a
ulimit -Ha
grep -E '^(SigIgn|SigBlk|NoNewPrivs|CapPrm|CapEff|CapBnd|Seccomp):' /proc/self/status
ls -l /proc/self/fd | awk '{ print $9 }' | grep -vE '^(255|)$' | wc -l
date >"made-$1"
stat -c '%u %g %a' "made-$1"
rm -f "made-$1"
EOS
cat >"$T/env" <<'EOS'
#!/bin/bash
env -0 | sort -z | tr '\0' '\n' | grep -vE '^(_|SHLVL|OLDPWD)='
EOS
chmod 755 "$T/who" "$T/env"

as_user() { # with an environment of the user's own
	setpriv --reuid=$U --regid=$U --init-groups env -i -C "$T/mine" HOME="$USER_HOME" USER=sonde-tester LOGNAME=sonde-tester \
		PATH=/usr/local/bin:/usr/bin:/bin:/usr/games LANG=C.UTF-8 SECRET_OF_MINE=kept "$@"
}
same() { # UNTRACED TRACED
	diff "$1" "$2"
}

as_user "$T/who" x >"$T/who.plain" 2>&1
as_user "$T/env" >"$T/env.plain" 2>&1

ok "sonde run asks sudo for the prober alone" as_user sh -c "exec '$SONDE' run -q -- '$T/who' x >'$T/mine/who.run' 2>'$T/mine/err'"
ok "the command is the user's: same in all" same "$T/who.plain" "$T/mine/who.run"
as_user sh -c "exec '$SONDE' run -q -- '$T/env' >'$T/mine/env.run' 2>>'$T/mine/err'"
ok "and has its whole environment" same "$T/env.plain" "$T/mine/env.run"

as_user sh -c "exec sudo '$SONDE' run -q -- '$T/who' x >'$T/mine/who.sudo' 2>'$T/mine/err'"
# Beside sudo alone: it takes away core dumps and open descriptors itself.
as_user sudo -u sonde-tester "$T/who" x >"$T/who.sudo" 2>&1
ok "sudo sonde run: the same user, groups, limits, folder, owners" same "$T/who.sudo" "$T/mine/who.sudo"
home() {
	as_user sudo "$SONDE" run -q -- sh -c 'echo $HOME $USER' >"$T/home"
	[ "$(cat "$T/home")" = "$USER_HOME sonde-tester" ] || { cat "$T/home"; return 1; }
}
ok "sudo sonde run: the user's HOME and name" home
ok "--as-root keeps root" as_user sudo "$SONDE" run -q --as-root -- sh -c '[ "$(id -u)" = 0 ]'

stored() {
	as_user "$SONDE" runs --json >"$T/runs" || return 1
	[ "$(wc -l <"$T/runs")" -ge 3 ] && [ "$(stat -c '%u %a' "$USER_HOME/.local/share/sonde/sonde.db")" = "$U 600" ] || {
		cat "$T/runs"
		ls -la "$USER_HOME/.local/share/sonde"
		return 1
	}
}
ok "runs are in the user's own store, mode 600" stored

captured() {
	mock_scenario '{}'
	rm -f "$T/mine/spans"
	# shellcheck disable=SC2046 # words
	as_user $(client_env "$HTTPS" | sed "s#HOME=[^ ]*#HOME=$USER_HOME#; s#TMPDIR=[^ ]*#TMPDIR=$T/mine#; s#PATH=[^ ]*#PATH=/usr/bin:/bin#") \
		"$SONDE" run --json -o "$T/mine/spans" -- /usr/bin/python3 "$TOP/tests/demo/agent.py" --stream >"$T/out" 2>"$T/err" &&
		/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/mine/spans"
}
chmod 755 "$T"
ok "an ordinary user's agent is captured whole" captured
attached() { # PID STATUS: a process that runs already
	local rc=0
	as_user "$SONDE" run --no-store --pid "$1" >"$T/out" 2>"$T/err" || rc=$?
	[ "$rc" = "$2" ] || { echo "status $rc"; cat "$T/err"; return 1; }
}
own() {
	local tracer
	as_user sh -c 'echo $$ >pid; exec sleep 600' &
	within 60 test -s "$T/mine/pid" || return 1
	pids+=("$(cat "$T/mine/pid")")
	as_user "$SONDE" run --no-store --pid "$(cat "$T/mine/pid")" >"$T/out" 2>"$T/err" &
	tracer=$!
	within 60 grep -q '^tracing' "$T/err" || { cat "$T/err"; return 1; }
	kill "$(cat "$T/mine/pid")"
	wait "$tracer" || { echo "status $?"; cat "$T/err"; return 1; }
}
ok "an own process that runs already may be traced, until it ends" own
not_yours() {
	attached $$ 125 && grep -q 'not yours' "$T/err"
}
ok "another user's may not" not_yours
cannot() {
	as_user "$SONDE" show last >"$T/show" && grep -qi 'could .*change\|changed by' "$T/show"
}
ok "show says that the agent could change such a store" cannot
terminal() { # here sudo asks for the prober and stays behind, which must not touch the terminal
	as_user sh -c "exec /usr/bin/python3 '$TOP/tests/e2e/terminal.py' '$SONDE' '$T/mine' 'Ctrl-C reaches|fg continues|window|raw mode|stdout|statuses'" >"$T/terminal" 2>&1 ||
		{ grep -A5 '^not ok' "$T/terminal" || cat "$T/terminal"; return 1; }
}
ok "the terminal is the command's for an ordinary user as well" terminal
finish
