#!/bin/bash
# What the OTLP receiver of the tests decodes with: OpenTelemetry's own messages, from PyPI.
#   otlp_venv.sh DIR	DIR/bin/python
set -eu
dir=$1
wanted=opentelemetry-proto==1.45.2
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # tests run side by side
[ "$(cat "$dir/stamp" 2>/dev/null)" != "$wanted" ] || exit 0
/usr/bin/python3 -m venv "$dir"
"$dir/bin/pip" install --quiet --disable-pip-version-check "$wanted"
echo "$wanted" >"$dir/stamp"
