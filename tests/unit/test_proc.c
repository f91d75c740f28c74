/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "events.h"
#include "proc/proc.h"

static union test_event ev;

static struct slice copy_of(char *buf, size_t max, struct slice s)
{
	assert_true(s.n < max);
	if (s.n)
		memcpy(buf, s.p, s.n);
	buf[s.n] = '\0';
	return s;
}

#define assert_slice(s, want)                     \
	do {                                      \
		char got[512];                    \
		copy_of(got, sizeof(got), (s));   \
		assert_string_equal(got, (want)); \
	} while (0)

static struct proc *begin(void)
{
	struct proc *p;

	assert_int_equal(proc_new(NULL, &p), 0);
	return p;
}

static struct process *of(struct proc *p, uint32_t pid)
{
	return proc_find(p, (struct process_key){ .tgid = pid, .start_ns = pid * 1000ull });
}

static void a_process_is_followed_from_fork_to_exit(void **state)
{
	struct proc *p = begin();
	struct process *a;

	(void)state;
	proc_feed(p, ev_fork(&ev, 1, 2));
	proc_feed(p, ev_exec(&ev, 2, "/usr/bin/ls", "/tmp", SLICE("ls\0-l\0")));
	a = proc_feed(p, ev_exit(&ev, 2, 3, 0));
	assert_ptr_equal(a, of(p, 2));
	assert_int_equal(a->parent.tgid, 1);
	assert_int_equal(a->scope, 1);
	assert_int_equal(a->exit_code, 3);
	assert_int_equal(a->execs, 1);
	assert_true(a->exit_ns != 0);
	assert_slice(a->path, "/usr/bin/ls");
	assert_slice(a->cwd, "/tmp");
	assert_slice(a->comm, "comm2");
	assert_slice(process_name(a), "ls");
	assert_slice(process_arg(a, 1), "-l");
	assert_slice(process_arg(a, 2), "");
	assert_slice(process_arg(a, 9), "");
	/* gone as a pid, kept as a process */
	assert_null(proc_find(p, (struct process_key){ .tgid = 2 }));
	proc_free(p);
}

static void a_child_has_its_parents_program_until_it_runs_its_own(void **state)
{
	struct proc *p = begin();
	struct process *child;

	(void)state;
	proc_feed(p, ev_exec(&ev, 1, "/opt/claude", "/home", SLICE("claude\0-p")));
	child = proc_feed(p, ev_fork(&ev, 1, 2));
	assert_int_equal(child->key.tgid, 2);
	assert_slice(child->path, "/opt/claude");
	assert_slice(child->agent.name, "claude-code");
	assert_int_equal(child->execs, 0);
	/* the parent's next program is not the child's, nor the other way round */
	proc_feed(p, ev_exec(&ev, 1, "/bin/true", "/", SLICE("true")));
	assert_slice(child->path, "/opt/claude");
	proc_feed(p, ev_exec(&ev, 2, "/bin/bash", "/", SLICE("bash")));
	assert_slice(child->agent.name, "");
	assert_slice(of(p, 1)->path, "/bin/true");
	proc_free(p);
}

static void what_the_prober_says_late_fills_what_is_missing(void **state)
{
	struct proc *p = begin();
	struct process *a;

	(void)state;
	a = proc_feed(p, ev_json(&ev, SONDE_EV_PROC, 5,
				 "{\"exe\":\"/x/@openai/codex/codex\",\"cwd\":\"/w\",\"comm\":"
				 "\"codex\",\"uid\":7,\"container\":\"c1\"}"));
	assert_slice(a->exe, "/x/@openai/codex/codex");
	assert_slice(a->cwd, "/w");
	assert_slice(a->agent.name, "codex");
	assert_slice(process_name(a), "codex");
	assert_int_equal(a->uid, 7);
	proc_feed(p, ev_json(&ev, SONDE_EV_PROC, 5, "{\"container\":\"c2\"}"));
	assert_slice(a->container, "c2");
	assert_slice(a->cwd, "/w");
	assert_slice(a->exe, "/x/@openai/codex/codex");
	/* what the kernel saw holds against it */
	proc_feed(p, ev_exec(&ev, 5, "/bin/ls", "/there", SLICE("ls")));
	proc_feed(p, ev_json(&ev, SONDE_EV_PROC, 5, "{\"cwd\":\"/late\",\"comm\":\"late\"}"));
	assert_slice(a->cwd, "/there");
	assert_slice(a->comm, "comm5");
	/* an exec that could not tell leaves the directory as it was */
	ev_exec(&ev, 5, "/bin/cat", "", SLICE("cat"));
	proc_feed(p, &ev.hdr);
	assert_slice(a->cwd, "/there");
	proc_free(p);
}

