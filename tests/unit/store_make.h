/* SPDX-License-Identifier: BSD-2-Clause */
/* Spans, runs and stores for tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "store/query.h"
#include "store/store.h"

#define START 1763640000000000000ull /* 2025-11-20T12:00:00Z */
#define SEC   1000000000ull

DEFINE_CLEANUP(struct store *, store_close)
DEFINE_CLEANUP(struct store_reader *, store_reader_close)

/* A directory of its own for each test: mkdtemp'ed, with files in it only. */
static inline int make_dir(void **state)
{
	char *dir = strdup("/tmp/sonde-test-XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static inline int remove_dir(void **state)
{
	char path[512];
	DIR *d = opendir(*state);

	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", (char *)*state, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(*state);
	free(*state);
	return 0;
}

static inline const char *in_dir(void **state, const char *name)
{
	static char path[8][512];
	static int n;

	n = (n + 1) % 8;
	snprintf(path[n], sizeof(path[n]), "%s/%s", (char *)*state, name);
	return path[n];
}

static inline struct id128 make_id(const char *kind, uint64_t n)
{
	struct id_hash h;

	id_hash_begin(&h, kind);
	id_hash_u64(&h, n);
	return id_hash_end(&h);
}

static inline struct run make_run(uint64_t n)
{
	return (struct run){
		.run_id = make_id("run", n),
		.status = RUN_RUNNING,
		.start_ns = START + n * 60 * SEC,
		.task = SLICE("fix the parser and add a test"),
		.command = SLICE("agent -p fix"),
		.cwd = SLICE("/home/a/project"),
		.user = SLICE("alice"),
		.host = SLICE("box"),
		.uid = 1000,
		.agent = SLICE("claude-code"),
		.models = SLICE("m-1,m-2"),
		.provider = SLICE("anthropic"),
		.process = { 100 + (uint32_t)n, 5 },
		.llm_calls = 0,
		.tool_calls = LLM_UNKNOWN,
		.usage = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, false },
		.notes = SLICE("[]"),
		.writable_by_agent = true,
	};
}

static inline struct span make_call(uint64_t run, uint64_t n)
{
	return (struct span){
		.run_id = make_id("run", run),
		.span_id = id64_of(make_id("span", run * 100000 + n)),
		.step = STEP_LLM,
		.kind = SPAN_CLIENT,
		.name = SLICE("chat m-1"),
		.start_ns = START + run * 60 * SEC + n * SEC,
		.end_ns = START + run * 60 * SEC + n * SEC + SEC / 2,
		.final = true,
		.agent = SLICE("claude-code"),
		.provider = SLICE("anthropic"),
		.request_model = SLICE("m-1"),
		.usage = { 100, 10, 40, -1, -1, -1, 5, -1, -1, -1, -1, -1, false },
		.cost = { .pico_usd = 1000000, .source = COST_TABLE, .key = SLICE("t/m-1") },
		.first_token_ns = 1000,
	};
}

static inline struct store *open_store(const char *path)
{
	struct store *s = NULL;
	struct store_error err = { "" };

	if (store_open(path, NULL, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static inline struct store_reader *open_reader(const char *path)
{
	struct store_reader *r = NULL;
	struct store_error err = { "" };

	if (store_reader_open(path, &r, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

/* The first value of the first row, as an integer. */
static inline int first_value(void *ctx, int n, const char *const *names, const char *const *values,
			      const int *types)
{
	(void)n;
	(void)names;
	(void)types;
	if (*(int64_t *)ctx == INT64_MIN)
		*(int64_t *)ctx = values[0] ? atoll(values[0]) : -1;
	return 0;
}

static inline int64_t sql_int(struct store_reader *r, const char *sql)
{
	int64_t v = INT64_MIN;
	struct store_error err;

	if (store_sql(r, sql, first_value, &v, &err) < 0)
		fail_msg("%s: %s", sql, err.text);
	return v;
}

static inline void print_problem(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "problem: %s\n", text);
}

static inline void assert_sound(const char *path)
{
	struct store_error err = { "" };
	int r = store_check(path, print_problem, NULL, &err);

	if (r)
		fail_msg("%s: %d %s", path, r, err.text);
}

static inline void assert_slice(struct slice got, const char *want)
{
	if (!slice_eq(got, slice_of(want)))
		fail_msg("got '%.*s', want '%s'", SLICE_ARG(got), want);
}

static inline void put_message(struct store *s, uint64_t run, uint64_t n, struct span *span)
{
	struct id128 blob, node;
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":"
		 "\"message %llu of run %llu\"}]}",
		 (unsigned long long)n, (unsigned long long)run);
	blob = id_of_bytes(slice_of(text));
	node = make_id("node", run * 100000 + n);
	store_blob(s, &blob, "message", slice_of(text));
	store_node(s, &node, NULL, &blob, 0);
	span->input_node = node;
}

static inline void put_calls(struct store *s, uint64_t run, uint64_t from, uint64_t to)
{
	struct run r = make_run(run);

	store_run(s, &r);
	for (uint64_t i = from; i < to; i++) {
		struct span span = make_call(run, i);

		put_message(s, run, i, &span);
		store_span(s, &span);
	}
}

/* In a child nothing may longjmp: it ends with a number that says where it went wrong. */
#define CHILD_CHECK(cond, number)      \
	do {                           \
		if (!(cond))           \
			_exit(number); \
	} while (0)

static inline int wait_for(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct seen {
	struct span span[64];
	struct run run[64];
	int spans, runs;
};

static inline int see_span(void *ctx, const struct span *s)
{
	struct seen *seen = ctx;

	seen->span[seen->spans++] = *s;
	return 0;
}

static inline int see_run(void *ctx, const struct run *r)
{
	struct seen *seen = ctx;

	seen->run[seen->runs++] = *r;
	return 0;
}
