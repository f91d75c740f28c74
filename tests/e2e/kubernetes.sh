#!/bin/bash
# What the API server says of a pod stands on the runs in it: through outages, refusals and nonsense, and nothing of it is
# asked where nobody wants it. The server is made up (tests/mock/kube_api.py); TLS and the enricher are not.
# shellcheck disable=SC2086,SC2015 # ids in the words of jq; a failed test shows why
. "$(dirname "$0")/lib.sh"
ENRICHER=$TOP/build/tests/e2e/enricher
ID=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
UID1=8f7d3b2a-0a3f-4a6e-9f0b-1c2d3e4f5a6b
CGROUP=/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID1//-/_}.slice/cri-containerd-$ID.scope
"$TOP/tests/mock/certs.sh" "$T/certs"
echo token-one >"$T/token"

# state FILTER	changes what the server knows
state() {
	jq "$1" "$T/state" >"$T/state.new" && mv "$T/state.new" "$T/state"
}

# fresh	a server with one pod of a Deployment, its container running
fresh() {
	jq -n --arg uid "$UID1" --arg id "$ID" '{node: {metadata: {name: "n1", uid: "node-uid", labels: {"topology.kubernetes.io/zone": "z1"}}},
		version: 10, oldest: 0, mode: "", pods: {($uid): {version: 5, metadata: {name: "web-5d4f-x1", namespace: "shop",
			labels: {app: "web", team: "a", "pod-template-hash": "5d4f"},
			ownerReferences: [{kind: "ReplicaSet", name: "web-5d4f", controller: true}]},
			status: {containerStatuses: [{name: "main", image: "registry.example/web:1.2", containerID: ("containerd://" + $id)}]}}}}' >"$T/state"
	: >"$T/log"
}

api_start() { # PORT
	rm -f "$T/ready"
	/usr/bin/python3 "$TOP/tests/mock/kube_api.py" --port "$1" --certs "$T/certs" --token "$T/server-token" --state "$T/state" --log "$T/log" \
		--ready "$T/ready" 9>&- &
	api=$!
	pids+=("$api")
	within 60 test -s "$T/ready"
	PORT=$(cat "$T/ready")
}

api_stop() {
	kill "$api"
	wait "$api" 2>/dev/null
}

# conf [LINE...]	the configuration
conf() {
	printf '%s\n' '[kubernetes]' 'enabled = yes' "api_server = https://localhost:$PORT" "token_file = $T/token" "ca_file = $T/certs/ca.pem" \
		'node = n1' "$@" >"$T/conf"
}

# begin	enricher and engine, with one run in the pod; said: what they say
begin() {
	rm -f "$T"/db* "$T/in" "$T/pids"
	mkfifo "$T/in"
	"$ENRICHER" "$T/conf" "$T/db" "$CGROUP" <"$T/in" >"$T/pids" 2>"$T/said" &
	both=$!
	pids+=("$both")
	exec 9>"$T/in"
	within 60 test -s "$T/pids"
	read -r engine enricher <"$T/pids"
	: "$engine"
}

# end	the run's end; said how both ended
end() {
	exec 9>&-
	ended=0
	wait "$both" || ended=$?
}

# resource FILTER	of the run that is in the store
resource() {
	"$SONDE" runs --db "$T/db" --json >"$T/runs" 2>/dev/null
	jq -s "length == 1 and (.[0].resource | $1)" "$T/runs" | grep -q true
}
soon() { within 60 resource "$1" || { cat "$T/runs" "$T/said" "$T/log"; return 1; }; }
NAMED='."k8s.pod.name" == "web-5d4f-x1"'

