/* SPDX-License-Identifier: BSD-2-Clause */
/* What began a run and what it is one of: SCOPE as launcher and prober tell it. */
#include "trace_world.h"

#define AN(comm, argv) "{\"comm\":\"" comm "\",\"argv\":[" argv "]}"
#define FROM(...)      "\"ancestors\":[" __VA_ARGS__ "]"
#define SHELL	       AN("bash", "\"-bash\"")
#define CRON	       AN("cron", "\"/usr/sbin/CRON\",\"-f\"") "," AN("cron", "\"/usr/sbin/cron\",\"-f\"")
#define IN(group)      "\"cgroup\":\"" group "\""
#define WITH(...)      "\"env\":[" __VA_ARGS__ "]"
#define ANY	       "|agent in /src"
#define POD	       "0f3a1c9e-12ab-4c5d-9e8f-001122334455"
#define ID64	       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *origin, *began; /* kind|name|workflow */
} cases[] = {
	/* a person */
	{ FROM(SHELL) ",\"tty\":\"pts/3\"", "terminal|pts/3" ANY },
	{ FROM(SHELL "," AN("tmux: server", "\"tmux\"")) ",\"tty\":\"pts/3\"",
	  "terminal|tmux" ANY },
	{ FROM(SHELL "," AN("screen", "\"SCREEN\"")), "terminal|screen" ANY },
	{ FROM(SHELL "," AN("sshd", "\"sshd: eve@pts/0\"")) ",\"tty\":\"pts/0\"", "ssh|" ANY },
	{ FROM(SHELL "," AN("sshd-session", "\"sshd-session: eve@notty\"")), "ssh|" ANY },
	{ FROM(SHELL "," AN("dropbear", "\"dropbear\"")), "ssh|" ANY },
	{ FROM(SHELL) "," WITH("\"SSH_CONNECTION\""), "ssh|" ANY },
	{ FROM(SHELL) "," IN("/user.slice/user-1000.slice/session-2.scope") ",\"tty\":\"pts/1\"",
	  "terminal|pts/1" ANY },
	/* a schedule */
	{ FROM(AN("sh", "\"/bin/sh\",\"-c\",\"cd /x && ./nightly\"") "," CRON),
	  "cron|cd /x && ./nightly|cd /x && ./nightly" },
	{ FROM(CRON), "cron|agent do it|agent do it" },
	{ FROM(AN("nightly", "\"/bin/sh\",\"/etc/cron.daily/nightly\"") "," AN(
		  "run-parts", "\"run-"
			       "parts"
			       "\",\"-"
			       "-repor"
			       "t\","
			       "\"/"
			       "etc/"
			       "cron."
			       "daily"
			       "\"") "," AN("sh", "\"/bin/sh\",\"-c\",\"cd / && run-parts --report "
						  "/etc/cron.daily\"") "," CRON),
	  "cron|/etc/cron.daily/nightly|/etc/cron.daily/nightly" },
	{ FROM(AN("sh", "\"sh\"") "," AN("atd", "\"/usr/sbin/atd\"")), "at|" ANY },
	{ FROM(SHELL) "," IN("/system.slice/backup.service"),
	  "systemd|backup.service|backup.service" },
	{ IN("/system.slice/backup.service") "," WITH("\"TRIGGER_TIMER_REALTIME_USEC\""),
	  "timer|backup.service|backup.service" },
	{ IN("/user.slice/user-1000.slice/user@1000.service/app.slice/bot.service"),
	  "systemd|bot.service|bot.service" },
	{ IN("/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope"), "unknown|" ANY },
	{ IN("/system.slice/run-u12.service"), "systemd|run-u12.service" ANY },
	/* CI: a variable beats the ssh that its runner may have come by */
	{ FROM(SHELL "," AN("sshd", "\"sshd\"")) "," WITH("\"JENKINS_URL\""),
	  "ci|Jenkins|Jenkins: agent in /src" },
	{ WITH("\"CI\",\"GITHUB_ACTIONS\""), "ci|GitHub Actions|GitHub Actions: agent in /src" },
	{ WITH("\"GITEA_ACTIONS\",\"GITHUB_ACTIONS\""),
	  "ci|Gitea Actions|Gitea Actions: agent in /src" },
	{ WITH("\"CI\""), "ci|" ANY },
	{ FROM(SHELL "," AN("gitlab-runner", "\"gitlab-runner\",\"run\"")),
	  "ci|GitLab CI|GitLab CI: agent in /src" },
	/* tests; what is near counts more than what only surrounds it */
	{ FROM(SHELL "," AN("pytest", "\"/usr/bin/python3\",\"/usr/bin/pytest\",\"-q\"")) "," WITH(
		  "\"GITHUB_ACTIONS\""),
	  "test|pytest" ANY },
	{ FROM(AN("python3.11", "\"python3.11\",\"-m\",\"pytest\"")), "test|pytest" ANY },
	{ FROM(AN("pytest", "\"pytest\"") "," SHELL) "," WITH("\"CLAUDECODE\""),
	  "test|pytest" ANY },
	{ FROM(AN("node", "\"node\",\"/x/node_modules/jest/bin/jest.js\"")), "test|jest" ANY },
	{ FROM(AN("node (vitest)", "\"node (vitest)\"")), "test|vitest" ANY },
	{ FROM(AN("x.test", "\"/tmp/x.test\"") "," AN("go", "\"go\",\"test\",\"./...\"")),
	  "test|go test" ANY },
	{ FROM(AN("go", "\"go\",\"run\",\".\"")), "unknown|" ANY },
	{ FROM(AN("bash", "\"bash\",\"/usr/bin/bats\",\"t.bats\"")), "test|bats" ANY },
	{ FROM(AN("ctest", "\"ctest\",\"-j2\"")), "test|ctest" ANY },
	{ FROM(AN("phpunit", "\"phpunit\"")), "test|phpunit" ANY },
	/* another agent */
	{ FROM(SHELL "," AN("claude", "\"claude\",\"-p\"") "," SHELL) ",\"tty\":\"pts/3\"",
	  "agent|claude-code" ANY },
	{ FROM(SHELL) "," WITH("\"CLAUDECODE\""), "agent|claude-code" ANY },
	/* a container */
	{ IN("/kubepods.slice/kubepods-burstable-pod" POD ".slice/cri-containerd-" ID64 ".scope"),
	  "kubernetes|" POD ANY },
	{ IN("/") "," WITH("\"KUBERNETES_SERVICE_HOST\""), "kubernetes|" ANY },
	{ IN("/system.slice/docker-" ID64 ".scope") ",\"container\":\"" ID64 "\"",
	  "container|0123456789ab" ANY },
	{ IN("/") ",\"in_container\":true", "container|" ANY },
	{ FROM(SHELL) ",\"in_container\":true,\"tty\":\"pts/0\"", "terminal|pts/0" ANY },
	{ WITH("\"container\""), "container|" ANY },
	{ "", "unknown|" ANY },
};

