#!/bin/bash
# What a tool's command does to files and on the network stands below the tool call, what the agent itself does below the
# agent, and a command behind the model's back is flagged.
# shellcheck disable=SC2016 # for other shells
. "$(dirname "$0")/lib.sh"
need_root
mock_start
mkdir -m 777 "$T/w"
echo old >"$T/w/old"
printf 'kept as it is\n' >"$T/w/note.txt.tmp"

# The demo agent, which does something of its own when the model has answered.
cat >"$T/agent.py" <<EOS
import os, runpy, subprocess, sys
sys.argv = ["agent.py"] + sys.argv[1:]
try:
    runpy.run_path("$TOP/tests/demo/agent.py", run_name="__main__")
finally:
    open("$T/w/own.txt", "w").write("mine")
    subprocess.run(["sh", "-c", "echo behind >$T/w/behind"])
EOS
command="echo hello-from-tool; cd $T/w && echo one >made && mv note.txt.tmp note.txt && rm old; mkdir sub; \
curl -s http://127.0.0.1:1/"

run() {
	mock_scenario "$(jq -n --arg c "$command" '{command: $c}')" && traced "$HTTPS" /usr/bin/python3 "$T/agent.py"
}
ok "an agent whose tool makes, renames and removes files" run

# is STEP NAME FILTER	the one step of that kind and name has what the filter says of its attributes
is() {
	jq -es --arg step "$1" --arg name "$2" "map(select(.attributes.\"sonde.step.kind\" == \$step and (.name | endswith(\$name)))) |
		group_by(.span_id) | map(last) | length == 1 and (.[0].attributes | $3)" "$T/spans"
}
# below CHILD PARENT	the step whose name ends so hangs below the other
below() {
	jq -es --arg child "$1" --arg parent "$2" '. as $all | map(select(.name != null and (.name | endswith($child)))) | last |
		.parent_span_id as $p | $all | map(select(.span_id == $p)) | last | .name | startswith($parent)' "$T/spans"
}
ok "a file that it made is the tool's" below /w/made execute_tool
ok "with its size and how it came about" is file /w/made '."file.size" == 4 and ."sonde.file.created" and ."sonde.file.operation" == ["written"]'
ok "and with what stands in it" is file /w/made '."sonde.artifact.state" == "whole"'
ok "one that it renamed is known by its new name" is file /w/note.txt '."sonde.file.operation" == ["renamed"] and (."sonde.file.from" | endswith("note.txt.tmp"))'
ok "one that it removed is told" is file /w/old '."sonde.file.operation" == ["removed"]'
ok "a folder too" is file /w/sub '."sonde.file.operation" == ["folder_made"]'
ok "a connection that was refused is the tool's" below 127.0.0.1:1 execute_tool
ok "and an error" is network 127.0.0.1:1 '."error.type" == "ECONNREFUSED"'
ok "the tool has the counts" is tool bash '."sonde.files.written" == 1 and ."sonde.files.removed" == 1 and ."sonde.connections" == 1'
ok "what the agent writes is the agent's" below /w/own.txt invoke_agent
flagged() {
	jq -es 'map(select(.attributes."sonde.unexplained")) | group_by(.span_id) | map(last.attributes."process.command_line") |
		length == 1 and (.[0] | test("echo behind"))' "$T/spans"
}
ok "a command behind the model's back is flagged, and nothing else" flagged
ok "and what it writes is its own" below /w/behind sh

quiet() {
	jq -es 'map(select(.attributes."sonde.step.kind" == "network" and (.name | test("localhost|:443")))) | length == 0' "$T/spans"
}
ok "connections of model calls are no steps of their own" quiet
ok "show says that there is a command that no tool call explains" sh -c "\"$SONDE\" show --db \"$T/db\" | grep -q '! 1 command that no tool call explains'"
finish
