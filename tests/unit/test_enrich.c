/* SPDX-License-Identifier: BSD-2-Clause */
/* Pods as the API server tells them, and how it is followed through all that goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "base/util.h"
#include "enrich/pod_watch.h"

#define ID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID  "8f7d3b2a-0a3f-4a6e-9f0b-1c2d3e4f5a6b"
#define UID2 "8f7d3b2a-0a3f-4a6e-9f0b-1c2d3e4f5a6c"

static const char *const labels[] = { "app", "app.kubernetes.io/*" };
static const struct pod_context context = { .node = "n1",
					    .labels = labels,
					    .n_labels = ARRAY_SIZE(labels) };

/* --- pods --- */

static char said[65536];

static void on_fact(void *ctx, char kind, struct slice id, struct slice resource)
{
	size_t n = strlen(said);

	(void)ctx;
	snprintf(said + n, sizeof(said) - n, "%c %.*s %.*s\n", kind, SLICE_ARG(id),
		 SLICE_ARG(resource));
}

static const char *pod(const char *json)
{
	cJSON *j = json_parse(slice_of(json));

	said[0] = '\0';
	if (!pod_read(j, &context, on_fact, NULL))
		snprintf(said, sizeof(said), "none");
	cJSON_Delete(j);
	return said;
}

#define OF(kind, name) \
	"\"ownerReferences\":[{\"kind\":\"" kind "\",\"name\":\"" name "\",\"controller\":true}]"

static void a_pod_and_its_containers_get_their_names(void **state)
{
	(void)state;
	assert_string_equal(
		pod("{\"metadata\":{\"name\":\"web-1\",\"namespace\":\"shop\",\"uid\":\"" UID
		    "\",\"labels\":{\"app\":\"web\",\"secret\":\"x\","
		    "\"app.kubernetes.io/part-of\":\"y\"}},\"status\":{\"containerStatuses\":[{"
		    "\"name\":\"main\",\"image\":\"reg:5000/a/b:1.2@sha256:00\",\"imageID\":\"i\","
		    "\"containerID\":\"containerd://" ID "\"},{\"name\":\"not-yet\"}]}}"),
		"p " UID " {\"k8s.namespace.name\":\"shop\",\"k8s.pod.name\":\"web-1\","
		"\"k8s.pod.uid\":\"" UID "\",\"k8s.node.name\":\"n1\",\"k8s.pod.label.app\":"
		"\"web\",\"k8s.pod.label.app.kubernetes.io/part-of\":\"y\"}\n"
		"c " ID " {\"k8s.namespace.name\":\"shop\",\"k8s.pod.name\":\"web-1\","
		"\"k8s.pod.uid\":\"" UID "\",\"k8s.node.name\":\"n1\",\"k8s.pod.label.app\":"
		"\"web\",\"k8s.pod.label.app.kubernetes.io/part-of\":\"y\","
		"\"k8s.container.name\":\"main\",\"container.image.name\":\"reg:5000/a/b\","
		"\"container.image.id\":\"i\"}\n");
}

