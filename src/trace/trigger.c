/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules go from what is near and certain to what only surrounds the command: a variable of a CI
 * service is in the environment of all that its jobs start, also of what an agent starts there.
 */
#include "trace/trigger.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/argv.h"
#include "base/util.h"
#include "proc/proc.h"
#include "trace/emit.h"

#define NAME_MAX_BYTES 1024
#define ANCESTORS_MAX  32
#define WORDS_MAX      64
#define CONTAINER_ID   12 /* digits of it that people use */

/* What is told, and what can be said of it. */
struct facts {
	const cJSON *env;
	struct slice cgroup, container, tty;
	bool in_container;
	struct process command, ancestors[ANCESTORS_MAX]; /* the nearest first */
	size_t n;
};

static bool found(struct trigger *t, const char *kind, struct slice name)
{
	if (name.n > NAME_MAX_BYTES)
		name.n = NAME_MAX_BYTES;
	t->kind = slice_dup(slice_of(kind));
	t->name = name.n ? slice_dup(name) : NULL;
	return true;
}

/* --- reading --- */

static void read_facts(struct facts *f, const cJSON *scope)
{
	const cJSON *origin = json_at(scope, "origin"), *one;

	f->env = json_at(origin, "env");
	f->cgroup = json_str(origin, "cgroup");
	f->container = json_str(origin, "container");
	f->tty = json_str(origin, "tty");
	f->in_container = cJSON_IsTrue(json_at(origin, "in_container"));
	f->command.argv = argv_of_json(json_at(scope, "argv"), SONDE_EVENT_MAX);
	cJSON_ArrayForEach (one, json_at(origin, "ancestors")) {
		if (f->n == ANCESTORS_MAX)
			break;
		f->ancestors[f->n++] = (struct process){ .comm = json_str(one, "comm"),
							 .exe = json_str(one, "exe"),
							 .argv = argv_of_json(json_at(one, "argv"),
									      SONDE_EVENT_MAX) };
	}
}

static void facts_done(struct facts *f)
{
	free((char *)f->command.argv.p);
	for (size_t i = 0; i < f->n; i++)
		free((char *)f->ancestors[i].argv.p);
}

static bool has_env(const struct facts *f, const char *name)
{
	const cJSON *one;

	cJSON_ArrayForEach (one, f->env)
		if (slice_eq(slice_of(cJSON_GetStringValue(one)), slice_of(name)))
			return true;
	return false;
}

/* --- programs --- */

/* "/x/jest.js" -> "jest" */
static struct slice stem(struct slice path)
{
	static const char *const endings[] = { ".js", ".mjs", ".cjs", ".ts", ".py" };
	struct slice s = slice_base(path);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (slice_ends(s, slice_of(endings[i])))
			return (struct slice){ s.p, s.n - strlen(endings[i]) };
	return s;
}

static bool is_interpreter(struct slice name)
{
	static const char *const names[] = { "python", "pypy", "node", "bash", "sh",  "dash",
					     "ruby",   "perl", "php",  "bun",  "deno" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct slice rest = slice_from(name, strlen(names[i]));

		if (!slice_starts(name, slice_of(names[i])))
			continue;
		while (rest.n && (isdigit((unsigned char)rest.p[0]) || rest.p[0] == '.'))
			rest = slice_from(rest, 1);
		if (rest.n == 0) /* python3.11 */
			return true;
	}
	return false;
}

/* The program, or the script or module that an interpreter runs. */
static struct slice program_of(const struct process *p)
{
	const struct slice first = stem(process_arg(p, 0));

	for (size_t i = 1; is_interpreter(first) && i < WORDS_MAX; i++) {
		const struct slice arg = process_arg(p, i);

		if (arg.n == 0)
			break;
		if (arg.p[0] != '-')
			return stem(arg);
	}
	return first;
}

/* A program that says what began those below it. */
struct starter {
	const char *program;
	const char *command; /* it does so with this as its first argument alone; or NULL */
	const char *kind, *name;
};

static const struct starter *starter_of(const struct process *p, const struct starter *table,
					size_t n)
{
	const struct slice program = program_of(p), first = stem(process_arg(p, 0));

	for (size_t i = 0; i < n; i++) {
		const struct slice name = slice_of(table[i].program);

		if (table[i].command ? slice_eq(first, name) && slice_eq(process_arg(p, 1),
									 slice_of(table[i].command))
				     : slice_eq(program, name) || slice_eq(p->comm, name))
			return &table[i];
	}
	return NULL;
}

/* --- what an agent or a test runs --- */