cp "$T/token" "$T/server-token"
fresh
api_start 0
conf
begin
whole() {
	soon "$NAMED" || return 1
	holds '.resource == {"container.id": "'$ID'", "container.runtime.name": "containerd", "k8s.namespace.name": "shop",
		"k8s.pod.name": "web-5d4f-x1", "k8s.pod.uid": "'$UID1'", "k8s.node.name": "n1", "k8s.replicaset.name": "web-5d4f",
		"k8s.deployment.name": "web", "cloud.availability_zone": "z1", "k8s.node.uid": "node-uid", "k8s.pod.label.app": "web",
		"k8s.container.name": "main", "container.image.name": "registry.example/web"}' "$T/runs"
}
ok "pod, namespace, owners, node, image and the labels of the list stand on the run" whole
ok "show names the pod" sh -c "'$SONDE' show --db '$T/db' | grep -q 'pod .*shop/web-5d4f-x1'"
filters() {
	local f
	for f in "--namespace shop" "--pod web-5d4f-x1" "--container ${ID:0:12}" "--container main" "--pod $UID1"; do
		# shellcheck disable=SC2086 # two words
		"$SONDE" runs --db "$T/db" --json $f | holds '.type == "run"' - >/dev/null || { echo "$f finds nothing"; return 1; }
	done
	for f in "--namespace sho" "--pod web" "--container ${ID:0:3}" "--container 1${ID:0:12}" "--container %"; do
		# shellcheck disable=SC2086
		"$SONDE" runs --db "$T/db" --json $f 2>/dev/null | grep . && { echo "$f finds something"; return 1; }
	done
	return 0
}
ok "runs are found by namespace, pod and container" filters

changes() {
	state '.version = 12 | .pods["'$UID1'"] |= (.version = 12 | .metadata.labels.app = "shop")'
	soon '."k8s.pod.label.app" == "shop"'
}
ok "a change comes by the watch" changes
one_list() { [ "$(grep -c 'limit=' "$T/log")" = 1 ] || { cat "$T/log"; return 1; }; }
ok "and for it nothing was listed again" one_list

api_stop
outage() {
	within 60 grep -q 'cannot be reached.*what is known stays' "$T/said" || { cat "$T/said"; return 1; }
	resource "$NAMED"
}
ok "an outage is said, and what is known stays" outage
state '.version = 20 | .pods["'$UID1'"] |= (.version = 20 | .metadata.labels.app = "after")'
api_start "$PORT"
back() {
	soon '."k8s.pod.label.app" == "after"' && grep -q 'answers again' "$T/said" && one_list
}
ok "when it is back, it goes on where it was" back

rotated() {
	echo token-two >"$T/token"
	cp "$T/token" "$T/server-token"
	state '.mode = "500"'
	within 60 grep -q 'answers 500: etcd leader changed' "$T/said" || { cat "$T/said"; return 1; }
	state '.mode = "" | .version = 22 | .pods["'$UID1'"] |= (.version = 22 | .metadata.labels.app = "rotated")'
	soon '."k8s.pod.label.app" == "rotated"' && grep -q 'Bearer token-two' "$T/log"
}
ok "a token that was replaced is read again" rotated
refused() {
	echo token-three >"$T/server-token"
	state '.mode = "cut"'
	within 60 grep -q 'refuses the token (401)' "$T/said" || { cat "$T/said"; return 1; }
	cp "$T/server-token" "$T/token"
	state '.mode = "" | .version = 24 | .pods["'$UID1'"] |= (.version = 24 | .metadata.labels.app = "let in")'
	soon '."k8s.pod.label.app" == "let in"'
}
ok "one that is refused is said, and tried again" refused
too_old() {
	: >"$T/log"
	state '.mode = "500"'
	within 60 grep -q 500 "$T/log" || return 1
	state '.mode = "" | .oldest = 100 | .version = 120 | .pods["'$UID1'"] |= (.version = 110 | .metadata.labels.app = "anew")'
	soon '."k8s.pod.label.app" == "anew"' && [ "$(grep -c 'limit=' "$T/log")" = 1 ]
}
ok "where the server has forgotten what came (410), all is listed anew" too_old
# Until the enricher has met it once.
hostile() {
	local mode rss
	for mode in garbage deep cut huge; do
		: >"$T/log"
		state ".mode = \"$mode\""
		within 60 test -s "$T/log" || { echo "$mode: nobody came"; return 1; }
	done
	within 60 test "$(wc -l <"$T/log")" -ge 1
	state '.mode = "" | .version = 130 | .pods["'$UID1'"] |= (.version = 130 | .metadata.labels.app = "sane")'
	within 90 resource '."k8s.pod.label.app" == "sane"' || { cat "$T/said"; return 1; }
	rss=$(awk '/VmHWM/ { print $2 }' "/proc/$enricher/status")
	echo "$rss KB"
	[ "$rss" -lt 100000 ]
}
ok "nonsense, brackets without end and answers of a terabyte do no harm" hostile
gone() {
	state '.version = 140 | .pods["'$UID1'"] |= (.version = 140 | .gone = true)'
	sleep 1
	resource "$NAMED"
}
ok "a pod that has gone is still that of its run" gone
end
ok "both end in good order" test "$ended" = 0
secret() { ! cat "$T/said" "$T"/db* | grep -aoE 'token-(one|two|three)'; }
ok "nothing of the token is said or kept" secret

