#!/bin/bash
# The Helm chart and the plain manifests: the same thing, of the API server's own types, with no more power than is
# accounted for. Needs helm ($HELM; else it is built by Go) and Go 1.23.
# shellcheck disable=SC2015,SC2016 # a failed test shows why; jq has its own variables
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
. "$TOP/tests/tap.bash"
set -u
SONDE=${SONDE:-$TOP/build/sonde}
TOOLS=$TOP/build/package
T=$(mktemp -d /tmp/sonde-manifests-XXXXXX)
trap 'rm -rf "$T"' EXIT
PLAIN=$TOP/deploy/manifests CHART=$TOP/deploy/helm/sonde

HELM=${HELM:-$(command -v helm || true)}
if [ -z "$HELM" ]; then
	# Debian has none; it is built where Go is new enough.
	[ -x "$TOOLS/bin/helm" ] || GOBIN=$TOOLS/bin GOFLAGS=-modcacherw go install helm.sh/helm/v3/cmd/helm@v3.16.4 >"$T/go" 2>&1 || true
	HELM=$TOOLS/bin/helm
fi
export HELM
have_helm() { [ -x "$HELM" ] || { echo "no helm: set HELM"; cat "$T/go"; return 1; }; }
ok "helm is there" have_helm
[ -x "$HELM" ] || finish

equal() {
	"$PLAIN/make.sh" "$T/plain" || return 1
	local f
	for f in namespace sonde servicemonitor; do
		diff -u "$PLAIN/$f.yaml" "$T/plain/$f.yaml" || return 1
	done
}
ok "the plain manifests are what the chart says" equal
lint() { "$HELM" lint --strict --kube-version 1.31.0 "$CHART"; }
ok "helm finds nothing wrong with the chart" lint