static const struct starter runners[] = {
	{ "pytest", NULL, "test", "pytest" },
	{ "py.test", NULL, "test", "pytest" },
	{ "unittest", NULL, "test", "unittest" },
	{ "tox", NULL, "test", "tox" },
	{ "nox", NULL, "test", "nox" },
	{ "jest", NULL, "test", "jest" },
	{ "vitest", NULL, "test", "vitest" },
	{ "node (vitest)", NULL, "test", "vitest" },
	{ "mocha", NULL, "test", "mocha" },
	{ "ava", NULL, "test", "ava" },
	{ "bats", NULL, "test", "bats" },
	{ "ctest", NULL, "test", "ctest" },
	{ "rspec", NULL, "test", "rspec" },
	{ "phpunit", NULL, "test", "phpunit" },
	{ "prove", NULL, "test", "prove" },
	{ "cargo-nextest", NULL, "test", "cargo nextest" },
	{ "go", "test", "test", "go test" },
	{ "cargo", "test", "test", "cargo test" },
	{ "bun", "test", "test", "bun test" },
	{ "deno", "test", "test", "deno test" },
	{ "meson", "test", "test", "meson test" },
};

/* The nearest of both. An agent's wrapper and what it runs are one agent, which did not begin
 * itself. */
static bool by_agent_or_test(const struct facts *f, struct trigger *t)
{
	struct agent_identity own = { 0 }, above;

	agent_of_program((struct slice){ 0 }, f->command.argv, &own);
	for (size_t i = 0; i < f->n; i++) {
		const struct process *p = &f->ancestors[i];
		const struct starter *s = starter_of(p, runners, ARRAY_SIZE(runners));

		if (s)
			return found(t, s->kind, slice_of(s->name));
		if (agent_of_program(p->exe, p->argv, &above) && !slice_eq(above.name, own.name))
			return found(t, "agent", above.name);
	}
	return false;
}

/* --- what the environment says --- */

struct variable {
	const char *env, *kind, *name;
};

static const struct variable agents[] = {
	{ "CLAUDECODE", "agent", "claude-code" },    { "CODEX_SANDBOX", "agent", "codex" },
	{ "GEMINI_CLI", "agent", "gemini-cli" },     { "OPENCODE", "agent", "opencode" },
	{ "CURSOR_AGENT", "agent", "cursor-agent" }, { "QWEN_CODE", "agent", "qwen-code" },
};

static const struct variable ci_services[] = {
	{ "GITEA_ACTIONS", "ci", "Gitea Actions" },
	{ "FORGEJO_ACTIONS", "ci", "Forgejo Actions" },
	{ "GITHUB_ACTIONS", "ci", "GitHub Actions" },
	{ "GITLAB_CI", "ci", "GitLab CI" },
	{ "JENKINS_URL", "ci", "Jenkins" },
	{ "BUILDKITE", "ci", "Buildkite" },
	{ "CIRCLECI", "ci", "CircleCI" },
	{ "TRAVIS", "ci", "Travis CI" },
	{ "TF_BUILD", "ci", "Azure Pipelines" },
	{ "BITBUCKET_BUILD_NUMBER", "ci", "Bitbucket Pipelines" },
	{ "TEAMCITY_VERSION", "ci", "TeamCity" },
	{ "DRONE", "ci", "Drone" },
	{ "CODEBUILD_BUILD_ID", "ci", "AWS CodeBuild" },
	{ "APPVEYOR", "ci", "AppVeyor" },
	{ "CI", "ci", NULL },
};

static const struct variable remote[] = {
	{ "SSH_CONNECTION", "ssh", NULL },
	{ "SSH_CLIENT", "ssh", NULL },
};

static bool by_variable(const struct facts *f, const struct variable *table, size_t n,
			struct trigger *t)
{
	for (size_t i = 0; i < n; i++)
		if (has_env(f, table[i].env))
			return found(t, table[i].kind, slice_of(table[i].name));
	return false;
}

static bool by_agent_variable(const struct facts *f, struct trigger *t)
{
	return by_variable(f, agents, ARRAY_SIZE(agents), t);
}

static bool by_ci_variable(const struct facts *f, struct trigger *t)
{
	return by_variable(f, ci_services, ARRAY_SIZE(ci_services), t);
}

static bool by_ssh_variable(const struct facts *f, struct trigger *t)
{
	return by_variable(f, remote, ARRAY_SIZE(remote), t);
}

/* --- daemons that start what people asked for --- */

