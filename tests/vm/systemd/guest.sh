#!/bin/bash
# Runs inside the machine, as a service of its own: the package is installed, started, used, hurt, upgraded and purged under systemd.
# Prints TAP.
# shellcheck disable=SC2016,SC2015,SC2034,SC2154 # for inner shells; a failed test shows why; lib.sh's names
export SONDE=/usr/bin/sonde
cd /sonde || exit 1
. tests/e2e/lib.sh
. tests/e2e/steps.bash
# Everything is slow here, and slower where others work beside the machine.
within() { # SECONDS COMMAND...
	local end=$((SECONDS + 5 * $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 1
	done
}

CONF=/etc/sonde/sonde.conf
SCORE=42	# of systemd-analyze security, times ten: what the unit may have at most
BOUND=000001c0012801ef	# what the unit lets the supervisor have
PROBER=000001c000280024	# BPF, PERFMON, CHECKPOINT_RESTORE, SYS_PTRACE, DAC_READ_SEARCH, KILL; SYS_ADMIN as this kernel is older than 6.6
unset SONDE_CONFIG SONDE_DB SONDE_SOCKET

shows() { systemctl show -P "$1" "${2:-sonde}"; } # PROPERTY [UNIT]
main_pid() { shows MainPID; }
part() { pgrep -P "$(main_pid)" -x "sonde-$1"; } # NAME
active() { [ "$(shows ActiveState)" = active ] && [ "$(shows SubState)" = running ]; }
said() { journalctl -q -u sonde -o json --no-pager | jq -r "select($1) | .MESSAGE" | grep -q "$2"; } # FILTER WORDS
cursor() { journalctl -q -u sonde -n 1 --show-cursor -o cat | sed -n 's/^-- cursor: //p'; }
said_since() { journalctl -q -u sonde --after-cursor "$1" -o cat --no-pager | grep -q "$2"; } # CURSOR WORDS
configure() { # LINE...
	printf '%s\n' '[scope]' 'unit = agent-*' "$@" >"$CONF"
}
runs() { "$SONDE" runs --json --daemon; }
run_is() { runs | jq -es "map(select(.run_id == \"$run_id\")) | length == 1 and .[0].$1" >/dev/null; } # FILTER of the one run
# step NAME COMMAND...	a test in this shell
step() {
	local name=$1
	shift
	"$@" >"$T/step" 2>&1
	step_rc=$?
	ok "$name" eval 'cat "$T/step"; [ "$step_rc" = 0 ]'
	[ "$step_rc" = 0 ] || journalctl -q -u sonde -n 15 -o short-monotonic --no-pager | sed 's/^/# /'
}
talk() { # UNIT COMMAND-PREFIX...	a conversation in a unit of that name
	: >"$T/said"
	client_start "${@:2}" --quiet --pipe --unit "$1" /usr/bin/python3 "$TOP/tests/e2e/clients/talk.py" "$HTTPS" "$T/certs/ca.pem" "$T/said"
}
say() { echo "$1" >>"$T/said"; }
ask() { # N	the Nth request, until it is answered
	say "turn $1"
	until_ok grep -q "^$1 200" "$T/answers"
}
asked() { # N	and stored as the run's Nth call
	ask "$1" && until_ok run_is "llm_calls == $1" || { runs; return 1; }
}

# --- installed, not started ---

installed() {
	dpkg -i /sonde/sonde_0.1.0_*.deb && id sonde && [ "$(systemctl is-enabled sonde)" = disabled ] && [ "$(shows ActiveState)" = inactive ]
}
nothing_named() {
	! systemctl start sonde && [ "$(shows Result)" = exit-code ] && [ "$(shows ExecMainStatus)" = 2 ] || return 1
	sleep 4
	[ "$(shows NRestarts)" = 0 ] && [ "$(shows ActiveState)" = failed ] && said '.PRIORITY == "3"' 'nothing to trace was named'
}
begins() {
	configure && systemctl enable --now sonde && active && [ "$(shows StatusText)" = tracing ] && [ "$(shows NRestarts)" = 0 ] &&
		[ -L /etc/systemd/system/multi-user.target.wants/sonde.service ]
}
journal() {
	said '.PRIORITY == "6"' '^ready' && said '.PRIORITY == "6"' '^traced: .*agent-' && ! said true '^<[0-9]>' &&
		[ "$(journalctl -q -u sonde -o json --no-pager | jq -r 'select(._COMM | test("^sonde")) | .SYSLOG_IDENTIFIER' | sort -u)" = sonde ]
}

# --- what it may ---

properties() {
	local want
	systemctl show sonde >"$T/unit"
	while read -r want; do
		grep -qx "$want" "$T/unit" || { echo "not $want"; grep "^${want%%=*}=" "$T/unit"; return 1; }
	done <<'EOT'
Type=notify
NotifyAccess=main
Restart=on-failure
WatchdogUSec=30s
KillMode=mixed
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectKernelLogs=yes
ProtectClock=yes
PrivateDevices=yes
RestrictNamespaces=yes
MemoryDenyWriteExecute=yes
LimitCORE=0
EOT
}
security() {
	systemd-analyze security --no-pager --threshold="$SCORE" sonde >"$T/security" || { cat "$T/security"; return 1; }
}
# holds_of PID NAME=VALUE...	lines of its /proc/PID/status
holds_of() {
	local pid=$1 want bad=0
	for want in "${@:2}"; do
		[ "$(awk -v name="${want%%=*}:" '$1 == name { print $2 }' "/proc/$pid/status")" = "${want#*=}" ] || { echo "not $want"; bad=1; }
	done
	[ "$bad" = 0 ] || grep -E '^(Name|Uid|Cap|NoNew|Seccomp)' "/proc/$pid/status"
	return "$bad"
}
parts() {
	local name none=0000000000000000 uid
	uid=$(id -u sonde)
	holds_of "$(main_pid)" Uid=0 NoNewPrivs=1 CapBnd="$BOUND" && holds_of "$(part prober)" Uid=0 NoNewPrivs=1 CapEff="$PROBER" CapPrm="$PROBER" || return 1
	for name in engine server; do
		holds_of "$(part "$name")" Uid="$uid" Gid="$(id -g sonde)" CapEff="$none" CapPrm="$none" CapBnd="$none" CapAmb="$none" NoNewPrivs=1 Seccomp=2 || return 1
	done
	# The engine has a filter of its own, beside the unit's.
	holds_of "$(part engine)" Seccomp_filters=$(($(awk '$1 == "Seccomp_filters:" { print $2 }' "/proc/$(main_pid)/status") + 1))
}
read_only() { # where the daemon is, nothing but its own folders can be written, not even by root
	local pid dir
	pid=$(main_pid)
	for dir in /etc /usr /home/alice /var/lib /sys/fs/cgroup; do
		! nsenter -t "$pid" -m touch "$dir/of-sonde" 2>/dev/null || { echo "$dir can be written"; return 1; }
	done
	for dir in /var/lib/sonde /run/sonde; do
		nsenter -t "$pid" -m touch "$dir/of-sonde" && rm "$dir/of-sonde" || return 1
	done
}

# --- what it does ---

first_call() {
	talk agent-talk systemd-run --uid alice && ask 1 && until_ok eval '[ "$(runs | jq -s length)" = 1 ]' || { runs; return 1; }
	run_id=$(runs | jq -r .run_id)
	until_ok run_is 'llm_calls == 1' && runs | holds '.uid == 1000 and .status == "running" and .lost_bytes == 0 and .trigger_name == "agent-talk.service"'
}
whose() {
	setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/alice "$SONDE" runs --json | holds ".run_id == \"$run_id\"" &&
		[ -z "$(setpriv --reuid 54321 --regid 54321 --clear-groups env HOME=/nonexistent "$SONDE" runs --json --daemon)" ]
}
not_in_scope() {
	mock_scenario '{}'
	env SSL_CERT_FILE="$T/certs/ca.pem" OPENAI_API_KEY=k /usr/bin/python3 tests/demo/agent.py --base "$HTTPS" --api chat >"$T/out" || return 1
	sleep 5
	[ "$(runs | jq -s length)" = 1 ]
}
begin_answer() { # N	a stream that goes on when it is told
	mock_scenario '{"chunks": 25, "text_bytes": 100000}'
	say stream
	until_ok grep -q "^$1 begins" "$T/answers"
}
end_answer() { # N
	say on
	until_ok grep -q "^$1 200" "$T/answers" && mock_scenario '{}'
}
reload() {
	local at
	at=$(cursor)
	begin_answer 2 && configure '[daemon]' 'content = minimal' && systemctl reload sonde && active || return 1
	until_ok said_since "$at" 'read anew' && end_answer 2 && until_ok run_is 'llm_calls == 2' && run_is 'lost_bytes == 0' || { runs; return 1; }
}
restart() {
	local before
	before=$(main_pid)
	systemctl restart sonde && active && [ "$(main_pid)" != "$before" ] && asked 3 && run_is 'status == "running"'
}
fed() { # the watchdog is told that all is well
	local at
	at=$(shows WatchdogTimestampMonotonic)
	within 40 eval '[ "$(shows WatchdogTimestampMonotonic)" -gt "$at" ]'
}
engine_killed() {
	local before engine
	before=$(main_pid)
	engine=$(part engine)
	kill -KILL "$engine"
	within 20 eval 'part engine && [ "$(part engine)" != "$engine" ]' && sleep 2 || return 1
	asked 4 && active && [ "$(main_pid)" = "$before" ] && [ "$(shows NRestarts)" = 0 ] && run_is 'status == "running"'
}
restarted() { [ "$(shows NRestarts)" = "$1" ] && active; }
come_back() { # PID N	systemd has started it anew, the Nth time
	within 60 restarted "$2" || { systemctl status --no-pager sonde; return 1; }
	[ "$(main_pid)" != "$1" ] && [ ! -e "/proc/$1" ] && [ "$(pgrep -cx sonde-prober)" = 1 ] && [ "$(pgrep -cx sonde-engine)" = 1 ]
}
killed() {
	local before
	before=$(main_pid)
	kill -KILL "$before"
	come_back "$before" 1 && asked 5 && run_is 'status == "running"'
}
hangs() {
	local before
	before=$(main_pid)
	kill -STOP "$before"
	come_back "$before" 2 && said '._COMM == "systemd"' 'Watchdog timeout' && asked 6
}
upgraded() {
	local before
	before=$(main_pid)
	begin_answer 7 && dpkg -i /sonde/sonde_0.1.1_*.deb && active && [ "$(main_pid)" != "$before" ] || return 1
	[ "$(dpkg-query -W -f '${Version}' sonde)" = 0.1.1 ] && [ "$(readlink "/proc/$(main_pid)/exe")" = /usr/bin/sonde ] && grep -q 'agent-' "$CONF" || return 1
	end_answer 7 || return 1
	ask 8 || return 1
	# The call that was answered meanwhile is known, what it used is not.
	until_ok run_is 'llm_calls == 8 and .[0].usage_unknown_calls == 1' && until_ok run_is 'status == "running"' || { runs; return 1; }
}
ends() {
	say quit
	until_ok run_is 'status == "completed"' || { runs; return 1; }
}
two_runs() { [ "$(runs | jq -s length)" = 2 ]; }
another() {
	talk agent-other systemd-run --uid alice && ask 1 && until_ok two_runs || { runs; return 1; }
}

# --- and what is left of it ---

removed() {
	apt-get remove -y sonde && [ ! -e /usr/bin/sonde ] && [ -z "$(pgrep sonde)" ] && [ "$(shows LoadState)" = not-found ] &&
		[ ! -L /etc/systemd/system/multi-user.target.wants/sonde.service ] && [ -e "$CONF" ] && [ -e /var/lib/sonde/sonde.db ] && ask 2
}
purged() {
	local dir
	apt-get purge -y sonde && ! getent passwd sonde && ! getent group sonde || return 1
	for dir in /var/lib/sonde /etc/sonde /run/sonde /var/cache/sonde /usr/share/doc/sonde; do
		[ ! -e "$dir" ] || { echo "$dir is left"; return 1; }
	done
	! find /etc /usr /var/lib -xdev -name '*sonde*' ! -path '/var/lib/dpkg/*' ! -name 'sonde-test*' | grep . && ! systemctl --failed --no-legend | grep sonde
}
no_probe() {
	local fd
	ask 3 || return 1
	for fd in /proc/[0-9]*/fd/*; do
		case $fd$(readlink "$fd") in
		/proc/1/*) ;; # systemd's own, for its units' devices
		*anon_inode:bpf*) echo "$fd"; return 1 ;;
		esac
	done
}

mock_start

ok "dpkg -i enables and starts nothing" installed
ok "with nothing to trace it fails once, with status 2, and is not started again" nothing_named
ok "told what to trace it is active when it is ready" begins
ok "its lines are in the journal, by priority" journal
ok "the unit says what it may" properties
ok "systemd-analyze security: $SCORE tenths at most" security
sed -n 's/.*Overall exposure level/# exposure/p' "$T/security"
ok "each part has the capabilities it needs; what reads traffic none, and filters" parts
ok "no folder but its own can be written" read_only

step "an agent in a unit of the scope is traced" first_call
ok "who ran it sees it, nobody else does" whose
ok "what is in no unit of the scope is not" not_in_scope
step "reload in the midst of an answer: nothing of it is lost" reload
step "restart: the run goes on under its id" restart
ok "the watchdog is fed" fed
step "the engine is killed: the unit has not failed, the run goes on" engine_killed
step "all of it is killed: systemd starts it anew, the run goes on" killed
step "it hangs: the watchdog ends it, the run goes on" hangs
step "a newer package while an answer is read: the new program runs, the run goes on" upgraded
ok "and is seen to end" ends
step "and the next agent is traced" another

ok "removed: no program, process or unit; configuration and data stay" removed
ok "purged: nothing of it is left" purged
ok "no probe is left, and the agent works on" no_probe
finish
