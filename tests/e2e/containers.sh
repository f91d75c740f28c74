#!/bin/bash
# Runs in containers are named by them, with no Kubernetes and no engine to ask: by the cgroup, and by what engines leave on
# disk. Containers are crun's, with a root of their own; cgroups are made for this test and removed.
# shellcheck disable=SC2015,SC2016,SC2086 # for inner shells; a failed test shows why; ids in the words of jq
. "$(dirname "$0")/lib.sh"
need_root
mock_start
ID=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
BODY='{"model":"gpt-4o","messages":[{"role":"user","content":"where am I?"}]}'

# Hybrid hosts have version 2 beside the others.
V2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$V2" ] || skip_all "no cgroups of version 2"
NAME=sonde-e2e-$$
CG=$V2/$NAME
remove_cgroups() {
	[ -d "$CG" ] && find "$CG" -depth -type d -exec rmdir {} \; 2>/dev/null
	rm -rf "/run/crun/$NAME" "/run/containerd/io.containerd.runtime.v2.task/$NAME"
	rmdir /run/containerd/io.containerd.runtime.v2.task /run/containerd 2>/dev/null
	cleanup
}
trap remove_cgroups EXIT

# resource FILTER	of the one run
resource() {
	jq -s '[.[] | select(.type == "run")] | length == 1 and (.[0].resource | '"$1"')' "$T/spans" | grep -qx true || { tail -1 "$T/spans"; return 1; }
}
# in_cgroup PATH	the call is made by a process that moves there first
in_cgroup() {
	mkdir -p "$CG/$1"
	mock_scenario '{"latency_ms":500}' # it lives until its cgroup has been read
	traced "$HTTPS" sh -c 'echo $$ >"$1" && shift && exec "$@"' sh "$CG/$1/cgroup.procs" \
		curl -s --cacert "$T/certs/ca.pem" -H 'Content-Type: application/json' -d "$BODY" "$HTTPS/v1/chat/completions" || return 1
	[ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
docker() { in_cgroup "system.slice/docker-$ID.scope" && resource '. == {"container.id": "'$ID'", "container.runtime.name": "docker"}'; }
ok "docker's, under systemd" docker
podman() { in_cgroup "machine.slice/libpod-$ID.scope/container" && resource '."container.runtime.name" == "podman" and ."container.id" == "'$ID'"'; }
ok "podman's" podman
POD=8f7d3b2a-0a3f-4a6e-9f0b-1c2d3e4f5a6b
KUBE=kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD//-/_}.slice/cri-containerd-$ID.scope
kubernetes() {
	in_cgroup "$KUBE" && resource '. == {"container.id": "'$ID'", "container.runtime.name": "containerd", "k8s.pod.uid": "'$POD'"}'
}
ok "a pod's, without an API server" kubernetes
nspawn() { in_cgroup "machine.slice/machine-build.scope" && resource '. == {"container.id": "build", "container.runtime.name": "nspawn"}'; }
ok "a machine of systemd's" nspawn
plain() { in_cgroup "user.slice/session-3.scope" && resource '. == null'; }
ok "a cgroup that is no container" plain
annotated() {
	local task=/run/containerd/io.containerd.runtime.v2.task/$NAME/$ID
	mkdir -p "$task"
	jq -n '{annotations: {"io.kubernetes.cri.container-name": "main", "io.kubernetes.cri.sandbox-name": "web-1",
		"io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.image-name": "registry.example/web:1"}}' >"$task/config.json"
	in_cgroup "$KUBE" && resource '. == {"container.id": "'$ID'", "container.runtime.name": "containerd", "k8s.container.name": "main",
		"k8s.pod.name": "web-1", "k8s.namespace.name": "shop", "container.image.name": "registry.example/web", "k8s.pod.uid": "'$POD'"}'
}
[ -e /run/containerd/containerd.sock ] || ok "names that containerd has left" annotated
found() { "$SONDE" runs --db "$T/db" --json --container "${ID:0:12}" --pod web-1 --namespace shop | holds '.type == "run"' - && "$SONDE" show --db "$T/db" | grep 'pod  *shop/web-1'; }
[ -e /run/containerd/containerd.sock ] || ok "and is found by" found

# A container of crun's: its own root, its own curl and libssl.
R=$T/root
mkdir -p "$R"/{bin,etc,proc,tmp,dev}
cp /usr/bin/busybox "$R/bin/sh"
ln -s sh "$R/bin/sleep"
mknod -m 666 "$R/dev/null" c 1 3
cp /usr/bin/curl "$R/bin/curl"
for f in $(ldd /usr/bin/curl | grep -o '/[^ ]*'); do
	mkdir -p "$R$(dirname "$f")"
	cp -L "$f" "$R$f"
done
printf '127.0.0.1 localhost\n' >"$R/etc/hosts"
cp "$T/certs/ca.pem" "$R/ca.pem"
chmod 644 "$R/ca.pem"
cat >"$T/container" <<EOS
#!/bin/bash
# container CGROUP COMMAND...
mkdir -p "$T/bundle"
jq -n --arg root "$R" --arg cgroup "\$1" --args '{ociVersion: "1.0.2", root: {path: \$root}, hostname: "box",
	process: {terminal: false, cwd: "/", user: {uid: 0, gid: 0}, env: ["PATH=/bin"], args: \$ARGS.positional,
		capabilities: {}, noNewPrivileges: true},
	mounts: [{destination: "/proc", type: "proc", source: "proc"}],
	linux: {cgroupsPath: \$cgroup, namespaces: [{type: "pid"}, {type: "mount"}, {type: "ipc"}, {type: "uts"}]}}' -- "\${@:2}" >"$T/bundle/config.json"
[ "\$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec crun --cgroup-manager=cgroupfs --root /run/crun run -b "$T/bundle" $NAME
EOS
chmod 755 "$T/container"
# The first call may come before the image's files are known; that is told (places.sh). What counts here is the second.
crun() { # CGROUP FILTER
	mock_scenario '{}'
	# shellcheck disable=SC2086 # words
	traced "$HTTPS" unshare -m --propagation private "$T/container" "$1" /bin/sh -c 'curl "$@"; sleep 1; curl "$@"' sh -s --cacert /ca.pem \
		-H 'Content-Type: application/json' -d "$BODY" "$HTTPS/v1/chat/completions" || return 1
	[ "$(grep -c . "$TRUTH")" -ge 2 ] || { cat "$T/out" "$T/err"; return 1; }
	resource "$2"
}
# The library of a root that nobody has seen may be found too late for a short program: a later one is whole.
ok "crun's, called as a pod's" within 60 crun "/$NAME/$KUBE" '."container.id" == "'$ID'" and ."k8s.pod.uid" == "'$POD'"'
ok "crun's, whose cgroup says nothing: by crun's own files" within 60 crun "/$NAME/x/$NAME" '. == {"container.id": "'$NAME'", "container.runtime.name": "crun"}'
finish
