/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of the structs of state.h is written down of an open run, and read again: one table for
 * both. Numbers of 64 bits are texts, as JSON readers damage them.
 */
#pragma once

#include "base/json.h"
#include "trace/emit.h"

enum open_type {
	OPEN_U64,
	OPEN_I64,
	OPEN_UINT, /* unsigned, uint32_t */
	OPEN_BOOL,
	OPEN_ID64,
	OPEN_ID128,
	OPEN_KEY,  /* struct process_key */
	OPEN_TEXT, /* char *, malloc'ed; redacted on its way out */
	OPEN_WORD, /* const char *: one of sonde's own */
	OPEN_BUF,  /* struct buf */
};

struct open_field {
	const char *name;
	enum open_type type;
	size_t offset;
};

struct open_table {
	const struct open_field *fields;
	size_t n;
};

extern const struct open_table open_run, open_agent, open_process, open_tool, open_conversation,
	open_head, open_tree;

/* One object. @e: whose redaction holds; its memory is used. */
void open_write(const struct open_table *t, const void *from, struct emit *e,
		struct json_writer *w);
/* The members without the braces. */
void open_write_members(const struct open_table *t, const void *from, struct emit *e,
			struct json_writer *w);
/* What @j does not have stays as it is. @words keeps what OPEN_WORD points to. */
void open_read(const struct open_table *t, const cJSON *j, struct open_words *words, void *to);
