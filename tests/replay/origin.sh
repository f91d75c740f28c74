#!/bin/bash
# What began a run where no test can begin one so: units and pods, as they were recorded; and rules that a recording
# carries, which hold whoever replays it.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"

# told ORIGIN [CONFIG] [LINE...]	the run of a recording whose command comes from there, as JSON
told() {
	local origin=$1 config=${2:-'{}'}
	shift 2 2>/dev/null || shift $#
	{
		echo 'host testhost'
		echo "config $config"
		echo "scope agent {\"scope\":1,\"argv\":[\"/usr/bin/review\",\"--all\"],\"cwd\":\"/srv/app/src\",\"project\":\"/srv/app\",\"origin\":{$origin}}"
		echo 'exec agent /usr/bin/review -- review --all'
		printf '%s\n' "$@"
		echo 'exit agent 0'
	} >"$T/rec.txt"
	make_record - "$T/rec" <"$T/rec.txt" && replay "$T/db" "$T/rec" && "$SONDE" show last --json --db "$T/db" | head -1
}
# began ORIGIN KIND NAME WORKFLOW
began() {
	local got
	got=$(told "$1" | jq -r '"\(.trigger)|\(.trigger_name // "")|\(.workflow)|\(.project)"')
	[ "$got" = "$2|$3|$4|/srv/app" ] || { echo "$got"; return 1; }
}
manager='"ancestors":[{"comm":"systemd","argv":["/lib/systemd/systemd","--system"]}]'
ok "a service of systemd" began "$manager,\"cgroup\":\"/system.slice/review.service\",\"env\":[\"PATH\",\"INVOCATION_ID\",\"JOURNAL_STREAM\"]" \
	systemd review.service review.service
ok "that a timer started" began "$manager,\"cgroup\":\"/system.slice/review.service\",\"env\":[\"INVOCATION_ID\",\"TRIGGER_UNIT\",\"TRIGGER_TIMER_REALTIME_USEC\"]" \
	timer review.service review.service
ok "a desktop's program is no service" began "$manager,\"tty\":\"pts/2\",\"cgroup\":\"/user.slice/user-1000.slice/user@1000.service/app.slice/app-term-42.scope\"" \
	terminal pts/2 'review in /srv/app'
pod=8f2c1d0a_4b6e_4f0a_9c1d_2e3f4a5b6c7d
id=$(printf '%064d' 7)
ok "a pod of Kubernetes" began "\"ancestors\":[{\"comm\":\"containerd-shim\"}],\"container\":\"$id\",\"cgroup\":\"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod$pod.slice/cri-containerd-$id.scope\"" \
	kubernetes "$pod" 'review in /srv/app'
ok "a container" began "\"container\":\"$id\",\"cgroup\":\"/system.slice/docker-$id.scope\"" container "${id:0:12}" 'review in /srv/app'

limit() {
	told '' '{"max_run_time_s":2}' 'wait 3s' | holds '.status == "timed_out" and .status_reason == "it took longer than 2 s"'
}
ok "the maximum of the recording holds in a replay" limit
rules() {
	told '' '{"egress":["allow api.example","deny *"]}' 'open c1 agent tcp 10.0.0.1:80' 'request c1 GET /' '| Host: other.example' '|' 'answer c1 200' '|' 'close c1' |
		jq -c .assurance.egress >"$T/out"
	grep -q '"peer":"other.example:80","verdict":"denied","rule":"deny \*"' "$T/out" || { cat "$T/out"; return 1; }
}
ok "and its egress rules" rules
finish
