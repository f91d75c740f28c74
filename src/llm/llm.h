/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From HTTP exchanges to model calls.
 *
 * Shape (wire format), provider and price list are decided separately: the path and body say the
 * shape, the host says the provider. Requests that are no inference (models, count_tokens ...) are
 * not calls. HOWTO.md says how to add a format.
 */
#pragma once

#include "llm/endpoint.h"
#include "sonde/http.h"
#include "sonde/llm.h"
#include "sonde/stats.h"

#define LLM_REQUEST_MAX	 (64u << 20) /* decoded bytes of a request body that are kept */
#define LLM_RESPONSE_MAX (64u << 20) /* of a JSON response body; streams are not kept */

struct llm;

/* 0 or -ENOMEM. */
int llm_new(llm_fn fn, void *ctx, struct stats *stats, struct llm **ret);
/* For the bodies of all calls at once, from now on. */
void llm_set_memory(struct llm *l, size_t bytes);
void llm_free(struct llm *l);
/* Hosts and paths of the user's own, which win; lent until llm_free(). */
void llm_set_endpoints(struct llm *l, const struct llm_endpoint *list);

/*
 * Takes every HTTP event. Uses x->user for itself where the exchange is a call.
 * Returns whether the exchange is, or may still become, a call.
 */
bool llm_feed(struct llm *l, enum http_event ev, struct http_exchange *x, struct slice piece);

/* Whether the model's first token has come: of an exchange that llm_feed() says is a call. */
bool llm_has_token(const struct http_exchange *x);

/* One item of the request, parsed into @mem; texts without escapes stay in @raw, which must outlive
 * them. What is odd leaves its field empty. A user's message of tool results alone has role TOOL.
 */
void llm_read_item(const struct llm_format *f, struct slice raw, struct arena *mem,
		   struct llm_message *ret);
/* The system prompt (call->system) as a message. */
void llm_read_system(const struct llm_format *f, struct slice raw, struct arena *mem,
		     struct llm_message *ret);

/*
 * What the request said about a tool that it offered (call->tools), in @mem; empty where it said
 * nothing.
 */
struct slice llm_tool_description(struct slice tools, struct slice name, struct arena *mem);
/* Every tool of such a list that has a name, until @fn says false; @description as JSON. */
typedef bool (*llm_tool_fn)(void *ctx, struct slice name, struct slice description);
void llm_each_tool(struct slice tools, struct arena *mem, llm_tool_fn fn, void *ctx);

/* By its name, or NULL. */
const struct llm_format *llm_format_named(struct slice name);
/* All of them, from 0; NULL behind the last. */
const struct llm_format *llm_format_nth(size_t i);
/* The format's name: "openai.chat", "anthropic.messages", "google.gemini" ... */
const char *llm_format_name(const struct llm_format *f);

/*
 * Writes the canonical form: JSON of the GenAI message schema
 * {"role":"...","parts":[{"type":"text","content":"..."}, ...]}, members in a fixed order, so that
 * what clients change between turns (cache marks, member order, string or one-block text,
 * signatures) does not change it. An answer and the same answer sent back later are equal, so
 * finish_reason is not part of it.
 */
int llm_message_json(const struct llm_message *m, struct buf *ret);

/* An empty part at the end of @m; NULL where memory is refused. */
struct llm_part *llm_add_part(struct llm_message *m, struct arena *mem, enum llm_part_type type);
/* Bytes as base64, which is lent: size and digest stand for them in the message. */
void llm_add_inline_media(struct llm_message *m, struct arena *mem, struct slice media_type,
			  struct slice base64);
