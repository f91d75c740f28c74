/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde status`: how the daemon is doing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/remote.h"
#include "cmd/remote_http.h"
#include "cmd/screen.h"

#define NOT_RUNNING 3 /* as `systemctl status` has it */

static bool json;

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object, as the daemon gives it", NULL,
	  NULL },
	{ 0 },
};

static void line(const char *name, const char *text)
{
	_cleanup_(buf_done) struct buf clean = { 0 };

	text_clean(&clean, slice_of(text), 0);
	printf("  %-10s %.*s\n", name, SLICE_ARG(buf_slice(&clean)));
}

static const char *duration(uint64_t ms, struct text32 *t)
{
	*t = format_duration(ms * 1000000u);
	return t->s;
}

/* --- engines --- */

/* What was lost, by its reason; what was left out on purpose is no loss. */
static void print_loss(const cJSON *loss)
{
	static const char *const harmless[] = { "verdict_bytes" };
	char text[512] = "";
	size_t n = 0;

	for (const cJSON *c = loss ? loss->child : NULL; c && n < sizeof(text); c = c->next)
		if (c->valuedouble > 0 && strcmp(c->string, harmless[0]) != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s", n ? ", " : "",
					      c->string, format_count((int64_t)c->valuedouble).s);
	line("lost", *text ? text : "nothing");
}

static uint64_t boot_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void print_engine(const cJSON *e)
{
	const uint64_t started = (uint64_t)json_int(e, "started_boot_ns") / 1000000;
	const uint64_t now = boot_ms();
	struct text32 up, lag;
	char text[160], pid[32] = "";

	if (json_at(e, "pid"))
		snprintf(pid, sizeof(pid), ", process %lld", (long long)json_int(e, "pid"));
	snprintf(text, sizeof(text), "up %s, %s behind%s",
		 duration(started && now > started ? now - started : 0, &up),
		 duration((uint64_t)json_int(e, "lag_ms"), &lag), pid);
	line("engine", text);
	print_loss(json_at(e, "loss"));
	snprintf(text, sizeof(text), "%s files read, %s not attachable",
		 format_count(json_int(e, "attached")).s,
		 format_count(json_int(e, "attach_failures")).s);
	line("probes", text);
	if (cJSON_IsTrue(json_at(e, "prober_lost")))
		line("", "the prober has died: nothing is traced any more");
}

/* --- scope, store, sinks: for those who see all --- */

static void print_scope(const cJSON *scope)
{
	char text[512] = "";
	size_t n = 0;

	for (const cJSON *c = scope ? scope->child : NULL; c; c = c->next) {
		const cJSON *v;

		if (cJSON_IsTrue(c) && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%sthe whole host",
					      n ? "; " : "");
		cJSON_ArrayForEach (v, c)
			if (cJSON_IsString(v) && n < sizeof(text))
				n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s",
						      n ? "; " : "", c->string, v->valuestring);
	}
	line("traces", *text ? text : "nothing: [scope] of the configuration is empty");
}

static void print_store(const cJSON *store)
{
	char text[4400];

	snprintf(text, sizeof(text), "%.*s, %s", SLICE_ARG(json_str(store, "path")),
		 format_bytes(
			 (uint64_t)(json_int(store, "file_bytes") + json_int(store, "wal_bytes")))
			 .s);
	line("store", text);
}

static void print_sinks(const cJSON *sinks)
{
	const cJSON *s;

	cJSON_ArrayForEach (s, sinks) {
		char text[256];

		snprintf(text, sizeof(text), "%.*s (%.*s), %s spans behind",
			 SLICE_ARG(json_str(s, "name")), SLICE_ARG(json_str(s, "kind")),
			 format_count(json_int(s, "behind")).s);
		line("sink", text);
	}
}

static void print_status(const cJSON *j)
{
	const cJSON *engines = json_at(j, "engines"), *e;
	struct text32 up;

	printf("sonde %.*s, up %s\n", SLICE_ARG(json_str(j, "sonde")),
	       duration((uint64_t)json_int(j, "server_up_ms"), &up));
	line("you see", slice_eq(json_str(j, "sees"), SLICE("all")) ? "the runs of all users"
								    : "your own runs");
	if (json_at(j, "scope"))
		print_scope(json_at(j, "scope"));
	line("content", json_str(j, "content").p ? json_str(j, "content").p : "");
	cJSON_ArrayForEach (e, engines)
		print_engine(e);
	if (cJSON_GetArraySize(engines) == 0)
		line("engine", "none answers: nothing is traced");
	if (json_at(j, "store"))
		print_store(json_at(j, "store"));
	print_sinks(json_at(j, "sinks"));
}

/* --- the command --- */

static int not_running(int r)
{
	if (json && (r == -ENOENT || r == -ECONNREFUSED))
		printf("{\"running\":false}\n");
	else
		remote_failed(r);
	return r == -ENOENT || r == -ECONNREFUSED ? NOT_RUNNING : 1;
}

static int take(struct http_reply *reply)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	char why[256];
	struct slice text;

	if (reply->status != 200) {
		http_problem(reply, why, sizeof(why));
		log_err("the daemon refuses: %s", why);
		return 1;
	}
	if (http_line(reply, &text) > 0)
		j = json_parse(text);
	if (!j || text.n < 2) {
		log_err("the daemon's answer is cut");
		return 1;
	}
	if (json) /* the same, and that there is one */
		printf("{\"running\":true,%.*s\n", SLICE_ARG(slice_from(text, 1)));
	else
		print_status(j);
	return 0;
}

static int run(int argc, char **argv)
{
	struct screen s = { .f = stdout };
	struct http_reply reply;
	int r = http_ask(remote_socket(), "GET", "/api/v1/status", "", (struct slice){ 0 }, &reply);

	(void)argc, (void)argv;
	if (r < 0)
		return not_running(r);
	r = take(&reply);
	http_done(&reply);
	return screen_finish(&s) < 0 ? 1 : r;
}

const struct command command_status = {
	.name = "status",
	.summary = "whether a daemon runs here, what it traces, what it lost",
	.usage = "[options]",
	.help = "Asks the daemon how it is doing. Losses are counted since its engine began; "
		"processes,\n"
		"scope, store and sinks are told to root and its group.\n"
		"\n"
		"Exit status: 0 it runs, 3 it does not, 1 it could not be asked.\n",
	.options = options,
	.run = run,
};