static void facts_about_strangers_and_nonsense_do_no_harm(void **state)
{
	struct stats stats = { 0 };
	struct proc *p;

	(void)state;
	assert_int_equal(proc_new(&stats, &p), 0);
	proc_feed(p, ev_json(&ev, SONDE_EV_PROC, 5, "{\"exe\":17,\"uid\":\"x\",\"cwd\":null}"));
	proc_feed(p, ev_json(&ev, SONDE_EV_PROC, 5, "nonsense"));
	proc_feed(p, ev_json(&ev, SONDE_EV_SCOPE, 5, "[1,2]"));
	assert_null(proc_feed(p, ev_json(&ev, SONDE_EV_HOST, 0, "{}")));
	assert_non_null(proc_feed(p, ev_exit(&ev, 9, 0, 9)));
	assert_int_equal(of(p, 9)->exit_signal, 9);
	proc_feed(p, ev_exit(&ev, 9, 0, 9));
	proc_feed(p, ev_fork(&ev, 3, 3)); /* its own parent */
	assert_int_equal(stats.n[STAT_EVENTS_BAD], 1);
	proc_free(p);
}

static void a_lost_fork_still_leads_to_the_scope(void **state)
{
	struct proc *p = begin();
	struct process *a;

	(void)state;
	proc_feed(p, ev_json(&ev, SONDE_EV_SCOPE, 1, "{\"scope\":4,\"uid\":1000}"));
	assert_int_equal(of(p, 1)->scope, 4);
	assert_int_equal(of(p, 1)->uid, 1000);
	ev_exec(&ev, 2, "/bin/ls", "/", SLICE("ls"));
	ev.exec.parent_tgid = 1;
	ev.exec.parent_start_ns = 1000;
	a = proc_feed(p, &ev.hdr);
	assert_int_equal(a->scope, 4);
	assert_int_equal(a->parent.tgid, 1);
	proc_free(p);
}

static void a_pid_that_is_used_again_is_another_process(void **state)
{
	struct proc *p = begin();
	struct process *first, *second;

	(void)state;
	first = proc_feed(p, ev_exec(&ev, 2, "/bin/a", "/", SLICE("a")));
	ev_exec(&ev, 2, "/bin/b", "/", SLICE("b"));
	ev.hdr.start_ns = 77;
	second = proc_feed(p, &ev.hdr);
	assert_ptr_not_equal(first, second);
	assert_ptr_equal(proc_find(p, (struct process_key){ .tgid = 2 }), second);
	assert_true(first->exit_ns != 0);
	proc_free(p);
}

static void count_forgotten(void *ctx, struct process *process)
{
	(void)process;
	++*(unsigned *)ctx;
}

static void the_process_that_ended_first_is_forgotten_first(void **state)
{
	struct proc *p = begin();
	unsigned forgotten = 0;

	(void)state;
	proc_on_forget(p, count_forgotten, &forgotten);
	for (uint32_t i = 1; i <= PROC_MAX; i++)
		proc_feed(p, ev_exec(&ev, i, "/bin/a", "/", SLICE("a")));
	proc_feed(p, ev_exit(&ev, 30, 0, 0));
	proc_feed(p, ev_exit(&ev, 20, 0, 0));
	proc_feed(p, ev_exec(&ev, PROC_MAX + 1, "/bin/a", "/", SLICE("a")));
	assert_null(of(p, 30));
	assert_non_null(of(p, 20));
	proc_feed(p, ev_fork(&ev, 1, PROC_MAX + 2));
	assert_null(of(p, 20));
	proc_feed(p, ev_fork(&ev, 1, PROC_MAX + 3)); /* none has ended: the oldest */
	assert_null(of(p, 1));
	assert_int_equal(forgotten, 3);
	proc_free(p);
}

