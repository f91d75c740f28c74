/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a run happens: its container and pod, and what is told of these. */
#include "trace_world.h"

#define ID     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD    "8f7d3b2a-0a3f-4a6e-9f0b-1c2d3e4f5a6b"
#define CGROUP "/kubepods/burstable/pod" POD "/" ID
#define DOCKER "/system.slice/docker-" ID ".scope"
#define CHILD  200

static void scope_in(const char *cgroup)
{
	char json[1024];

	snprintf(json, sizeof(json),
		 "{\"scope\":1,\"argv\":[\"agent\"],\"cwd\":\"/proj\",\"user\":\"u\",\"origin\":{"
		 "\"cgroup\":\"%s\"}}",
		 cgroup);
	world_json(&w, SONDE_EV_SCOPE, ROOT, json);
	feed(&w, ev_exec(&w.ev, ROOT, "/proj/agent", "/proj", SLICE("agent")));
}

static void container(const char *json)
{
	world_json(&w, SONDE_EV_CONTAINER, 0, json);
}

static void a_container_is_known_by_its_cgroup_alone(void **state)
{
	(void)state;
	scope_in(DOCKER);
	assert_string_equal(w.resource,
			    "{\"container.id\":\"" ID "\",\"container.runtime.name\":\"docker\"}");
}

static void of_this_host_alone_nothing_is_told(void **state)
{
	(void)state;
	scope_in("/user.slice/user-1000.slice/session-3.scope");
	assert_string_equal(w.resource, "");
}

static void a_process_tells_late_where_it_is(void **state)
{
	(void)state;
	scope_in("/");
	world_json(&w, SONDE_EV_PROC, ROOT, "{\"cgroup\":\"" DOCKER "\"}");
	at(&w, 2000);
	tick(&w);
	assert_non_null(strstr(w.resource, ID));
}

static void version_1_tells_the_id_apart_from_the_path(void **state)
{
	(void)state;
	scope_in("/");
	world_json(&w, SONDE_EV_PROC, ROOT, "{\"cgroup\":\"/\",\"container\":\"" ID "\"}");
	at(&w, 2000);
	tick(&w);
	assert_string_equal(w.resource, "{\"container.id\":\"" ID "\"}");
}

static void what_an_agent_runs_in_a_container_does_not_move_it(void **state)
{
	(void)state;
	scope_in("/");
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_end(&w, 1);
	world_fork(&w, ROOT, CHILD);
	EXEC(&w, CHILD, "/bin/tool", "tool");
	world_json(&w, SONDE_EV_PROC, CHILD, "{\"cgroup\":\"" DOCKER "\"}");
	talk_ask(&w, 2, CHILD, "[" USER "]");
	talk_end(&w, 2);
	world_exit(&w, ROOT, 0, 0);
	assert_string_equal(w.resource, "");
}

static void a_run_is_where_the_model_is_asked_from(void **state)
{
	(void)state;
	scope_in("/");
	world_fork(&w, ROOT, CHILD);
	EXEC(&w, CHILD, "/bin/curl", "curl");
	talk_ask(&w, 1, CHILD, "[" USER "]");
	talk_end(&w, 1);
	/* later than what it says */
	world_json(&w, SONDE_EV_PROC, CHILD, "{\"cgroup\":\"" DOCKER "\"}");
	assert_non_null(strstr(w.resource, ID));
}

static void names_come_before_and_after(void **state)
{
	(void)state;
	container("{\"container\":\"" ID "\",\"resource\":{\"k8s.pod.name\":\"web-1\"}}");
	scope_in(CGROUP);
	assert_string_equal(w.resource, "{\"container.id\":\"" ID "\",\"k8s.pod.name\":\"web-1\","
					"\"k8s.pod.uid\":\"" POD "\"}");
	container("{\"container\":\"" ID "\",\"resource\":{\"k8s.pod.name\":\"web-2\","
		  "\"k8s.pod.label.app\":\"w \\\"x\\\"\"}}");
	assert_string_equal(w.resource,
			    "{\"container.id\":\"" ID "\",\"k8s.pod.name\":\"web-2\","
			    "\"k8s.pod.label.app\":\"w \\\"x\\\"\",\"k8s.pod.uid\":\"" POD "\"}");
}