static void owners_are_named_to_their_root(void **state)
{
	/* 28893600 minutes are 2024-12-08T00:00:00Z */
	static const struct {
		const char *metadata, *want, *not ;
	} cases[] = {
		{ OF("ReplicaSet", "web-5d4f") ",\"labels\":{\"pod-template-hash\":\"5d4f\"}",
		  "\"k8s.replicaset.name\":\"web-5d4f\",\"k8s.deployment.name\":\"web\"", "\x01" },
		{ OF("ReplicaSet", "web-5d4f") ",\"labels\":{\"pod-template-hash\":\"zz\"}",
		  "\"k8s.replicaset.name\":\"web-5d4f\"", "deployment" },
		{ OF("ReplicaSet", "5d4f") ",\"labels\":{\"pod-template-hash\":\"5d4f\"}",
		  "\"k8s.replicaset.name\":\"5d4f\"", "deployment" },
		{ OF("ReplicaSet", "-5d4f") ",\"labels\":{\"pod-template-hash\":\"5d4f\"}",
		  "replicaset", "deployment" },
		{ OF("StatefulSet", "db"), "\"k8s.statefulset.name\":\"db\"", "\x01" },
		{ OF("DaemonSet", "log"), "\"k8s.daemonset.name\":\"log\"", "\x01" },
		{ OF("Job", "nightly-28893600") ",\"creationTimestamp\":\"2024-12-08T00:00:03Z\"",
		  "\"k8s.job.name\":\"nightly-28893600\",\"k8s.cronjob.name\":\"nightly\"",
		  "\x01" },
		{ OF("Job", "import-28893600") ",\"creationTimestamp\":\"2026-12-08T00:00:03Z\"",
		  "\"k8s.job.name\":\"import-28893600\"", "cronjob" },
		{ OF("Job", "once") ",\"creationTimestamp\":\"2024-12-08T00:00:03Z\"",
		  "\"k8s.job.name\":\"once\"", "cronjob" },
		{ OF("Job", "-28893600") ",\"creationTimestamp\":\"2024-12-08T00:00:03Z\"",
		  "k8s.job.name", "cronjob" },
		{ "\"ownerReferences\":[{\"kind\":\"Job\",\"name\":\"x\"}]", "k8s.pod.uid",
		  "k8s.job" },
		{ OF("Workflow", "x"), "k8s.pod.uid", "\"x\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char json[1024];

		snprintf(json, sizeof(json), "{\"metadata\":{\"uid\":\"" UID "\",%s}}",
			 cases[i].metadata);
		if (!strstr(pod(json), cases[i].want) || strstr(said, cases[i].not ))
			fail_msg("%s: %s", json, said);
	}
}

static void namespaces_and_labels_exclude(void **state)
{
	static const char *const spaces[] = { "kube-system", "priv" };
	static const char *const not_labels[] = { "secret", "sonde=off" };
	const struct pod_context c = { .not_namespaces = spaces,
				       .n_not_namespaces = ARRAY_SIZE(spaces),
				       .not_labels = not_labels,
				       .n_not_labels = ARRAY_SIZE(not_labels) };
	static const struct {
		const char *metadata;
		bool excluded;
	} cases[] = {
		{ "\"namespace\":\"priv\"", true },
		{ "\"namespace\":\"private\"", false },
		{ "\"labels\":{\"secret\":\"no\"}", true },
		{ "\"labels\":{\"sonde\":\"off\"}", true },
		{ "\"labels\":{\"sonde\":\"offline\"}", false },
		{ "\"labels\":{\"sonde\":7}", false },
		{ "\"labels\":{\"secrets\":\"\",\"sond\":\"off\"}", false },
		{ "\"labels\":7", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char json[256];
		cJSON *j;

		snprintf(json, sizeof(json), "{\"metadata\":{\"uid\":\"" UID "\",%s}}",
			 cases[i].metadata);
		j = json_parse(slice_of(json));
		if (pod_is_excluded(j, &c) != cases[i].excluded)
			fail_msg("%s", json);
		cJSON_Delete(j);
	}
}

static void a_static_pod_is_found_by_the_kubelets_uid(void **state)
{
	(void)state;
	assert_ptr_equal(strstr(pod("{\"metadata\":{\"uid\":\"" UID
				    "\",\"annotations\":{\"kubernetes.io/config.hash\":"
				    "\"0123456789abcdef0123456789abcdef\"}}}"),
				"p 0123456789abcdef0123456789abcdef {"),
			 said);
	assert_non_null(strstr(said, "\"k8s.pod.uid\":\"" UID "\""));
}

static void what_is_no_pod_is_none(void **state)
{
	static const char *const bad[] = { "7",
					   "[]",
					   "{}",
					   "{\"metadata\":7}",
					   "{\"metadata\":{\"uid\":7}}",
					   "{\"metadata\":{\"uid\":\"\"}}",
					   "{\"metadata\":{\"uid\":\"" UID UID "\"}}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_string_equal(pod(bad[i]), "none");
	/* of other types than they should be */
	pod("{\"metadata\":{\"uid\":\"" UID "\",\"name\":{},\"labels\":[1],\"ownerReferences\":"
	    "{\"a\":7}},\"status\":{\"containerStatuses\":{\"a\":{\"containerID\":7}}}}");
	assert_non_null(strstr(said, UID));
}

static void an_id_is_a_word(void **state)
{
	(void)state;
	pod("{\"metadata\":{\"uid\":\"" UID
	    "\"},\"status\":{\"containerStatuses\":[{\"containerID\":\"containerd://a/b\"},"
	    "{\"containerID\":\"containerd://\"},{\"containerID\":\"" ID "\"},"
	    "{\"containerID\":\"x://a b\"}]}}");
	assert_null(strstr(said, "\nc "));
}

static void a_node_says_where_it_stands(void **state)
{
	cJSON *j = json_parse(
		SLICE("{\"metadata\":{\"uid\":\"u\",\"labels\":{\"topology.kubernetes.io/zone\":"
		      "\"z\",\"topology.kubernetes.io/region\":\"r\",\"x\":\"y\","
		      "\"node.kubernetes.io/instance-type\":\"t\"}}}"));
	struct buf out = { 0 };

	(void)state;
	pod_node(j, &out);
	assert_int_equal(buf_add(&out, (struct slice){ "", 1 }, SIZE_MAX), 0);
	assert_string_equal(out.p, "\"cloud.availability_zone\":\"z\",\"cloud.region\":\"r\","
				   "\"host.type\":\"t\",\"k8s.node.uid\":\"u\"");
	buf_done(&out);
	cJSON_Delete(j);
}

/* --- following --- */

struct follower {
	struct facts *facts;
	struct pod_watch *watch;
	char path[1024];
	unsigned sent;
	int fail;
};

static int on_send(void *ctx, struct slice json)
{
	struct follower *f = ctx;
	size_t n = strlen(said);

	if (f->fail)
		return f->fail;
	f->sent++;
	snprintf(said + n, sizeof(said) - n, "%.*s\n", SLICE_ARG(json));
	return 0;
}

static struct follower follower_begin(void)
{
	return (struct follower){ 0 };
}

static void start(struct follower *f)
{
	said[0] = '\0';
	assert_int_equal(facts_new(on_send, f, &f->facts), 0);
	assert_int_equal(pod_watch_new(f->facts, &context, &f->watch), 0);
}

static void stop(struct follower *f)
{
	pod_watch_free(f->watch);
	facts_free(f->facts);
}

static const char *next_path(struct follower *f)
{
	struct buf path = { 0 };

	assert_int_equal(pod_watch_path(f->watch, &path), 0);
	snprintf(f->path, sizeof(f->path), "%.*s", SLICE_ARG(buf_slice(&path)));
	buf_done(&path);
	return f->path;
}

/* One request with its answer in pieces of @piece bytes; milliseconds to wait. */
static int answer_cut(struct follower *f, int status, const char *body, size_t piece, uint64_t ms)
{
	struct slice rest = slice_of(body);
	int r = 0;

	while (rest.n && r == 0) {
		const size_t n = rest.n < piece ? rest.n : piece;

		r = pod_watch_body(f->watch, (struct slice){ rest.p, n });
		rest = slice_from(rest, n);
	}
	return pod_watch_done(f->watch, status, r, ms);
}

static int answer(struct follower *f, int status, const char *body)
{
	next_path(f);
	return answer_cut(f, status, body, SIZE_MAX, 5000);
}

#define POD(uid, name, version)                                                                   \
	"{\"metadata\":{\"uid\":\"" uid "\",\"name\":\"" name "\",\"resourceVersion\":\"" version \
	"\"}}"
#define LIST(version, items) \
	"{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define CHANGE(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define GONE		     CHANGE("ERROR", "{\"kind\":\"Status\",\"code\":410}")

static void node_and_list_come_first_then_what_changes(void **state)
{
	struct follower f = follower_begin();

	(void)state;
	start(&f);
	assert_string_equal(next_path(&f), "/api/v1/nodes/n1");
	assert_int_equal(answer(&f, 200, "{\"metadata\":{\"uid\":\"nu\"}}"), 0);
	assert_string_equal(next_path(&f),
			    "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&limit=100");
	assert_int_equal(answer_cut(&f, 200,
				    "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"a&b\"}"
				    ",\"items\":[" POD(UID, "a", "3") "]}",
				    7, 10),
			 0);
	assert_string_equal(
		next_path(&f),
		"/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&limit=100&continue=a%26b");
	assert_false(pod_watch_is_complete(f.watch));
	assert_int_equal(answer_cut(&f, 200, LIST("5", POD(UID2, "b", "4")), 7, 10), 0);
	assert_true(pod_watch_is_complete(f.watch));
	assert_int_equal(f.sent, 2);
	assert_non_null(strstr(said, "\"k8s.node.uid\":\"nu\""));
	assert_non_null(strstr(next_path(&f), "&watch=1&allowWatchBookmarks=true&timeoutSeconds="
					      "300&resourceVersion=5"));
	assert_true(pod_watch_is_long(f.watch));

	/* However a change is cut, it is the same. */
	for (size_t piece = 1; piece < 40; piece += 3) {
		char text[512];

		snprintf(text, sizeof(text),
			 CHANGE("MODIFIED", POD(UID, "a%zu", "7"))
				 CHANGE("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"9\"}}"),
			 piece);
		said[0] = '\0';
		assert_int_equal(answer_cut(&f, 200, text, piece, 5000), 0);
		snprintf(text, sizeof(text), "\"k8s.pod.name\":\"a%zu\"", piece);
		assert_non_null(strstr(said, text));
		assert_non_null(strstr(next_path(&f), "resourceVersion=9"));
	}
	/* The same again is not told again. */
	f.sent = 0;
	answer(&f, 200, CHANGE("MODIFIED", POD(UID, "a37", "7")));
	assert_int_equal(f.sent, 0);
	said[0] = '\0';
	answer(&f, 200, CHANGE("DELETED", POD(UID, "a37", "10")));
	assert_string_equal(said, "{\"pod\":\"" UID "\",\"gone\":true}\n");
	stop(&f);
}

static void follow(struct follower *f)
{
	start(f);
	answer(f, 404, "");
	answer(f, 200, LIST("5", POD(UID, "a", "3")));
	assert_true(pod_watch_is_long(f->watch));
}

static void a_version_that_is_too_old_is_listed_anew_and_what_went_is_told(void **state)
{
	struct follower f = follower_begin();

	(void)state;
	follow(&f);
	assert_int_equal(answer(&f, 200, GONE), 0);
	assert_string_equal(next_path(&f), "/api/v1/nodes/n1");
	answer(&f, 200, "{}");
	said[0] = '\0';
	assert_int_equal(answer(&f, 200, LIST("50", POD(UID2, "b", "40"))), 0);
	assert_non_null(strstr(said, "{\"pod\":\"" UID2 "\",\"resource\""));
	assert_non_null(strstr(said, "{\"pod\":\"" UID "\",\"gone\":true}"));
	assert_non_null(strstr(next_path(&f), "resourceVersion=50"));
	/* As a status of its own; again and again it is waited for longer. */
	assert_int_equal(answer_cut(&f, 410, "", 1, 5), 1000);
	stop(&f);
}

static void an_outage_takes_nothing_away_and_is_waited_out(void **state)
{
	struct follower f = follower_begin();
	int wait = 0, before = 0;

	(void)state;
	follow(&f);
	f.sent = 0;
	for (int i = 0; i < 20; i++) {
		next_path(&f);
		wait = pod_watch_done(f.watch, 0, -EIO, 5);
		assert_true(wait >= before && wait <= WATCH_WAIT_MAX_MS);
		before = wait;
	}
	assert_int_equal(wait, WATCH_WAIT_MAX_MS);
	assert_string_equal(pod_watch_trouble(f.watch), "the API server cannot be reached");
	assert_int_equal(facts_count(f.facts), 1);
	assert_int_equal(f.sent, 0);
	/* It goes on where it was, and the next failure is a first one. */
	assert_non_null(strstr(next_path(&f), "resourceVersion=5"));
	assert_int_equal(answer(&f, 200, CHANGE("ADDED", POD(UID2, "b", "8"))), 0);
	assert_string_equal(pod_watch_trouble(f.watch), "");
	next_path(&f);
	assert_int_equal(pod_watch_done(f.watch, 0, -EIO, 5), 1000);
	stop(&f);
}

static void refusals_are_explained(void **state)
{
	static const struct {
		int status;
		const char *body, *says;
	} cases[] = {
		{ 401, "{\"message\":\"Unauthorized\"}", "refuses the token" },
		{ 403, "{}", "a role with get, list and watch" },
		{ 500, "{\"message\":\"etcd\"}", "answers 500: etcd" },
		{ 200, "nonsense", "answers nonsense" },
		{ 200, "", "answers nonsense" },
		{ 200, "[[[[", "answers nonsense" },
		{ 200, "{\"items\":7}", "answers nonsense" },
		{ 200, "{\"items\":[]}", "answers nonsense" }, /* no version to go on from */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct follower f = follower_begin();

		start(&f);
		answer(&f, 403, "{}"); /* the node: not waited for */
		assert_int_equal(answer(&f, cases[i].status, cases[i].body), 1000);
		if (!strstr(pod_watch_trouble(f.watch), cases[i].says))
			fail_msg("%s", pod_watch_trouble(f.watch));
		assert_string_equal(next_path(&f), "/api/v1/nodes/n1");
		assert_false(pod_watch_is_complete(f.watch));
		stop(&f);
	}
}

static void a_watch_that_talks_nonsense_is_listed_anew(void **state)
{
	static const char *const bad[] = { "nonsense\n",
					   "{}\n",
					   "{\"type\":7}\n",
					   "[]\n",
					   CHANGE("ADDED", "7") "x\n",
					   CHANGE("ERROR", "{\"code\":500}") };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct follower f = follower_begin();

		follow(&f);
		assert_true(answer(&f, 200, bad[i]) > 0);
		assert_string_equal(next_path(&f), "/api/v1/nodes/n1");
		assert_int_equal(facts_count(f.facts), 1);
		stop(&f);
	}
}

/* Blanks for ever, as a line and as a page: neither is kept whole. */
static void what_is_too_much_is_given_up(void **state)
{
	struct follower f = follower_begin();
	char *blanks = malloc(1u << 20);
	size_t n = 0;
	int r = 0;

	(void)state;
	assert_non_null(blanks);
	memset(blanks, ' ', 1u << 20);
	follow(&f);
	next_path(&f);
	for (; r == 0 && n < 100; n++)
		r = pod_watch_body(f.watch, (struct slice){ blanks, 1u << 20 });
	assert_int_equal(r, -E2BIG);
	assert_true(n <= 6);
	assert_true(pod_watch_done(f.watch, 200, r, 10) > 0);
	assert_string_equal(pod_watch_trouble(f.watch), "the API server answers too much");
	stop(&f);

	start(&f);
	answer(&f, 404, "");
	next_path(&f);
	for (n = 0, r = 0; r == 0 && n < 100; n++)
		r = pod_watch_body(f.watch, (struct slice){ blanks, 1u << 20 });
	assert_int_equal(r, -E2BIG);
	assert_true(n <= 18);
	stop(&f);
	free(blanks);
}

static void pods_and_containers_are_bounded(void **state)
{
	struct follower f = follower_begin();
	struct buf line = { 0 };
	char text[512];

	(void)state;
	follow(&f);
	next_path(&f);
	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), CHANGE("ADDED", POD("%d", "p", "8")), i);
		assert_int_equal(pod_watch_body(f.watch, slice_of(text)), 0);
	}
	assert_int_equal(facts_count(f.facts), FACTS_PODS_MAX);
	assert_true(pod_watch_is_full(f.watch));
	stop(&f);

	follow(&f);
	f.sent = 0;
	next_path(&f);
	buf_add(&line,
		SLICE("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"uid\":\"" UID "\"},"
		      "\"status\":{\"containerStatuses\":["),
		SIZE_MAX);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%s{\"containerID\":\"x://c%d\"}", i ? "," : "", i);
		buf_add(&line, slice_of(text), SIZE_MAX);
	}
	buf_add(&line, SLICE("]}}}\n"), SIZE_MAX);
	assert_int_equal(pod_watch_body(f.watch, buf_slice(&line)), 0);
	assert_int_equal(f.sent, 1 + POD_CONTAINERS_MAX);
	buf_done(&line);
	stop(&f);
}

