#!/bin/bash
# A real API server: it takes our manifests, and with a token of our service account the enricher sees the pods of its
# node, and nothing that it has no need of. Needs etcd (Debian's etcd-server) and Go, which builds the server.
# shellcheck disable=SC2015,SC2016,SC2034 # a failed test shows why; jq has its own variables; for eval
. "$(dirname "$0")/../e2e/lib.sh"
HERE=$TOP/tests/package
TOOLS=$TOP/build/package
ENRICHER=$TOP/build/tests/e2e/enricher
command -v etcd >/dev/null || skip_all "there is no etcd"
"$HERE/apiserver/build.sh" "$TOOLS" || skip_all "kube-apiserver cannot be built"
(cd "$HERE/schema" && GOFLAGS=-mod=readonly go build -o "$T/schema" .) || skip_all "the API server's types are not there"

# --- the server ---

"$TOP/tests/mock/certs.sh" "$T/certs"
C=$T/certs
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=system:masters/CN=admin -keyout "$C/admin.key" -out "$C/admin.csr" 2>/dev/null
printf 'extendedKeyUsage=clientAuth\n' >"$C/admin.ext"
openssl x509 -req -in "$C/admin.csr" -CA "$C/ca.pem" -CAkey "$C/ca.key" -CAcreateserial -days 30 -extfile "$C/admin.ext" -out "$C/admin.pem" 2>/dev/null
openssl genrsa -out "$C/accounts.key" 2048 2>/dev/null
openssl rsa -in "$C/accounts.key" -pubout -out "$C/accounts.pub" 2>/dev/null
read -r PORT ETCD PEER < <(/usr/bin/python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in held))')
URL=https://127.0.0.1:$PORT

etcd --data-dir "$T/etcd" --unsafe-no-fsync --listen-client-urls "http://127.0.0.1:$ETCD" --advertise-client-urls "http://127.0.0.1:$ETCD" \
	--listen-peer-urls "http://127.0.0.1:$PEER" --initial-advertise-peer-urls "http://127.0.0.1:$PEER" --initial-cluster "default=http://127.0.0.1:$PEER" \
	>"$T/etcd.log" 2>&1 &
pids+=($!)
# No controllers run here, so nobody makes service accounts for pods.
server_start() {
	"$TOOLS/kube-apiserver" --etcd-servers "http://127.0.0.1:$ETCD" --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$PORT" \
		--endpoint-reconciler-type none --tls-cert-file "$C/server.pem" --tls-private-key-file "$C/server.key" --client-ca-file "$C/ca.pem" \
		--authorization-mode Node,RBAC --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$C/accounts.pub" \
		--service-account-signing-key-file "$C/accounts.key" --service-cluster-ip-range 10.0.0.0/24 --allow-privileged \
		--disable-admission-plugins ServiceAccount >>"$T/server.log" 2>&1 9>&- &
	server=$!
	pids+=("$server")
}
ask() { curl -sS --max-time 30 --cacert "$C/ca.pem" "$@"; }
admin() { ask --cert "$C/admin.pem" --key "$C/admin.key" "$@"; }
ready() { within 300 eval '[ "$(admin "$URL/readyz" 2>/dev/null)" = ok ]'; }
server_start
up() { ready || { tail -20 "$T/server.log" "$T/etcd.log"; return 1; }; }
ok "an API server of Kubernetes is there" up

# --- manifests ---

path_of() { # an object's
	jq -r '(if .apiVersion == "v1" then "/api/v1" else "/apis/" + .apiVersion end) + (if .metadata.namespace then "/namespaces/" + .metadata.namespace else "" end)
		+ "/" + (.kind | ascii_downcase) + "s/" + .metadata.name'
}
apply() { # OBJECT	as kubectl apply --server-side does it, without a field that is not known
	local object=$1 got
	got=$(admin -o "$T/answer" -w '%{http_code}' -X PATCH -H 'Content-Type: application/apply-patch+yaml' --data-binary @- \
		"$URL$(path_of <<<"$object")?fieldManager=test&fieldValidation=Strict" <<<"$object")
	case $got in 200 | 201) ;; *) jq -c . "$T/answer"; return 1 ;; esac
}
manifests() {
	local object n=0
	"$T/schema" "$TOP"/deploy/manifests/{namespace,sonde,collector}.yaml >"$T/objects" || return 1
	while read -r object; do
		apply "$object" || return 1
		n=$((n + 1))
	done <"$T/objects"
	echo "$n objects"
	[ "$n" -ge 7 ]
}
ok "it takes the plain manifests" manifests
misspelled() { ! apply "$(jq -c 'select(.kind == "DaemonSet") | .metadata.name = "x" | .spec.template.spec.hostPid = true' "$T/objects")" >/dev/null; }
ok "(a field that is spelled wrong would be refused)" misspelled
try_pod() { # NAMESPACE	the pod of our DaemonSet, as its controller would make it; nothing is kept
	jq -c 'select(.kind == "DaemonSet").spec.template | {apiVersion: "v1", kind: "Pod", metadata: {name: "try", labels: .metadata.labels}, spec}' "$T/objects" |
		admin -o "$T/answer" -w '%{http_code}' -H 'Content-Type: application/json' --data-binary @- "$URL/api/v1/namespaces/$1/pods?dryRun=All"
}
admitted() {
	apply '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"narrow","labels":{"pod-security.kubernetes.io/enforce":"baseline"}}}' &&
		[ "$(try_pod sonde)" = 201 ] && [ "$(try_pod narrow)" = 403 ] && grep -q hostPID "$T/answer" || { jq -c . "$T/answer"; return 1; }
}
ok "its pods are let into the namespace that we make for them, and would not be into a narrower one" admitted