static void a_pod_is_known_before_its_containers(void **state)
{
	(void)state;
	container("{\"pod\":\"" POD "\",\"resource\":{\"k8s.pod.name\":\"web-1\","
		  "\"k8s.namespace.name\":\"n\"}}");
	scope_in(CGROUP);
	assert_non_null(strstr(w.resource, "\"k8s.pod.name\":\"web-1\""));
	container("{\"container\":\"" ID "\",\"resource\":{\"k8s.container.name\":\"c\"}}");
	assert_non_null(strstr(w.resource, "\"k8s.container.name\":\"c\""));
	assert_non_null(strstr(w.resource, "\"k8s.namespace.name\":\"n\""));
}

static void the_api_server_is_believed_more_than_files(void **state)
{
	(void)state;
	scope_in(CGROUP);
	container("{\"container\":\"" ID "\",\"by\":\"prober\",\"resource\":{"
		  "\"k8s.pod.name\":\"file\",\"container.name\":\"box\"}}");
	assert_non_null(strstr(w.resource, "\"k8s.pod.name\":\"file\""));
	container("{\"container\":\"" ID "\",\"resource\":{\"k8s.pod.name\":\"api\"}}");
	container("{\"container\":\"" ID "\",\"by\":\"prober\",\"resource\":{"
		  "\"k8s.pod.name\":\"file\",\"container.name\":\"box\"}}");
	assert_non_null(strstr(w.resource, "\"k8s.pod.name\":\"api\""));
	assert_non_null(strstr(w.resource, "\"container.name\":\"box\""));
}

static void a_run_that_is_over_is_told_again(void **state)
{
	(void)state;
	scope_in(CGROUP);
	world_exit(&w, ROOT, 0, 0);
	container("{\"container\":\"" ID "\",\"resource\":{\"k8s.pod.name\":\"web-1\"}}");
	assert_non_null(strstr(w.resource, "web-1"));
}

static void what_has_gone_is_still_known_for_its_runs(void **state)
{
	(void)state;
	scope_in(CGROUP);
	container("{\"container\":\"" ID "\",\"resource\":{\"k8s.pod.name\":\"web-1\"}}");
	container("{\"container\":\"" ID "\",\"gone\":true}");
	world_exit(&w, ROOT, 0, 0);
	assert_non_null(strstr(w.resource, "web-1"));
}

static void only_names_of_places_are_taken_and_no_secrets(void **state)
{
	(void)state;
	scope_in(CGROUP);
	container("{\"container\":\"" ID "\",\"resource\":{\"service.name\":\"x\",\"k8s.a\\\"b\":"
		  "\"x\",\"k8s.n\":5,\"k8s.o\":{},\"k8s.e\":\"\",\"k8s.pod.label.k\":"
		  "\"sk-SECRET\"}}");
	assert_string_equal(w.resource,
			    "{\"container.id\":\"" ID "\",\"k8s.pod.label.k\":\"[redacted:x]\","
			    "\"k8s.pod.uid\":\"" POD "\"}");
}

static void a_pod_is_begun_by_what_comes_again(void **state)
{
	(void)state;
	scope_in(CGROUP);
	assert_string_equal(w.began, "kubernetes|" POD "|agent in /proj");
	container("{\"pod\":\"" POD "\",\"resource\":{\"k8s.pod.name\":\"web-5d-x\","
		  "\"k8s.namespace.name\":\"shop\"}}");
	assert_string_equal(w.began, "kubernetes|pod shop/web-5d-x|pod shop/web-5d-x");
	container("{\"pod\":\"" POD "\",\"resource\":{\"k8s.pod.name\":\"nightly-1-x\","
		  "\"k8s.namespace.name\":\"shop\",\"k8s.job.name\":\"nightly-1\","
		  "\"k8s.cronjob.name\":\"nightly\"}}");
	assert_string_equal(w.began, "kubernetes|cronjob shop/nightly|cronjob shop/nightly");
}

#define EXCLUDED "{\"pod\":\"" POD "\",\"excluded\":true,\"resource\":{\"k8s.pod.name\":\"x\"}}"

