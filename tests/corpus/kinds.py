"""Kinds of agents: how each is started, what it says of itself in requests, and how it runs a command."""
import uuid

SNAPSHOT = "source /root/.claude/shell-snapshots/snapshot-bash-1.sh 2>/dev/null || true && eval '{}' < /dev/null && pwd -P >| /tmp/claude-1-cwd"


def new_uuid(rng):
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


class Kind:
    """A program without any habits: an SDK's script."""

    agent, formats = "openai-python", ("chat",)
    user_agent = "OpenAI/Python 2.8.0"
    streams = 0.5  # how often it asks for a stream
    shell_tool, shell_arg, read_tool, write_tool, spawn_tool, spawn_arg = "run_command", "command", "read_file", "write_file", "delegate", "prompt"
    marks = False  # moves a cache mark
    early = False  # starts tools before the answer has ended
    call_ids = True
    named = True  # its requests say what it is
    sub_headers = False  # names its sub-agents
    sockets = False  # asks over a WebSocket where it can
    known = False  # a table knows its program
    helpers = ()  # programs that it runs for itself

    def program(self, prompt):
        return "/usr/bin/python3.11", ["python3", "/proj/agent.py", prompt]

    def interactive(self):
        return "/usr/bin/python3.11", ["python3", "/proj/chat.py"]

    def headers(self, _c):
        return [("User-Agent", self.user_agent)]

    def extra(self, _c):
        return {}

    def shell(self, command):
        """The programs that one process runs, one after the other."""
        return [("/bin/sh", ["/bin/sh", "-c", command])]


class AnthropicScript(Kind):
    agent, formats, user_agent = "anthropic-python", ("anthropic",), "Anthropic/Python 0.80.0"
    spawn_tool = "agent"


class GeminiScript(Kind):
    agent, formats, user_agent = "google-genai", ("gemini",), "google-genai-sdk/1.30.0 gl-python/3.11"
    call_ids = False


class ResponsesScript(Kind):
    formats = ("responses",)


class Native(Kind):
    """A program of somebody's own, that says nothing."""

    agent, formats, user_agent = "helper", ("anthropic", "chat", "gemini"), "Go-http-client/1.1"
    named = False

    def program(self, prompt):
        return "/usr/local/bin/helper", ["helper", "-task", prompt]

    def interactive(self):
        return "/usr/local/bin/helper", ["helper", "-chat"]


class Claude(Kind):
    agent, formats, known = "claude-code", ("anthropic",), True
    streams, marks, early, sub_headers = 1, True, True, True
    shell_tool, read_tool, write_tool, spawn_tool = "Bash", "Read", "Write", "Task"
    helpers = (
        ("/usr/bin/git", ["git", "status", "--short"]),
        ("/root/.local/share/claude/versions/2.1.329", ["rg", "--files", "/proj"]),
        ("/bin/bash", ["/bin/bash", "-c", "-l", "SNAPSHOT_FILE=/root/.claude/shell-snapshots/snapshot-bash-1.sh"]),
    )

    def program(self, prompt):
        return "/root/.local/share/claude/versions/2.1.329", ["claude", "-p", prompt]

    def interactive(self):
        return "/root/.local/share/claude/versions/2.1.329", ["claude"]

    def headers(self, c):
        entry = "cli" if c.site.interactive else "sdk-cli"
        who = [("User-Agent", f"claude-cli/2.1.329 (external, {entry})"), ("x-app", "cli"), ("x-claude-code-session-id", c.session)]
        if c.agent_id:
            who.append(("x-claude-code-agent-id", c.agent_id))
        if c.agent_id and c.above and c.above.agent_id:
            who.append(("x-claude-code-parent-agent-id", c.above.agent_id))
        return who

    def extra(self, c):
        return {"metadata": {"user_id": '{"device_id":"d0","account_uuid":"","session_id":"%s"}' % c.session}}

    def shell(self, command):
        return [("/bin/bash", ["/bin/bash", "-c", SNAPSHOT.format(command.replace("'", "'\\''"))])]


