#!/bin/bash
# Builds the Collector from the Go module proxy: minutes.
#   build.sh DIR	DIR/otelcol/otelcol
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1/otelcol
command -v go >/dev/null || { echo "no go: the Collector is not built" >&2; exit 1; }
mkdir -p "$dir"
cp "$here/main.go" "$here/go.mod" "$here/go.sum" "$dir/"
cd "$dir"
go build -buildvcs=false -p 2 -o otelcol .