# --- the enricher ---

ID=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
send() { # METHOD PATH TYPE BODY
	admin -f -o "$T/answer" -X "$1" -H "Content-Type: application/$3" -d "$4" "$URL$2"
}
pod() { # a pod of a Deployment on node n1, its container running
	send POST /api/v1/nodes json '{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"topology.kubernetes.io/zone":"z1"}}}' &&
		send POST /api/v1/namespaces json '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}' &&
		send POST /api/v1/namespaces/shop/pods json '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-5d4f-x1","labels":{"app":"web","pod-template-hash":"5d4f"},
			"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-5d4f","uid":"1","controller":true}]},
			"spec":{"nodeName":"n1","containers":[{"name":"main","image":"registry.example/web:1.2"}]}}' &&
		POD=$(jq -r .metadata.uid "$T/answer") &&
		send PATCH /api/v1/namespaces/shop/pods/web-5d4f-x1/status strategic-merge-patch+json '{"status":{"phase":"Running","containerStatuses":[{"name":"main",
			"image":"registry.example/web:1.2","imageID":"","ready":true,"restartCount":0,"containerID":"containerd://'$ID'"}]}}'
}
token() { # a token of our service account, as a kubelet gets one for our pods
	send POST /api/v1/namespaces/sonde/serviceaccounts/sonde/token json '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":3600}}' &&
		jq -r .status.token "$T/answer" >"$T/token.new" && mv "$T/token.new" "$T/token"
}
prepared() { pod >"$T/step" 2>&1 && token >>"$T/step" 2>&1; }
prepared
prepared_rc=$?
ok "there are a node, a pod, and a token of our service account" eval 'cat "$T/step" "$T/answer"; [ "$prepared_rc" = 0 ]'

printf '%s\n' '[kubernetes]' 'enabled = yes' "api_server = $URL" "token_file = $T/token" "ca_file = $C/ca.pem" 'node = n1' >"$T/conf"
mkfifo "$T/in"
"$ENRICHER" "$T/conf" "$T/db" "/kubepods.slice/kubepods-pod${POD//-/_}.slice/cri-containerd-$ID.scope" <"$T/in" >"$T/pids" 2>"$T/said" &
both=$!
pids+=("$both")
exec 9>"$T/in"
within 30 test -s "$T/pids"
resource() {
	"$SONDE" runs --db "$T/db" --json >"$T/runs" 2>/dev/null
	jq -s "length == 1 and (.[0].resource | $1)" "$T/runs" | grep -q true
}
soon() { within 90 resource "$1" || { cat "$T/runs" "$T/said"; return 1; }; }
named() {
	soon '."k8s.pod.name" == "web-5d4f-x1" and ."k8s.namespace.name" == "shop" and ."k8s.deployment.name" == "web" and ."k8s.container.name" == "main"
		and ."k8s.pod.uid" == "'"$POD"'" and ."k8s.node.name" == "n1" and ."cloud.availability_zone" == "z1" and ."k8s.pod.label.app" == "web"
		and ."container.image.name" == "registry.example/web"'
}
ok "pod, owner, node, labels and image stand on the run" named
relabel() { send PATCH /api/v1/namespaces/shop/pods/web-5d4f-x1 merge-patch+json '{"metadata":{"labels":{"app":"'"$1"'"}}}'; }
changed() { relabel shop && soon '."k8s.pod.label.app" == "shop"'; }
ok "a change comes by the watch" changed

bearer() { ask -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(cat "$T/token")" "$@"; }
gives() { # STATUS METHOD PATH
	local got
	got=$(bearer -X "$2" -H 'Content-Type: application/json' "$URL$3")
	[ "$got" = "$1" ] || { echo "$got instead of $1: $2 $3"; return 1; }
}
rights() {
	gives 200 GET '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1' && gives 200 GET '/api/v1/pods?watch=1&timeoutSeconds=1' && gives 200 GET /api/v1/nodes/n1 || return 1
	local path
	for path in /api/v1/nodes /api/v1/secrets /api/v1/configmaps /api/v1/namespaces /api/v1/namespaces/sonde/secrets /api/v1/namespaces/shop/pods/web-5d4f-x1/log \
		/apis/apps/v1/deployments /apis/rbac.authorization.k8s.io/v1/clusterroles; do
		gives 403 GET "$path" || return 1
	done
	gives 403 DELETE /api/v1/namespaces/shop/pods/web-5d4f-x1 && gives 403 POST /api/v1/namespaces/shop/pods && gives 403 POST /api/v1/namespaces/shop/pods/web-5d4f-x1/exec &&
		gives 403 DELETE /api/v1/nodes/n1 && gives 403 POST /api/v1/namespaces/sonde/serviceaccounts/sonde/token
}
ok "its role lets it read pods and a node, and nothing else" rights

outage() {
	kill "$server"
	wait "$server" 2>/dev/null
	within 60 grep -q 'cannot be reached.*what is known stays' "$T/said" && resource '."k8s.pod.label.app" == "shop"' || { cat "$T/said"; return 1; }
}
outage >"$T/step" 2>&1
outage_rc=$?
ok "an outage is said, and what is known stays" eval 'cat "$T/step"; [ "$outage_rc" = 0 ]'
server_start
back() { ready && relabel after && soon '."k8s.pod.label.app" == "after"' && grep -q 'answers again' "$T/said"; }
ok "when it is back, it goes on" back

exec 9>&-
wait "$both"
both_rc=$?
ok "engine and enricher end in good order" [ "$both_rc" = 0 ]
secret() { ! grep -qaF "$(cat "$T/token")" "$T/said" "$T"/db*; }
ok "nothing of the token is said or kept" secret
finish