static const struct starter daemons[] = {
	{ "cron", NULL, "cron", NULL },
	{ "crond", NULL, "cron", NULL },
	{ "anacron", NULL, "cron", NULL },
	{ "atd", NULL, "at", NULL },
	{ "sshd", NULL, "ssh", NULL },
	{ "sshd-session", NULL, "ssh", NULL },
	{ "dropbear", NULL, "ssh", NULL },
	{ "gitlab-runner", NULL, "ci", "GitLab CI" },
	{ "Runner.Worker", NULL, "ci", "GitHub Actions" },
	{ "buildkite-agent", NULL, "ci", "Buildkite" },
	{ "circleci-agent", NULL, "ci", "CircleCI" },
	{ "act_runner", NULL, "ci", "Gitea Actions" },
	{ "tmux: server", NULL, "terminal", "tmux" },
	{ "screen", NULL, "terminal", "screen" },
	{ "zellij", NULL, "terminal", "zellij" },
};

/* The line of `sh -c LINE`, else all arguments in one line. */
static bool found_line(struct trigger *t, const struct process *p)
{
	char line[NAME_MAX_BYTES];
	size_t n = 0;

	t->repeats = t->is_command = true;
	if (slice_eq(process_arg(p, 1), SLICE("-c")) && process_arg(p, 2).n)
		return found(t, "cron", process_arg(p, 2));
	n = p->argv.n < sizeof(line) ? p->argv.n : sizeof(line);
	if (n)
		memcpy(line, p->argv.p, n);
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\0')
			line[i] = ' ';
	return found(t, "cron", slice_trim((struct slice){ line, n }));
}

/* What stands right below cron; of /etc/cron.daily and the like the file that run-parts runs. */
static bool by_cron(const struct facts *f, size_t cron, struct trigger *t)
{
	const struct process *below = cron > 0 ? &f->ancestors[cron - 1] : &f->command;

	for (size_t i = 0; i < cron; i++) {
		if (!slice_eq(program_of(&f->ancestors[i]), SLICE("run-parts")))
			continue;
		below = i > 0 ? &f->ancestors[i - 1] : &f->command;
		t->repeats = t->is_command = true;
		return found(t, "cron",
			     is_interpreter(stem(process_arg(below, 0))) ? process_arg(below, 1)
									 : process_arg(below, 0));
	}
	return found_line(t, below);
}

static bool by_daemon(const struct facts *f, struct trigger *t)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct starter *s =
			starter_of(&f->ancestors[i], daemons, ARRAY_SIZE(daemons));

		if (s && strcmp(s->kind, "cron") == 0)
			return by_cron(f, i, t);
		if (s)
			return found(t, s->kind, slice_of(s->name));
	}
	return false;
}

/* --- what it runs in --- */

static bool is_pod_char(char c)
{
	return isxdigit((unsigned char)c) || c == '-' || c == '_';
}

/* The pod's uid: ".../kubepods-burstable-pod1234_56.slice/...", "/kubepods/pod1234-56/...". */
static struct slice pod_of(struct slice cgroup)
{
	const char *at = cgroup.n ? memmem(cgroup.p, cgroup.n, "pod", 3) : NULL;

	while (at) {
		const struct slice rest = slice_from(cgroup, (size_t)(at - cgroup.p) + 3);
		size_t n = 0;

		while (n < rest.n && is_pod_char(rest.p[n]))
			n++;
		if (n >= 32)
			return (struct slice){ rest.p, n };
		at = rest.n ? memmem(rest.p, rest.n, "pod", 3) : NULL;
	}
	return (struct slice){ 0 };
}

static bool by_kubernetes(const struct facts *f, struct trigger *t)
{
	if (!slice_has(f->cgroup, SLICE("kubepods")) && !has_env(f, "KUBERNETES_SERVICE_HOST"))
		return false;
	return found(t, "kubernetes", pod_of(f->cgroup));
}

static bool by_terminal(const struct facts *f, struct trigger *t)
{
	return f->tty.n && found(t, "terminal", f->tty);
}

/* The innermost service of a cgroup's path; a user's own manager is none. */
static struct slice unit_of(struct slice cgroup)
{
	struct slice part, unit = { 0 };

	for (bool more = true; more;) {
		more = slice_cut(cgroup, '/', &part, &cgroup);
		part = more ? part : cgroup;
		if (slice_ends(part, SLICE(".service")) && !slice_starts(part, SLICE("user@")))
			unit = part;
	}
	return unit;
}

static bool by_unit(const struct facts *f, struct trigger *t)
{
	const struct slice unit = !f->container.n ? unit_of(f->cgroup) : (struct slice){ 0 };
	const bool timer = has_env(f, "TRIGGER_TIMER_REALTIME_USEC") ||
			   has_env(f, "TRIGGER_TIMER_MONOTONIC_USEC");

	if (unit.n == 0)
		return false;
	/* What systemd-run makes has a name for once. */
	t->repeats = !slice_starts(unit, SLICE("run-"));
	return found(t, timer ? "timer" : "systemd", unit);
}

