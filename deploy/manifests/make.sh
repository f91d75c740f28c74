#!/bin/sh
# The plain manifests are what the chart says with the values as they stand: made by `make manifests`, checked by
# tests/package/manifests.sh.
#   make.sh [DIR]	DIR: where they go, instead of here
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
helm=${HELM:-helm}
chart=$here/../helm/sonde
head="# Made of the Helm chart by make manifests: change that, not this."

render() { # FILE HELM-OPTION...
	file=$1
	shift
	{ echo "$head"; "$helm" template sonde "$chart" --namespace sonde --kube-version 1.31.0 "$@"; } >"$out/$file"
}
mkdir -p "$out"
{
	echo "$head"
	printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: sonde\n  labels:\n'
	# It looks into all processes of a node: "baseline" and "restricted" do not let that in.
	printf '    pod-security.kubernetes.io/enforce: privileged\n'
} >"$out/namespace.yaml"
render sonde.yaml
render servicemonitor.yaml --set metrics.serviceMonitor=true --show-only templates/service.yaml