class Codex(Kind):
    agent, formats, streams, known, sockets = "codex", ("responses",), 1, True, True
    shell_tool, shell_arg, write_tool, spawn_tool, spawn_arg = "exec_command", "cmd", "apply_patch", "spawn_agent", "message"
    sub_headers = True
    helpers = (("/usr/bin/lsb_release", ["lsb_release", "-a"]), ("/usr/bin/git", ["git", "ls-remote", "https://github.com/openai/plugins.git"]))

    def program(self, prompt):
        return "/usr/lib/node_modules/@openai/codex/vendor/codex", ["codex", "exec", "--skip-git-repo-check", prompt]

    def interactive(self):
        return "/usr/lib/node_modules/@openai/codex/vendor/codex", ["codex"]

    def headers(self, c):
        thread = c.agent_id or c.session
        name = "codex_cli_rs" if c.site.interactive else "codex_exec"
        who = [
            ("User-Agent", f"{name}/0.169.0 (Debian 12.0.0; x86_64) dumb"),
            ("originator", name),
            ("session-id", c.session),
            ("thread-id", thread),
            ("x-client-request-id", thread),
            ("x-codex-window-id", thread + ":0"),
            ("x-codex-turn-metadata", '{"session_id":"%s","thread_id":"%s","turn_id":"%s"}' % (c.session, thread, c.turn_id)),
        ]
        if c.agent_id:
            who += [("x-codex-parent-thread-id", c.above.agent_id or c.session), ("x-openai-subagent", "collab_spawn")]
        return who

    def extra(self, c):
        thread = c.agent_id or c.session
        return {"prompt_cache_key": thread, "client_metadata": {"session_id": c.session, "thread_id": thread, "turn_id": c.turn_id}}

    def shell(self, command):
        return [
            ("/proc/self/exe", ["/proc/self/exe", "--codex-run-as-process-setup", "--", "/bin/bash"]),
            ("/bin/bash", ["/bin/bash", "-c", "__CODEX_SNAPSHOT_1=1; exec \"$@\"", "bash", "bash", "-c", command]),
            ("/bin/bash", ["bash", "-c", command]),
        ]


class Opencode(Kind):
    agent, formats, streams, known = "opencode", ("chat", "anthropic"), 1, True
    sub_headers = True
    user_agent = "opencode/1.18.33 ai-sdk/provider-utils/3.0.20 runtime/bun/1.3.14"
    shell_tool, read_tool, write_tool, spawn_tool = "bash", "read", "write", "task"

    def program(self, prompt):
        return "/usr/lib/node_modules/opencode-ai/bin/opencode", ["opencode", "run", prompt]

    def interactive(self):
        return "/usr/lib/node_modules/opencode-ai/bin/opencode", ["opencode"]

    def headers(self, c):
        who = [*super().headers(c), ("x-session-id", c.agent_id or c.session), ("x-session-affinity", c.agent_id or c.session)]
        return who + ([("x-parent-session-id", c.above.agent_id or c.session)] if c.agent_id else [])

    def shell(self, command):
        return [("/bin/bash", ["/bin/bash", "-c", command])]


class GeminiCli(Kind):
    agent, formats, streams, known = "gemini-cli", ("gemini",), 1, True
    shell_tool, spawn_tool, spawn_arg = "run_shell_command", "codebase_investigator", "objective"
    user_agent = "GeminiCLI-tui/0.61.0/corpus-gemini (linux; x64; terminal)"
    helpers = (("/usr/bin/git", ["git", "rev-parse", "--show-toplevel"]), ("/bin/sh", ["sh", "-c", "lspci"]))
    SCRIPT = "/usr/lib/node_modules/@google/gemini-cli/dist/index.js"

    def program(self, prompt):
        return "/usr/bin/node", ["node", self.SCRIPT, "-p", prompt, "--yolo"]

    def interactive(self):
        return "/usr/bin/node", ["node", self.SCRIPT]

    def shell(self, command):
        return [("/usr/bin/bash", ["/usr/bin/bash", "-c", "shopt -u promptvars; trap 'jobs -p' EXIT; " + command])]


CODING = (Claude, Codex, Opencode, GeminiCli)
SCRIPTS = (Kind, AnthropicScript, GeminiScript, ResponsesScript, Native)
ALL = CODING + SCRIPTS