static bool by_container(const struct facts *f, struct trigger *t)
{
	struct slice id = f->container;

	if (id.n == 0 && !f->in_container && !has_env(f, "container"))
		return false;
	id.n = id.n < CONTAINER_ID ? id.n : CONTAINER_ID;
	return found(t, "container", id);
}

static bool (*const rules[])(const struct facts *f, struct trigger *t) = {
	by_agent_or_test, by_agent_variable, by_ci_variable, by_daemon,	   by_ssh_variable,
	by_kubernetes,	  by_terminal,	     by_unit,	     by_container,
};

/* `timeout 60 sudo sonde run ...`: nothing stands between that could have a life of its own. */
static bool is_limited(const struct facts *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct slice comm = f->ancestors[i].comm;

		if (slice_eq(comm, SLICE("timeout")))
			return true;
		if (!slice_eq(comm, SLICE("sudo")) && !slice_eq(comm, SLICE("sonde")))
			return false;
	}
	return false;
}

void trigger_find(struct trigger *t, const cJSON *scope)
{
	const struct slice said = json_str(scope, "trigger");
	struct facts f = { 0 };

	*t = (struct trigger){ 0 };
	read_facts(&f, scope);
	t->limited = is_limited(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rules) && !said.n && !t->kind; i++)
		rules[i](&f, t);
	if (!t->kind && !said.n && cJSON_IsTrue(json_at(scope, "tty")))
		found(t, "terminal", (struct slice){ 0 });
	if (!t->kind)
		t->kind = slice_dup(said.n ? said : SLICE("unknown"));
	facts_done(&f);
}

void trigger_done(struct trigger *t)
{
	free(t->kind);
	free(t->name);
	*t = (struct trigger){ 0 };
}

/* --- telling it --- */

/* Of a command line the program alone where the level keeps no text. */
static struct slice name_of(const struct trigger *t, struct emit *e)
{
	struct slice name = slice_of(t->name), rest;

	if (t->is_command && !content_keeps_text(e->run->t)) {
		slice_cut(name, ' ', &name, &rest);
		name = slice_base(name);
	}
	return emit_text(e, name);
}

/* What the pod is one of: it comes again, and the pod does not. */
static struct slice workload(struct emit *e, const struct run *run)
{
	static const char *const kinds[][2] = {
		{ "k8s.cronjob.name", "cronjob " },
		{ "k8s.job.name", "job " },
		{ "k8s.deployment.name", "deployment " },
		{ "k8s.statefulset.name", "statefulset " },
		{ "k8s.daemonset.name", "daemonset " },
		{ "k8s.pod.name", "pod " },
	};
	struct slice name = { 0 }, space;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && name.n == 0 && e->mem; i++) {
		name = json_text(json_member(run->resource, slice_of(kinds[i][0])), e->mem);
		if (name.n == 0)
			continue;
		space = json_text(json_member(run->resource, SLICE("k8s.namespace.name")), e->mem);
		space = emit_join(e, space, space.n ? SLICE("/") : space);
		name = emit_join(e, slice_of(kinds[i][1]), emit_join(e, space, name));
	}
	return name;
}

void trigger_emit(const struct trigger *t, struct slice request, struct emit *e, struct run *run)
{
	struct slice who = run->agent;

	run->trigger = request.n ? SLICE("http") : emit_text(e, slice_of(t->kind));
	run->trigger_name = request.n ? emit_url(e, request) : name_of(t, e);
	if (request.n) {
		run->workflow =
			emit_join(e, emit_join(e, run->agent, SLICE(" at ")), run->trigger_name);
		return;
	}
	if (slice_eq(run->trigger, SLICE("kubernetes")) && run->resource.n) {
		const struct slice what = workload(e, run);

		run->trigger_name = what.n ? what : run->trigger_name;
		run->workflow = what;
		if (what.n)
			return;
	}
	if (t->repeats && run->trigger_name.n) {
		run->workflow = run->trigger_name;
		return;
	}
	if (run->project.n)
		who = emit_join(e, emit_join(e, who, SLICE(" in ")), run->project);
	/* Which of its jobs stands in a variable's value. */
	if (slice_eq(run->trigger, SLICE("ci")) && run->trigger_name.n)
		who = emit_join(e, emit_join(e, run->trigger_name, SLICE(": ")), who);
	run->workflow = who;
}
