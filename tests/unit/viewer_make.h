/* SPDX-License-Identifier: BSD-2-Clause */
/* A store of two users' runs, and readers that see those of one. */
#pragma once

#include "store/viewer.h"
#include "store_make.h"

#define ALICE 1000
#define BOB   1001
#define RUNS  3 /* of each */

/* Runs of bob besides: with many alice is one of few, which is another plan. */
static uint64_t others;

static inline uint64_t number(uint32_t uid, uint64_t n)
{
	return (uint64_t)(uid - ALICE) * 100 + n;
}

static inline struct id128 put_text(struct store *s, const char *kind, const char *text,
				    uint32_t uid)
{
	char own[128];
	struct id128 id;

	snprintf(own, sizeof(own), "{\"%s\":\"of %u\"}", text, uid);
	id = id_of_bytes(slice_of(own));
	store_blob(s, &id, kind, slice_of(own));
	return id;
}

static inline struct id128 text_id(const char *text, uint32_t uid)
{
	char own[128];

	snprintf(own, sizeof(own), "{\"%s\":\"of %u\"}", text, uid);
	return id_of_bytes(slice_of(own));
}

/* A conversation of two messages; both users began with the same words. */
static inline struct id128 put_conversation(struct store *s, uint32_t uid)
{
	const struct id128 first = put_text(s, "message", "hello", 0);
	const struct id128 second = put_text(s, "message", "answer", uid);
	const struct id128 root = make_id("node", 1), leaf = make_id("node", uid);

	store_node(s, &root, NULL, &first, 0);
	store_node(s, &leaf, &root, &second, 1);
	return leaf;
}

static inline void put_run(struct store *s, uint32_t uid, uint64_t n)
{
	const uint64_t run_n = number(uid, n);
	struct run run = make_run(run_n);
	struct span call = make_call(run_n, 0), tool = make_call(run_n, 1);
	char hex[ID128_HEX_SIZE], list[64], other[64];
	struct id128 choice = make_id("choice", uid), secret = text_id("args", uid ^ 1);
	const struct id128 said = put_text(s, "message", "choice", uid);
	struct attr attrs[2] = { { .name = "sonde.output.alternatives", .type = ATTR_STRINGS },
				 { .name = "gen_ai.conversation.id", .type = ATTR_STRING } };

	run.uid = uid;
	run.user = uid == ALICE ? SLICE("alice") : SLICE("bob");
	run.task = uid == ALICE ? SLICE("alicework parser") : SLICE("bobwork parser");
	run.agent = uid == ALICE ? SLICE("claude-code") : SLICE("codex");
	run.session_id = make_id("session", uid);
	run.project = uid == ALICE ? SLICE("/srv/a") : SLICE("/srv/b");
	store_run(s, &run);
	call.agent = tool.agent = run.agent;
	call.output_node = put_conversation(s, uid);
	call.system_blob = put_text(s, "text", "system", uid);
	call.tools_blob = put_text(s, "tools", "tools", uid);
	store_node(s, &choice, NULL, &said, 0);
	id128_hex(&choice, hex);
	snprintf(list, sizeof(list), "[\"%s\"]", hex);
	attrs[0].s = slice_of(list);
	id128_hex(&secret, hex); /* what an agent names gives it no right to */
	snprintf(other, sizeof(other), "%s", hex);
	attrs[1].s = slice_of(other);
	call.attrs = attrs;
	call.n_attrs = 2;
	tool.step = STEP_TOOL;
	tool.tool_name = uid == ALICE ? SLICE("Bash") : SLICE("shell");
	tool.args_blob = put_text(s, "text", "args", uid);
	store_span(s, &call);
	store_span(s, &tool);
}

static inline const char *fill(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);

	for (uint64_t i = 0; i < RUNS; i++) {
		put_run(s, ALICE, i);
		put_run(s, BOB, i);
	}
	for (uint64_t i = 0; i < others; i++)
		put_run(s, BOB, 10 + i);
	assert_int_equal(store_close(s), 0);
	return path;
}

static inline struct store_reader *open_as(const char *path, uint32_t uid)
{
	struct store_reader *r = open_reader(path);
	const struct viewer v = { .uid = uid };

	assert_int_equal(store_reader_view(r, &v), 0);
	return r;
}