fresh
state '.mode = "hang"'
begin
slow() {
	within 60 test -s "$T/log" || return 1
	kill "$enricher"
	within 60 grep -q 'State:.Z' "/proc/$enricher/status" || return 1
	soon '."container.id" == "'$ID'"'
}
ok "a server that does not answer keeps nobody from ending" slow
end
ok "in good order" test "$ended" = 0

fresh
state '.page = 2 | .pods += ([range(7) | {("00000000-0000-0000-0000-00000000000\(.)"): {version: 1, metadata: {name: "p\(.)"}}}] | add)'
begin
pages() {
	soon "$NAMED" && within 60 grep -q '8 pods of node' "$T/said" && [ "$(grep -c 'continue=' "$T/log")" = 3 ]
}
ok "a list of several pages" pages
end

fresh
state 'del(.pods["'$UID1'"].status)'
begin
early() {
	soon "$NAMED and .\"k8s.container.name\" == null" || return 1
	state '.version = 30 | .pods["'$UID1'"] |= (.version = 30 | .status = {containerStatuses: [{name: "main", containerID: "containerd://'$ID'"}]})'
	soon '."k8s.container.name" == "main"'
}
ok "a pod is known before its containers are" early
end

fresh
conf 'label = team'
begin
ok "labels are those that are asked for" soon '."k8s.pod.label.team" == "a" and (has("k8s.pod.label.app") | not)'
end

fresh
conf '[scope]' 'not_namespace = shop'
begin
excluded() {
	within 60 grep -q '1 pods of node' "$T/said" || return 1
	sleep 1
	"$SONDE" runs --db "$T/db" --json >"$T/runs" 2>/dev/null
	jq -s 'all(.status != "running")' "$T/runs" | grep -qx true
}
ok "of a namespace that is excluded nothing is kept from then on" excluded
end

# wrong CHANGE	begins with another configuration, a sed script
wrong() {
	fresh
	conf
	sed -i "$1" "$T/conf"
	begin
}
says() { within 60 grep -q "$1" "$T/said" || { cat "$T/said"; return 1; }; }
wrong 's/node = n1/node = n2/'
ok "what a role lacks is said" says 'a role with get, list and watch on pods and nodes'
end

asks_nothing() { says "$1" && [ ! -s "$T/log" ]; }
"$TOP/tests/mock/certs.sh" "$T/others"
wrong "s,certs/ca.pem,others/ca.pem,"
ok "a server of another authority is told nothing" asks_nothing 'cannot be reached (.*certificate'
end
wrong "s,localhost,127.0.0.2,"
ok "nor one that has another name" asks_nothing 'cannot be reached ('
end

/usr/bin/python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    c = s.accept()[0]
    print(c.recv(4096), flush=True)
    c.close()' >"$T/clear" 9>&- &
pids+=($!)
within 60 test -s "$T/clear"
wrong "s,https://localhost:.*,http://localhost:$(head -1 "$T/clear"),"
in_clear() { within 60 grep -q GET "$T/clear" && ! grep Bearer "$T/clear"; }
ok "a token is not sent in the clear" in_clear
end

wrong 's/enabled = yes/enabled = no/'
ok "without being asked for, nothing is asked" soon '."k8s.pod.uid" == "'$UID1'"'
end
ok "in good order" test "$ended" = 0 -a ! -s "$T/log"
finish
