/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was said: messages become blobs named by their canonical, redacted form, and a conversation
 * becomes a path of nodes, node = H(parent node, message). An agent sends its whole history with
 * every call, so a message whose bytes were seen behind the same node costs one lookup.
 *
 * Ids are computed at every content level (links need them); what the level does not keep is not
 * given to the sink and its ids do not stand on spans.
 */
#pragma once

#include "base/arena.h"
#include "base/id.h"
#include "sonde/llm.h"
#include "trace/cache.h"

#define CONTENT_ITEMS_MAX 65536 /* messages of one request that are looked at */

struct trace;
struct tool_result;

struct content {
	struct cache nodes;    /* (parent node, raw hash, format) -> what that item is there */
	struct cache messages; /* (raw hash, format) -> message id */
	struct cache texts;    /* raw hash of a system prompt or tool list -> blob */
	struct cache given;    /* ids of blobs and nodes that the sink has */
	struct cache missing;  /* that it never got, as there was no room */
};

/* A request's messages; memory of the caller's scratch arena. */
struct content_input {
	struct id128 *nodes; /* one for each item, the conversation up to it */
	size_t n;
	struct id128 last;
	uint32_t depth;
	struct tool_result *results; /* of items that are new here, in order */
	struct slice task;	     /* what the user wants, of a conversation that begins here */
	struct slice first_text;     /* the first user message's text, where it was read */
	struct slice opening;	     /* the first words of all */
	struct slice request;	     /* what is asked last; empty where nothing is (asks) */
	bool shortened;		     /* it begins with what an earlier history comes to */
	size_t n_read;		     /* items that were parsed */
	bool answered;		     /* there is an assistant's message in it */
	bool completed;		     /* the last of these asks for no tool */
	unsigned n_requests;	     /* messages with somebody's words */
	/* Behind the last of these: somebody's words, and no tool's result beside them. */
	bool asks;
	bool has_words;	   /* likewise, whatever stands beside them */
	bool brings;	   /* likewise: tools' results */
	bool stopped;	   /* likewise: that somebody has stopped the model or a tool */
	uint64_t words[2]; /* of all that is said, but for system prompts and results */
};

/* An answer: one more message behind the input. */
struct content_answer {
	struct id128 node;    /* the conversation up to and with it */
	struct id128 message; /* its words, whatever was asked */
	uint32_t depth;
	bool any; /* false: it said nothing */
};

void content_init(struct content *c);
void content_done(struct content *c);
/* What was cached under other settings is worth nothing. */
void content_reset(struct content *c);
struct span;
/* Takes references to what the sink has not got out of a span. */
void content_drop_missing(struct trace *t, struct span *span);

void content_read_input(struct trace *t, const struct llm_call *call, struct id128 parent,
			uint32_t depth, struct arena *scratch, struct content_input *ret);
void content_read_answer(struct trace *t, const struct llm_message *answer, struct id128 parent,
			 uint32_t depth, struct arena *scratch, struct content_answer *ret);
/* The conversation at @parent with that message behind it. */
struct id128 content_node(const struct id128 *parent, const struct id128 *message);
/* Zero where there is none. */
struct id128 content_system(struct trace *t, const struct llm_call *call, struct arena *scratch);
struct id128 content_tools(struct trace *t, const struct llm_call *call, struct arena *scratch);
/* Arguments or a result of @tool; zero where the level does not keep it. */
struct id128 content_tool_text(struct trace *t, struct slice tool, struct slice text, bool is_json,
			       struct arena *scratch);
/* content_media.c: what becomes of the pictures and documents among @parts, and in the results
 * that are among them, as @holder has them. */
void content_media(struct trace *t, const struct id128 *holder, const struct llm_part *parts);
/* The blob of a file that is a picture or document of a kind that is kept; else zero. */
struct id128 content_media_file(struct trace *t, struct slice bytes);
/* envelope.c: method, target, status and headers of an exchange; zero where not kept. */
struct id128 content_envelope(struct trace *t, const struct http_exchange *x);

/* Whether the level keeps text at all: messages, task, argv. */
bool content_keeps_text(const struct trace *t);
bool content_keeps_messages(const struct trace *t);
/* Whether the sink never got it, as there was no room. */
bool content_is_missing(struct trace *t, const struct id128 *id);
/* Gives a blob to the sink, unless it has it. */
struct id128 content_blob(struct trace *t, const char *kind, struct slice bytes);