schema_build() { (cd "$HERE/schema" && GOFLAGS=-mod=readonly go build -o "$T/schema" .); }
ok "the API server's types are there" schema_build
schema() { "$T/schema" "$PLAIN"/*.yaml >"$T/objects" && [ "$(wc -l <"$T/objects")" -ge 9 ]; }
ok "each manifest is one of its types, without a field too many" schema
strict() {
	sed 's/readOnlyRootFilesystem:/readOnlyRootFileSystem:/' "$PLAIN/sonde.yaml" >"$T/bad.yaml"
	! "$T/schema" "$T/bad.yaml" >/dev/null 2>&1
}
ok "(a field that is spelled wrong would be seen)" strict

# chart HELM-OPTION...	objects of the chart with other values, one a line
chart() {
	"$HELM" template sonde "$CHART" --namespace other --kube-version 1.31.0 "$@" >"$T/chart.yaml" && "$T/schema" "$T/chart.yaml" >"$T/chart"
}
variants() {
	chart --set store.hostPath= && grep -q '"emptyDir":{}' "$T/chart" || return 1
	chart --set kubernetes.enabled=false && ! grep -q ClusterRole "$T/chart" && grep -q '"automountServiceAccountToken":false,"hostPID"' "$T/chart" || return 1
	chart --set sysAdmin=false && ! grep -q SYS_ADMIN "$T/chart" || return 1
	chart --set metrics.serviceMonitor=true && grep -q '"ServiceMonitor"' "$T/chart" || return 1
	chart --set 'imagePullSecrets[0].name=x' --set nodeSelector.a=b --set podAnnotations.a=b --set priorityClassName=system-node-critical \
		--set otlp.endpoint=http://collector:4318 --set 'kubernetes.labels={a,b}' --set 'scope.programs={claude*}' --set image.tag=1 || return 1
	grep -q 'endpoint = http://collector:4318' "$T/chart" && grep -q 'label = a, b' "$T/chart" && grep -q '"image":"sonde:1"' "$T/chart"
}
ok "with other values as well" variants

refused() { # WORD HELM-OPTION...
	local word=$1
	shift
	! "$HELM" template sonde "$CHART" --namespace other --kube-version 1.31.0 "$@" >"$T/out" 2>&1 && grep -q "$word" "$T/out" || { cat "$T/out"; return 1; }
}
listens() { # LINE	of the section [api]
	jq -rs '.[] | select(.kind == "ConfigMap").data."sonde.conf" // empty' "$T/${2:-chart}" >"$T/sonde.conf" && "$SONDE" config check --config "$T/sonde.conf" || return 1
	sed -n '/^\[api\]/,/^$/p' "$T/sonde.conf" | grep -qxF "$1" || { cat "$T/sonde.conf"; return 1; }
}
api() {
	listens 'listen = off' objects && ! grep -q 'initContainers\|secretName\|"sonde-api"' "$T/objects" || return 1
	chart --set api.enabled=true && listens 'listen = 127.0.0.1:7780' && ! grep -q 'initContainers\|"name":"api"' "$T/chart" || return 1
	chart --set api.enabled=true --set 'api.listen=[::1]:7000' && listens 'listen = [::1]:7000' || return 1
	refused 'api.tokens' --set api.enabled=true --set api.listen=0.0.0.0:7780 && refused 'api.tokens' --set api.enabled=true --set api.listen=127.0.0.1.example.com:7780 &&
		refused loopback --set api.enabled=true --set api.service=true || return 1
	chart --set api.enabled=true --set api.listen=0.0.0.0:7000 --set api.tokens=t --set api.service=true --set 'api.hosts={sonde.example.com}' &&
		listens 'listen = 0.0.0.0:7000' && listens 'host = sonde.example.com, sonde-api.other.svc:7000' &&
		grep -q '"kind":"Service".*"port":7000,"targetPort":"api".*"internalTrafficPolicy":"Local"' "$T/chart"
}
ok "the API listens where it is asked to, beyond the pod with tokens only" api
tokens() { # what the init container does, with no more than its powers; a second time over what it has made
	jq -rs '.[] | select(.kind == "DaemonSet").spec.template.spec.initContainers[0].command[2]' "$T/chart" |
		sed "s#/var/lib/sonde#$T/var#g; s#/tokens/#$T/tokens/#g; s/-o sonde -g sonde/-o 61000 -g 61000/g" >"$T/tokens.sh"
	[ "$(jq -cs '.[] | select(.kind == "DaemonSet").spec.template.spec.initContainers[0].securityContext.capabilities.add' "$T/chart")" = '["CHOWN","DAC_OVERRIDE","FOWNER"]' ] || return 1
	chmod 755 "$T" && mkdir -p "$T/tokens" "$T/var" && "$SONDE" token add team --db "$T/tokens/db" >"$T/token" || return 1
	for _ in 1 2; do
		setpriv --clear-groups --no-new-privs --inh-caps -all --bounding-set -all,+chown,+dac_override,+fowner sh -eu "$T/tokens.sh" || return 1
		[ "$(stat -c '%u %a' "$T/var/store" "$T/var/store/tokens.json" | xargs)" = "61000 700 61000 600" ] && "$SONDE" token list --db "$T/var/store/db" | grep -q team || return 1
	done
	! grep -q "$(cat "$T/token")" "$T/tokens/tokens.json"
}
if [ "$(id -u)" = 0 ]; then
	ok "tokens of a Secret are put beside the store, readable by its owner alone" tokens
fi

config() {
	local n=0 text
	for text in "$T/objects" "$T/chart"; do
		jq -rs '.[] | select(.kind == "ConfigMap").data."sonde.conf" // empty' "$text" >"$T/sonde.conf"
		[ -s "$T/sonde.conf" ] && "$SONDE" config check --config "$T/sonde.conf" || { cat "$T/sonde.conf"; return 1; }
		n=$((n + 1))
	done
	[ "$n" = 2 ]
}
ok "sonde understands the configuration in them" config

DAEMON='select(.kind == "DaemonSet").spec.template.spec'
says() { jq -s "[.[] | $DAEMON] | length == 1 and (.[0] | $1)" "$T/objects" | grep -qx true || { jq "$DAEMON" "$T/objects"; return 1; }; }
CAPS='["BPF","PERFMON","SYS_PTRACE","DAC_READ_SEARCH","CHECKPOINT_RESTORE","SETUID","SETGID","KILL","CHOWN","SYS_ADMIN"]'
ok "its powers are these" says ".containers[0].securityContext | .capabilities == {drop: [\"ALL\"], add: $CAPS}"
ok "not privileged, nothing gained later, a root that is only read, the runtime's seccomp profile" says '.containers[0].securityContext |
	.privileged == false and .allowPrivilegeEscalation == false and .readOnlyRootFilesystem and .seccompProfile.type == "RuntimeDefault"'
ok "limits on memory and processor" says '.containers[0].resources | .limits.memory and .limits.cpu and .requests.memory'
ok "of the host's namespaces the processes' alone" says '.hostPID and (.hostNetwork | not) and (.hostIPC | not)'
ok "what it gets of the host is read only but for the store" says '. as $s | [.containers[0].volumeMounts[] | select(.readOnly | not).name] as $w
	| [$s.volumes[] | select(.hostPath and (.name as $n | $w | index($n))).name] == ["store"]'
ok "no secrets" says '[.. | objects | select(has("secretKeyRef") or has("secretName") or has("secretRef"))] == []'
commented() {
	awk '/add:/ { on = 1; next } on && /^ *#/ { said = 1; next } on && /^ *- / { if (!said && $2 != "SETGID") { print $2; bad = 1 }; said = 0; next } on { exit } END { exit bad }' \
		"$PLAIN/sonde.yaml"
}
ok "each power says what for" commented
rights() {
	jq -s '[.[] | select(.kind == "ClusterRole").rules[]] == [{"verbs":["get","list","watch"],"apiGroups":[""],"resources":["pods"]},
		{"verbs":["get"],"apiGroups":[""],"resources":["nodes"]}]' "$T/objects" | grep -qx true
}
ok "of the API it may read pods and nodes, and nothing else" rights
finish