static void of_an_excluded_pod_nothing_is_told(void **state)
{
	(void)state;
	container(EXCLUDED);
	scope_in(CGROUP);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	talk_end(&w, 1);
	world_fork(&w, ROOT, CHILD);
	EXEC(&w, CHILD, "/bin/tool", "tool");
	world_exit(&w, CHILD, 0, 0);
	world_exit(&w, ROOT, 0, 0);
	at(&w, 5000);
	tick(&w);
	assert_int_equal(w.n_runs, 0);
	assert_int_equal(w.n_spans, 0);
	assert_int_equal(w.n_blobs, 0);
	/* and it is forgotten: the number is free for another */
	scope_in("/");
	assert_int_equal(w.n_runs, 1);
}

static void what_is_excluded_later_ends_there(void **state)
{
	size_t runs, spans, blobs;

	(void)state;
	scope_in(CGROUP);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	container(EXCLUDED);
	assert_true(w.run_status != RUN_RUNNING);
	runs = w.n_runs;
	spans = w.n_spans;
	blobs = w.n_blobs;
	talk_say(&w, 1, "hello");
	talk_end(&w, 1);
	talk_ask(&w, 2, ROOT, "[" SAYS("user", "more") "]");
	talk_end(&w, 2);
	world_exit(&w, ROOT, 0, 0);
	at(&w, 5000);
	tick(&w);
	assert_int_equal(w.n_runs, runs);
	assert_int_equal(w.n_spans, spans);
	assert_int_equal(w.n_blobs, blobs);
}

static void hostile_events_are_counted(void **state)
{
	static const char *const bad[] = { "{}", "[]", "nonsense", "{\"container\":\"\"}",
					   "{\"container\":7}" };

	(void)state;
	scope_in(CGROUP);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		container(bad[i]);
	assert_int_equal(w.stats.n[STAT_EVENTS_BAD], ARRAY_SIZE(bad));
	container("{\"container\":\"" ID "\",\"resource\":[\"k8s.a\"]}");
	container("{\"container\":\"" ID "\"}");
	assert_non_null(strstr(w.resource, ID));
}

/* More than are kept: those not heard of for longest go, and the one at hand stays. */
static void what_is_kept_is_bounded(void **state)
{
	char json[256];

	(void)state;
	scope_in(CGROUP);
	for (int i = 0; i < 5000; i++) {
		snprintf(json, sizeof(json),
			 "{\"container\":\"c%d\",\"resource\":{\"k8s.pod.name\":\"p%d\"}}", i, i);
		container(json);
		if (i % 1000 == 0)
			container("{\"container\":\"" ID
				  "\",\"resource\":{\"k8s.pod.name\":\"web-1\"}}");
	}
	world_exit(&w, ROOT, 0, 0);
	assert_non_null(strstr(w.resource, "web-1"));
}

static void refused_memory_loses_names_and_nothing_else(void **state)
{
	(void)state;
	scope_in(CGROUP);
	for (long n = 1; n < 200; n++) {
		alloc_refuse(n);
		container("{\"container\":\"" ID "\",\"resource\":{\"k8s.pod.name\":\"web-1\"}}");
		if (!alloc_allow())
			break;
		assert_true(n < 199);
	}
	container("{\"container\":\"" ID "\",\"resource\":{\"k8s.pod.name\":\"web-1\"}}");
	assert_non_null(strstr(w.resource, "web-1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_container_is_known_by_its_cgroup_alone),
		TEST(of_this_host_alone_nothing_is_told),
		TEST(a_process_tells_late_where_it_is),
		TEST(version_1_tells_the_id_apart_from_the_path),
		TEST(what_an_agent_runs_in_a_container_does_not_move_it),
		TEST(a_run_is_where_the_model_is_asked_from),
		TEST(names_come_before_and_after),
		TEST(a_pod_is_known_before_its_containers),
		TEST(the_api_server_is_believed_more_than_files),
		TEST(a_run_that_is_over_is_told_again),
		TEST(what_has_gone_is_still_known_for_its_runs),
		TEST(only_names_of_places_are_taken_and_no_secrets),
		TEST(a_pod_is_begun_by_what_comes_again),
		TEST(of_an_excluded_pod_nothing_is_told),
		TEST(what_is_excluded_later_ends_there),
		TEST(hostile_events_are_counted),
		TEST(what_is_kept_is_bounded),
		TEST(refused_memory_loses_names_and_nothing_else),
	};

	return cmocka_run_group_tests_name("trace_resource", tests, NULL, NULL);
}
