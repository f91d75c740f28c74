/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One call to a language model, in one shape for all wire formats: what llm/ makes of an exchange.
 *
 * Messages use the roles and part types of the OpenTelemetry GenAI conventions (semconv 1.41).
 */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "sonde/http.h"
#include "sonde/usage.h"

enum llm_part_type {
	LLM_PART_TEXT,
	LLM_PART_REASONING,
	LLM_PART_TOOL_CALL,	   /* id, name, text = arguments (JSON) */
	LLM_PART_TOOL_RESULT,	   /* id, name where told, text = result (text or JSON), is_error */
	LLM_PART_SERVER_TOOL_CALL, /* run by the provider, inside the response */
	LLM_PART_SERVER_TOOL_RESULT,
	LLM_PART_REFUSAL,
	LLM_PART_MEDIA, /* image, audio, document: name = media type as sent, text = URI or file id;
			   else id = digest, data */
	LLM_PART_OTHER, /* name = the wire's type, text = its JSON */
};

struct llm_part {
	struct llm_part *next;
	enum llm_part_type type;
	struct slice id, name;
	struct buf text; /* in the call's arena: grows by arena_add() while streamed */
	bool is_json;	 /* text is a JSON value */
	bool is_error;
	uint64_t size; /* MEDIA: bytes that data stands for */
	/* MEDIA: its base64 as sent, lent as long as the text; empty where it did not come in one
	 * piece or is too large. */
	struct slice data;
	struct llm_part *inside;   /* TOOL_RESULT: the parts that its JSON was made of, or NULL */
	uint64_t start_ns, end_ns; /* boot time, when streamed: first and last byte; else 0 */
	int index;		   /* the wire's own index, used while streaming */
	bool joined;		   /* text is put together from a stream's pieces; likewise */
	bool whole;		   /* streamed, and the wire has said that nothing is added */
};

enum llm_role { LLM_ROLE_SYSTEM, LLM_ROLE_USER, LLM_ROLE_ASSISTANT, LLM_ROLE_TOOL };

struct llm_message {
	enum llm_role role;
	struct slice finish_reason;  /* of an answer: stop|length|content_filter|tool_call|error */
	struct slice finish_as_sent; /* likewise, as the wire spells it */
	struct llm_part *parts, *last_part;
	size_t n_parts;
	struct llm_message *alternative; /* of an answer: the next choice (n > 1), or NULL */
};

/*
 * One message of the request, unparsed: an agent sends its history every time. An element of its
 * list, or a run of elements that the model said one after the other: they were one answer.
 */
struct llm_item {
	struct slice raw; /* its JSON in llm_call.body */
	uint64_t hash[2]; /* XXH3-128 of raw: equal bytes have been read before */
};

struct llm_error {
	struct slice type, code, message;
};

struct llm_rate_limit {
	struct slice name, value; /* header as sent */
};

/* What only some providers tell: an attribute of the span. */
struct llm_extra {
	const char *attribute;
	int64_t number;	   /* LLM_UNKNOWN: it is a text */
	struct slice text; /* in the call's memory */
};

#define LLM_EXTRAS_MAX 8

struct llm_format;

struct llm_call {
	struct arena *mem; /* the exchange's: a call does not outlive its exchange */
	const struct http_exchange *http;
	const struct llm_format *format; /* the shape */
	const char *provider;		 /* gen_ai.provider.name, decided by host, else by shape */
	const char *operation;		 /* gen_ai.operation.name: "chat" */

	/* the request */
	struct slice body; /* decoded request body, while the call lasts */
	bool body_cut;	   /* it is not whole: messages may be missing */
	struct slice request_model;
	struct slice system,
		tools;		/* raw JSON of the system prompt and tool list, where separate */
	struct llm_item *items; /* messages, oldest first */
	size_t n_items;
	struct slice previous_response_id, conversation_id, user_id, cache_key;
	struct slice turn_id;	  /* of the request of a person's that the call is part of */
	struct slice metadata;	  /* what the client says of itself: a raw JSON object */
	int64_t max_tokens, seed; /* LLM_UNKNOWN: not set; likewise the rest */
	int64_t choices;	  /* answers that were asked for */
	double temperature, top_p, top_k, frequency_penalty, presence_penalty; /* NAN: not set */
	struct slice stop;	    /* raw JSON: a sequence or a list of them */
	struct slice output_format; /* as the wire names it */
	bool stream_requested;
	struct slice service_tier, reasoning_effort;
	int64_t tool_count; /* tools offered; 0 where none */

	/* the answer, as far as it has come */
	struct slice response_id, response_model, request_id;
	struct slice response_tier; /* what was really used */
	struct slice response_geo;  /* where the provider says that the model ran */
	struct llm_message answer;
	struct slice finish_reason; /* as the wire spells it */
	struct llm_usage usage;
	struct llm_error error; /* type empty: none */
	struct llm_rate_limit *limits;
	size_t n_limits;
	struct llm_extra extras[LLM_EXTRAS_MAX];
	size_t n_extras;
	bool streamed;			/* the answer is a stream */
	bool done;			/* the answer's own end marker was seen */
	const char *cut;		/* why it is not whole, or NULL */
	int64_t provider_cost_pico_usd; /* LLM_UNKNOWN where the provider tells no price */
	int64_t nano_aiu;		/* GitHub Copilot's credits / 10^9, LLM_UNKNOWN elsewhere */
	struct slice served_by;		/* whom a router passed the call on to */
	bool repeats;			/* goes on with an answer that was begun before: its id */
	bool single;			/* stands alone: no message of it comes back */
	bool subscription;		/* paid by a plan: a price is only an equivalent */

	uint64_t start_ns, first_token_ns, end_ns; /* boot time; 0: not yet */
	void *user;				   /* the consumer's own */
};

/* Of an initializer: parameters that the request has not set. */
#define LLM_REQUEST_UNSET                                                         \
	.max_tokens = LLM_UNKNOWN, .seed = LLM_UNKNOWN, .choices = LLM_UNKNOWN,   \
	.temperature = NAN, .top_p = NAN, .top_k = NAN, .frequency_penalty = NAN, \
	.presence_penalty = NAN

/* What happened to a call; LLM_PROGRESS any number of times. */
enum llm_event {
	LLM_BEGIN,    /* the request is known (whole or cut) */
	LLM_PROGRESS, /* something of the answer has come */
	LLM_END,      /* always, and last */
};

typedef void (*llm_fn)(void *ctx, enum llm_event ev, struct llm_call *call);
