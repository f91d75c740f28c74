# shellcheck shell=bash
# Sourced, after steps.bash, by tests of the daemon: one of the test's own, over a store of its own.
# shellcheck disable=SC2034,SC2016 # what is set here is for the scripts; eval gets it
STORE=$T/store/sonde.db
CONF=$T/sonde.conf
unset SONDE_CONFIG SONDE_DB

configure() { # LINE...	a configuration of the test's own, with these lines
	{
		printf '[daemon]\nstore = %s\nuser = nobody\nsocket = %s\n' "$STORE" "$T/run/sonde.sock"
		printf '%s\n' "$@"
	} >"$CONF"
}

daemon_start() { # OPTION...	until it is ready; sets daemon
	: >"$T/log"
	"$SONDE" daemon --config "$CONF" "$@" 2>"$T/log" </dev/null 8>&- &
	daemon=$!
	pids+=("$daemon")
	until_ok grep -q '^ready' "$T/log" || { cat "$T/log"; return 1; }
}

daemon_stop() { # its exit status is to be 0
	kill "$daemon"
	wait "$daemon" || { echo "status $?"; cat "$T/log"; return 1; }
}

child_of() { # NAME	the process of that name below the daemon
	pgrep -P "$daemon" -x "sonde-$1"
}

# step NAME COMMAND...	a test in this shell, as it starts or ends processes that later ones use
step() {
	local name=$1
	shift
	"$@" >"$T/step" 2>&1
	# shellcheck disable=SC2034 # eval reads it
	step_rc=$?
	ok "$name" eval 'cat "$T/step"; [ "$step_rc" = 0 ]'
}

# held KIND	ids of the kernel's objects that the prober has open: map, prog or link
held() {
	cat "/proc/$(child_of prober)"/fdinfo/* 2>/dev/null | awk -v kind="$1_id:" '$1 == kind { print $2 }' | sort -un
}

map_entries() { # of processes, connections and calls that are traced, in the daemon's own maps
	local id
	for id in $(held map); do
		case $(bpftool map show id "$id" -j | jq -r .name) in
		scopes | tls_conns | sock_conns | go_calls | go_waiting | outside_pipes) bpftool map dump id "$id" -j | jq length ;;
		esac
	done | awk '{ n += $1 } END { print n + 0 }'
}

rss() { # NAME	kilobytes of that process of the daemon's
	awk '/^VmRSS/ { n = $2 } END { print n + 0 }' "/proc/$(child_of "$1")/status"
}