static void agents_are_known_by_their_program(void **state)
{
	static const struct {
		const char *path;
		struct slice argv;
		const char *name, *version; /* NULL: none */
	} cases[] = {
#define ARGV(s) { s, sizeof(s) - 1 }
		{ "/usr/bin/node", ARGV("node\0/x/node_modules/@openai/codex/bin/codex.js\0exec"),
		  "codex", "" },
		{ "/x/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/codex/codex",
		  ARGV("/x/codex\0exec\0hi"), "codex", "" },
		{ "/x/node_modules/@openai/codex/vendor/path/rg", ARGV("rg\0foo"), NULL, NULL },
		{ "/root/.local/share/claude/versions/2.1.329", ARGV("claude\0-p\0hi"),
		  "claude-code", "2.1.329" },
		{ "/root/.local/share/claude/versions/2.1.329", ARGV("rg\0--files"), "claude-code",
		  "2.1.329" },
		{ "/x/@anthropic-ai/claude-code-linux-x64/claude", ARGV("claude"), "claude-code",
		  "" },
		{ "/x/@anthropic-ai/claude-code/vendor/ripgrep/x64-linux/rg", ARGV("rg"), NULL,
		  NULL },
		{ "/usr/bin/rg", ARGV("claude"), NULL, NULL },
		{ "/usr/bin/node",
		  ARGV("node\0--max-old-space-size=4096\0/x/@anthropic-ai/claude-code/cli.js"),
		  "claude-code", "" },
		{ "/usr/bin/node", ARGV("node\0/usr/local/bin/gemini\0-p\0hi"), "gemini-cli", "" },
		{ "/usr/bin/node", ARGV("node\0--expose-gc\0/x/@qwen-code/qwen-code/cli.js"),
		  "qwen-code", "" },
		{ "/usr/bin/node", ARGV("node\0-r\0/x/hook.js\0/usr/bin/pi"), "pi", "" },
		{ "/usr/bin/pi", ARGV("pi"), NULL, NULL },
		{ "/usr/bin/node", ARGV("node\0-e\0codex"), NULL, NULL },
		{ "/usr/bin/node", ARGV("node\0server.js\0codex"), NULL, NULL },
		{ "/usr/bin/node", ARGV("node"), NULL, NULL },
		{ "/usr/bin/node", ARGV("node\0/usr/bin/npx\0@openai/codex"), NULL, NULL },
		{ "/x/bun", ARGV("bun\0run\0/x/opencode-ai/index.ts"), "opencode", "" },
		{ "/x/opencode-linux-x64/bin/opencode", ARGV("opencode\0run"), "opencode", "" },
		{ "/x/@kilocode/cli-linux-x64/bin/kilo", ARGV("kilo"), "kilo", "" },
		{ "/usr/bin/kilo", ARGV("kilo\0notes.txt"), NULL, NULL },
		{ "/usr/bin/kilo", ARGV("kilo\0run\0hi"), "kilo", "" },
		{ "/go/bin/goose", ARGV("goose\0up"), NULL, NULL },
		{ "/root/.local/bin/goose", ARGV("goose\0session"), "goose", "" },
		{ "/x/@github/copilot-linux-x64/copilot", ARGV("copilot"), "copilot", "" },
		{ "/usr/bin/python3.11", ARGV("python3\0-m\0aider\0--model\0x"), "aider", "" },
		{ "/usr/bin/python3.11", ARGV("python3\0-Im\0aider"), "aider", "" },
		{ "/usr/bin/python3", ARGV("python3\0-maider.main"), "aider", "" },
		{ "/usr/bin/python3", ARGV("python3\0-W\0ignore\0/root/.local/bin/aider"), "aider",
		  "" },
		{ "/usr/bin/python3", ARGV("python3\0-c\0import aider\0aider"), NULL, NULL },
		{ "/usr/bin/python3", ARGV("python3\0agent.py\0-m\0aider"), NULL, NULL },
		{ "/usr/bin/python3", ARGV("python3\0/x/bin/openhands"), "openhands", "" },
		{ "/root/.local/share/cursor-agent/versions/2026.01.02-abc/node",
		  ARGV("node\0/root/.local/share/cursor-agent/versions/2026.01.02-abc/index.js"),
		  "cursor-agent", "2026.01.02-abc" },
		{ "/x/bin/crush", ARGV("crush"), "crush", "" },
		{ "", ARGV("/x/bin/codex\0exec"), "codex", "" },
		{ "", ARGV(""), NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct agent_identity id = { 0 };
		bool known = agent_of_program(slice_of(cases[i].path), cases[i].argv, &id);

		if (known != (cases[i].name != NULL))
			fail_msg("case %zu: %s", i, cases[i].path);
		assert_slice(id.name, cases[i].name ? cases[i].name : "");
		assert_slice(id.version, cases[i].version ? cases[i].version : "");
	}
}

static void an_agent_that_runs_itself_as_a_tool_is_a_helper(void **state)
{
	static const struct {
		const char *path;
		struct slice argv;
		bool helper;
	} cases[] = {
		{ "/s/claude/versions/2.1.329", ARGV("claude\0-p"), false },
		{ "/s/claude/versions/2.1.329", ARGV("/root/.local/bin/claude\0-p"), false },
		{ "/s/claude/versions/2.1.329", ARGV("2.1.329\0-p"), false },
		{ "/s/claude/versions/2.1.329", ARGV("rg\0--files"), true },
		{ "/s/claude/versions/2.1.329", ARGV("/usr/bin/rg\0--files"), true },
		{ "/x/@openai/codex/vendor/x/codex/codex", ARGV("codex\0exec"), false },
		{ "/x/@openai/codex/vendor/x/codex/codex", ARGV("codex-linux-sandbox\0x"), true },
		{ "/x/@openai/codex/vendor/x/codex/codex",
		  ARGV("/proc/self/exe\0--codex-run-as-process-setup"), true },
		{ "/x/opencode-linux-x64/bin/opencode", ARGV(""), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct agent_identity id = { 0 };

		assert_true(agent_of_program(slice_of(cases[i].path), cases[i].argv, &id));
		if (id.helper != cases[i].helper)
			fail_msg("case %zu", i);
	}
}

static void arguments_tell_whether_an_agent_takes_more_than_one_request(void **state)
{
	static const struct {
		const char *agent;
		struct slice argv;
		bool turns, once;
	} cases[] = {
		{ "claude-code", ARGV("claude"), true, false },
		{ "claude-code", ARGV("claude\0fix it"), true, false },
		{ "claude-code", ARGV("claude\0--resume"), true, false },
		{ "claude-code", ARGV("claude\0-p\0fix it"), false, true },
		{ "claude-code", ARGV("node\0cli.js\0fix it\0--print"), false, true },
		{ "claude-code",
		  ARGV("claude\0-p\0--output-format\0stream-json\0--input-format\0stream-json"),
		  true, false },
		{ "claude-code", ARGV("claude\0-p\0--input-format=stream-json\0x"), true, false },
		{ "claude-code", ARGV("claude\0-p\0--output-format\0stream-json\0x"), false, true },
		{ "codex", ARGV("codex"), true, false },
		{ "codex", ARGV("codex\0-m\0gpt-5\0exec\0fix it"), false, true },
		{ "codex", ARGV("codex\0app-server"), true, false },
		{ "opencode", ARGV("opencode\0run\0fix it"), false, true },
		{ "opencode", ARGV("opencode\0serve"), true, false },
		{ "gemini-cli", ARGV("node\0gemini\0--prompt=fix it"), false, true },
		{ "goose", ARGV("goose\0session"), true, false },
		{ "goose", ARGV("goose\0run\0-s"), true, false },
		{ "aider", ARGV("aider\0-m\0fix it"), false, true },
		{ "cline", ARGV("cline"), false, false },
		{ "", ARGV("python3\0agent.py"), false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct agent_identity id = { .name = slice_of(cases[i].agent) };

		agent_find_manner(&id, cases[i].argv);
		if (id.turns != cases[i].turns || id.once != cases[i].once)
			fail_msg("case %zu", i);
	}
}

static void agents_are_known_by_their_user_agent(void **state)
{
	static const struct {
		const char *ua, *name, *version;
	} cases[] = {
		{ "claude-cli/2.1.329 (external, sdk-cli)", "claude-code", "2.1.329" },
		{ "claude-cli/2.1.329 (external, sdk-ts, agent-sdk/0.3.329)", "claude-code",
		  "2.1.329" },
		{ "codex_exec/0.169.0 (Debian 12.0.0; x86_64) dumb", "codex", "0.169.0" },
		{ "codex_sdk_ts/0.163.0 (x)", "codex", "0.163.0" },
		{ "codex_cli_rs/0.1", "codex", "0.1" },
		{ "GeminiCLI-tui/0.61.0/gemini-2.5-flash (linux; x64; terminal)", "gemini-cli",
		  "0.61.0" },
		{ "GeminiCLI/0.1.5 (linux; x64)", "gemini-cli", "0.1.5" },
		{ "QwenCode/0.24.4 (linux; x64)", "qwen-code", "0.24.4" },
		{ "opencode/1.18.33 ai-sdk/provider-utils/4 runtime/bun/1.3.14", "opencode",
		  "1.18.33" },
		{ "Kilo-Code/7.7.7 ai-sdk/x", "kilo", "7.7.7" },
		{ "pi (linux 6.1; x64)", "pi", "" },
		{ "OpenAI/Python 1.2.3", "openai-python", "1.2.3" },
		{ "AsyncOpenAI/Python 1.2.3", "openai-python", "1.2.3" },
		{ "OpenAI/JS 7.55.0", "openai-js", "7.55.0" },
		{ "Anthropic/JS 1.11.0", "anthropic-js", "1.11.0" },
		{ "Anthropic/Python 0.9", "anthropic-python", "0.9" },
		{ "google-genai-sdk/3.1.0 gl-node/v22", "google-genai", "3.1.0" },
		{ "langchainjs-openai/1.0.0 (x)", "langchain-js", "1.0.0" },
		{ "Agents/JavaScript 0.20.0", "openai-agents-js", "0.20.0" },
		{ "ollama-js/0.6.4 (x64 linux Node.js/v22)", "ollama-js", "0.6.4" },
		{ "ai-sdk-openai/4.0.118 ai-sdk-provider-utils/1", "ai-sdk", "4.0.118" },
		{ "ai/7.0.173 ai-sdk-x", "ai-sdk", "7.0.173" },
		{ "Mozilla/5.0 ai-sdk/openai-compatible/3 runtime/bun/1.3.13", "ai-sdk", "3" },
		{ "claude-cli/", "claude-code", "" },
		{ "claude-cli/\x01\x02", "claude-code", "" },
		{ "curl/7.88.1", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct agent_identity id = { 0 };
		bool known = agent_of_user_agent(slice_of(cases[i].ua), &id);

		if (known != (cases[i].name != NULL))
			fail_msg("case %zu: %s", i, cases[i].ua);
		assert_slice(id.name, cases[i].name ? cases[i].name : "");
		assert_slice(id.version, cases[i].version ? cases[i].version : "");
	}
}

static void refused_memory_loses_facts_and_nothing_else(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		struct proc *p = NULL;

		alloc_refuse(n);
		if (proc_new(NULL, &p) == 0) {
			proc_feed(p, ev_exec(&ev, 1, "/bin/a", "/", SLICE("a")));
			proc_feed(p, ev_fork(&ev, 1, 2));
			proc_feed(p, ev_json(&ev, SONDE_EV_PROC, 2, "{\"cwd\":\"/w\"}"));
			proc_feed(p, ev_exec(&ev, 2, "/bin/b", "/", SLICE("b")));
			proc_feed(p, ev_exit(&ev, 2, 0, 0));
		}
		proc_free(p);
		if (!alloc_allow())
			break;
		assert_true(n < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_followed_from_fork_to_exit),
		cmocka_unit_test(a_child_has_its_parents_program_until_it_runs_its_own),
		cmocka_unit_test(what_the_prober_says_late_fills_what_is_missing),
		cmocka_unit_test(facts_about_strangers_and_nonsense_do_no_harm),
		cmocka_unit_test(a_lost_fork_still_leads_to_the_scope),
		cmocka_unit_test(a_pid_that_is_used_again_is_another_process),
		cmocka_unit_test(the_process_that_ended_first_is_forgotten_first),
		cmocka_unit_test(agents_are_known_by_their_program),
		cmocka_unit_test(an_agent_that_runs_itself_as_a_tool_is_a_helper),
		cmocka_unit_test(arguments_tell_whether_an_agent_takes_more_than_one_request),
		cmocka_unit_test(agents_are_known_by_their_user_agent),
		cmocka_unit_test(refused_memory_loses_facts_and_nothing_else),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