static void a_container_that_is_started_anew_takes_the_place_of_the_old_one(void **state)
{
	struct follower f = follower_begin();

#define WITH(id)                                                              \
	CHANGE("MODIFIED", "{\"metadata\":{\"uid\":\"" UID "\"},\"status\":{" \
			   "\"containerStatuses\":[{\"containerID\":\"x://" id "\"}]}}")
	(void)state;
	follow(&f);
	answer(&f, 200, WITH("c1"));
	said[0] = '\0';
	answer(&f, 200, WITH("c2"));
	assert_non_null(strstr(said, "{\"container\":\"c2\",\"resource\""));
	assert_non_null(strstr(said, "{\"container\":\"c1\",\"gone\":true}"));
	stop(&f);
}

static void who_cannot_tell_ends(void **state)
{
	struct follower f = follower_begin();

	(void)state;
	follow(&f);
	f.fail = -EPIPE;
	assert_int_equal(answer(&f, 200, CHANGE("ADDED", POD(UID2, "b", "8"))), -EPIPE);
	stop(&f);
}

static void refused_memory_is_no_crash(void **state)
{
	(void)state;
	for (long n = 1; n < 2000; n++) {
		struct follower f = follower_begin();
		struct buf path = { 0 };
		bool refused;

		said[0] = '\0';
		alloc_refuse(n);
		if (facts_new(on_send, &f, &f.facts) == 0 &&
		    pod_watch_new(f.facts, &context, &f.watch) == 0) {
			static const char *const bodies[] = {
				"{\"metadata\":{\"uid\":\"nu\"}}", LIST("5", POD(UID, "a", "3")),
				CHANGE("ADDED", POD(UID2, "b", "8"))
					CHANGE("DELETED", POD(UID, "a", "9"))
			};

			for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
				if (pod_watch_path(f.watch, &path) == 0)
					answer_cut(&f, 200, bodies[i], 50, 5000);
		}
		refused = alloc_allow();
		buf_done(&path);
		stop(&f);
		if (!refused)
			return;
	}
	fail_msg("it never had enough");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_and_its_containers_get_their_names),
		cmocka_unit_test(owners_are_named_to_their_root),
		cmocka_unit_test(namespaces_and_labels_exclude),
		cmocka_unit_test(a_static_pod_is_found_by_the_kubelets_uid),
		cmocka_unit_test(what_is_no_pod_is_none),
		cmocka_unit_test(an_id_is_a_word),
		cmocka_unit_test(a_node_says_where_it_stands),
		cmocka_unit_test(node_and_list_come_first_then_what_changes),
		cmocka_unit_test(a_version_that_is_too_old_is_listed_anew_and_what_went_is_told),
		cmocka_unit_test(an_outage_takes_nothing_away_and_is_waited_out),
		cmocka_unit_test(refusals_are_explained),
		cmocka_unit_test(a_watch_that_talks_nonsense_is_listed_anew),
		cmocka_unit_test(what_is_too_much_is_given_up),
		cmocka_unit_test(pods_and_containers_are_bounded),
		cmocka_unit_test(a_container_that_is_started_anew_takes_the_place_of_the_old_one),
		cmocka_unit_test(who_cannot_tell_ends),
		cmocka_unit_test(refused_memory_is_no_crash),
	};

	return cmocka_run_group_tests_name("enrich", tests, NULL, NULL);
}