static void begin(const char *argv, const char *more)
{
	char json[4096];

	world_end(&w);
	world_begin(&w);
	snprintf(json, sizeof(json), "{\"scope\":1,\"argv\":[%s],\"cwd\":\"/src/sub\",%s}", argv,
		 more);
	world_json(&w, SONDE_EV_SCOPE, ROOT, json);
}

static void what_began_a_run_is_told_by_what_is_around_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char more[4096];

		snprintf(more, sizeof(more), "\"project\":\"/src\",\"origin\":{%s}",
			 cases[i].origin);
		begin("\"agent\",\"do it\"", more);
		assert_string_equal(w.began, cases[i].began);
	}
}

static void a_wrapper_of_the_same_agent_did_not_begin_it(void **state)
{
	(void)state;
	begin("\"/x/codex/codex\"",
	      "\"origin\":{" FROM(
		      AN("node", "\"node\",\"/x/bin/codex.js\"") "," SHELL) ",\"tty\":\"pts/1\"}");
	assert_string_equal(w.began, "terminal|pts/1|codex in /src/sub");
}

static void what_the_scope_says_outright_counts(void **state)
{
	(void)state;
	begin("\"x.har\"", "\"trigger\":\"import\",\"origin\":{" FROM(CRON) "}");
	assert_string_equal(w.began, "import||x.har in /src/sub");
	begin("\"agent\"", "\"tty\":true");
	assert_string_equal(w.began, "terminal||agent in /src/sub");
}

static void a_cron_line_loses_its_secrets_and_at_minimal_its_arguments(void **state)
{
	const char *line = "\"origin\":{" FROM(
		AN("sh", "\"sh\",\"-c\",\"/opt/nightly --key sk-SECRET\"") "," CRON) "}";

	(void)state;
	begin("\"agent\"", line);
	assert_string_equal(w.began,
			    "cron|/opt/nightly --key [redacted:x]|/opt/nightly --key [redacted:x]");
	world_json(&w, SONDE_EV_CONFIG, 0, "{\"content\":\"minimal\"}");
	EXEC(&w, ROOT, "/usr/bin/agent", "agent");
	trace_end(w.trace, w.now);
	assert_string_equal(w.began, "cron|nightly|nightly");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_began_a_run_is_told_by_what_is_around_it),
		TEST(a_wrapper_of_the_same_agent_did_not_begin_it),
		TEST(what_the_scope_says_outright_counts),
		TEST(a_cron_line_loses_its_secrets_and_at_minimal_its_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
