/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of llm/: what a wire format is, and what all formats share. HOWTO.md walks through it.
 *
 * Everything is read by skimming (base/json.h): most bytes of a request have been seen before.
 */
#pragma once

#include "base/json.h"
#include "base/util.h"
#include "llm/llm.h"
#include "proto/framing.h"

#define LLM_ITEMS_MAX  (1u << 17) /* messages of one request */
#define LLM_PARTS_MAX  1024	  /* parts of an answer */
#define LLM_LIMITS_MAX 64	  /* rate-limit headers */

/* A call while it is being read. */
struct llm_work {
	struct llm_call call;
	struct slice messages;		 /* the request's message list, raw; maybe cut */
	struct llm_usage usage;		 /* as the wire counts; the format makes call.usage of it */
	int64_t held_output;		 /* output told before there was any */
	uint64_t now_ns;		 /* of what is being read */
	bool overfull;			 /* parts or items were refused */
	bool answered;			 /* something of the answer was understood */
	const struct llm_format *speaks; /* what the answer is in, once known */
	bool no_call;			 /* the format's request() found that it is none */
	/* Where events come wrapped in others: makes @f the one inside; false: there is none. */
	bool (*unwrap)(struct llm_work *w, struct frame *f);
	unsigned inner_calls; /* of models, that the answer tells of */
	struct buf unwrapped; /* what unwrap() decodes into, until the next event */
	/* What is told beside the maker's own counts, with input as Anthropic counts it: uncached.
	 */
	struct llm_usage beside;

	/* llm.c's own */
	struct llm *owner;
	struct llm_work *prev, *next;
	struct buf request, answer;
	struct framer framer;
	size_t framer_held; /* of owner->kept */
	uint64_t lost;	    /* response bytes known to be missing so far */
	uint8_t state, body;
	bool fetch;  /* a GET that is a call if it gets an answer with its usage */
	bool unseen; /* its request was lost: a call if its answer is one */
	bool request_over, response_lost, over_limit;
	bool broken;	 /* its framing cannot be read any more */
	unsigned events; /* of the stream, since the last progress was told */
};

/* Top-level members of a request by which its shape is known, in one pass. */
struct llm_keys {
	struct slice model, messages, input, max_tokens, system, instructions, previous_response_id,
		store, stream, anthropic_version, contents, inference_config, options, keep_alive,
		prompt, inputs, text, sampling_params, parameters, query, documents, instances;
	struct slice path; /* without its query */
	bool anthropic_header;
	const struct llm_format *hint; /* what the path weakly promises */
	struct slice body;	       /* all of it */
};

struct llm_format {
	const char *name;
	const char *provider; /* where the host says nothing */
	/* Ends of paths, NULL-terminated. What ends in one is this format (with `weak_paths`: if
	 * the body agrees, since other services use the word too). */
	const char *const *paths;
	const char *const *weak_paths;
	bool own_paths; /* they are words of its provider: elsewhere the body has to agree */
	/* Whether a path (without its query) that no end tells is this format's; or NULL. */
	bool (*has_path)(struct slice path, bool *ret_weak);
	/* Another service may have such a path: on a host that nobody knows there must be a model.
	 */
	bool needs_model;
	/* Whether a body of that shape is of this format, whatever the path. */
	bool (*shape)(const struct llm_keys *k);
	/* Reads call.body, which may be cut. */
	void (*request)(struct llm_work *w);
	/* Whether an answer, or a stream's first event, is of this format. */
	bool (*answers)(struct slice object);
	/* An answer in one piece, status 2xx or not; it is an object. It lives as long as the call.
	 */
	void (*response)(struct llm_work *w, struct slice body);
	/* One event of a streamed answer, lent for the call: its data is a valid JSON object,
	 * unless the framing is binary and told so by `binary_events`. */
	void (*event)(struct llm_work *w, const struct frame *f);
	bool no_end_mark;   /* nothing marks a stream's end but the body's */
	bool binary_events; /* of an envelope: protobuf */
	/* How its streams come where the answer's head does not say; NULL: in one piece. */
	const struct framing *framing;
	const char *operation; /* gen_ai.operation.name; NULL: "chat" */
	/* Each call stands alone: no message of it comes back in another (embeddings, pictures). */
	bool single;
	/* A count of the output is never told, since it is no tokens. */
	bool no_output;
	/* Nobody can tell from what is seen how many tokens it uses. */
	bool no_estimate;
	/* Answers may be no JSON: text that response() is given, or bytes that are only counted. */
	bool text_answers, byte_answers;
	/* Whether a GET of @path repeats an answer: polls, resumed streams. May be NULL. */
	bool (*fetches)(struct slice path);
	/* Adds one message of a request (or a block list that is part of it) to @m. */
	void (*item)(struct slice value, struct arena *mem, struct llm_message *m);
	/* The system prompt, where it is no message. */
	void (*system)(struct slice value, struct arena *mem, struct llm_message *m);
	/* Whether an element of the message list was said by the model. */
	bool (*said)(struct slice item);
};

extern const struct llm_format llm_openai_chat, llm_openai_responses;
extern const struct llm_format llm_anthropic, llm_anthropic_complete;
extern const struct llm_format llm_openai_text, llm_local_text, llm_openai_embeddings;
extern const struct llm_format llm_openai_images, llm_openai_transcription, llm_openai_speech;
extern const struct llm_format llm_openai_runs, llm_openai_realtime, llm_rerank;
extern const struct llm_format llm_bedrock_converse, llm_bedrock_invoke, llm_bedrock_text,
	llm_bedrock_agent;
extern const struct llm_format llm_cohere_chat, llm_cohere_chat_v1, llm_cohere_embed;
extern const struct llm_format llm_ollama_chat, llm_ollama_generate, llm_ollama_embed;
extern const struct llm_format llm_mistral_fim, llm_mistral_conversations, llm_mistral_ocr;
extern const struct llm_format llm_gemini, llm_gemini_live, llm_gemini_embed, llm_vertex_embed,
	llm_vertex_images, llm_interactions, llm_cursor, llm_xai;

/* --- classify.c --- */

/* The format that the path promises, or NULL; @ret_weak: only if the body agrees. */
const struct llm_format *llm_format_of_path(struct slice path, bool *ret_weak);
/* The format of which a GET of @path repeats an answer, or NULL. */
const struct llm_format *llm_format_of_fetch(struct slice path);
/* Whether a path that promises nothing is worth a look at the body. */
bool llm_path_is_other(struct slice path);
const struct llm_format *llm_format_of_body(const struct http_exchange *x, struct slice body);
/* The format of an answer: @expected, unless it clearly is another. */
const struct llm_format *llm_format_of_answer(const struct llm_format *expected,
					      struct slice object);
/* The model, where the URL names it (Azure deployments, Vertex), or the empty slice. */
struct slice llm_model_of_path(struct slice path);

/* --- provider.c --- */

/* Whether @host is @known: a host; with a leading dot the end of one; with an asterisk a part. */
bool llm_host_is(struct slice host, struct slice known);
/* gen_ai.provider.name by host, or NULL. */
const char *llm_provider_of_host(struct slice host);

/* --- envelope.c: what headers say --- */

void llm_read_request_head(struct llm_work *w);
void llm_read_response_head(struct llm_work *w);
/* An error for a status that is none of success, where the body did not tell one. */
void llm_read_status(struct llm_work *w, struct slice body);
/* What w->beside says of counts that the answer itself did not tell. */
void llm_read_beside(struct llm_work *w);
/* The error of a frame that says of itself that it is one. */
void llm_read_failed_frame(struct llm_work *w, const struct frame *f);

/* --- read.c: requests --- */

enum llm_field_type {
	LLM_FIELD_RAW,	/* struct slice */
	LLM_FIELD_TEXT, /* struct slice, its escapes resolved */
	LLM_FIELD_INT,	/* int64_t */
	LLM_FIELD_DOUBLE,
	LLM_FIELD_BOOL,
};

/* A member of a request and where it goes in struct llm_work; the first that is not null wins. */
struct llm_field {
	const char *path;
	enum llm_field_type type;
	size_t offset;
};

#define LLM_FIELD(path, type, field)                         \
	{                                                    \
		path, type, offsetof(struct llm_work, field) \
	}

/* One pass over the body. A value that the cut goes through is given as far as it is there. */
void llm_read_fields(struct llm_work *w, const struct llm_field *fields, size_t n);
/* Adds the elements of w->messages; those that follow each other and were said() by the model are
 * one item, as the answer that they were is one message. */
void llm_read_items(struct llm_work *w);
/* One more, where there is no list. */
void llm_add_item(struct llm_work *w, struct slice raw);

/* The role is "assistant". */
bool llm_assistant_said(struct slice item);

/* tools.c */
int64_t llm_count_tools(struct slice array);

/* --- form.c, input.c --- */

/* A form becomes the JSON object that the same request would be: call.body; else nothing. */
void llm_read_form(struct llm_work *w);
/* As llm_read_items(), of a list of texts or lists of token numbers, or one of either. */
void llm_read_inputs(struct llm_work *w);
/* One of them as a user's message. */
void llm_read_input(struct slice value, struct arena *mem, struct llm_message *m);
/* Such a list is never the model's words. */
bool llm_never_said(struct slice item);

/* --- unseen.c --- */

#define LLM_SEEN_MAX 1024

/* What a connection, or those to one address, have carried; the newer of two that share a place. */
struct llm_seen {
	uint64_t key;
	const struct llm_format *format;
	const char *provider;
};

void llm_remember(struct llm_seen *seen, const struct llm_call *call);
/* What an answer whose request was not seen may be; false: no call. */
bool llm_recall(struct llm_seen *seen, const struct http_exchange *x, struct llm_seen *ret);

/* --- answer.c: events of streams --- */

/* What reads events of one type. */
struct llm_reader {
	const char *type;
	void (*read)(struct llm_work *w, struct slice data);
};

/* The event's type: the string at @member of its data, else the name that the framing has. */
struct slice llm_event_type(const struct frame *f, struct slice member);
/* Gives @data to the one that reads that type; false where none does. */
bool llm_read_by_type(struct llm_work *w, struct slice type, struct slice data,
		      const struct llm_reader *readers, size_t n);

/* --- answer.c: answers --- */

/* A string value, copied into the call's memory. */
struct slice llm_keep(struct llm_work *w, struct slice value);
/* Sets @dst to a string value that is not empty; else leaves it. */
void llm_keep_into(struct llm_work *w, struct slice *dst, struct slice value);
/* The part of @m that has that type and index, or a new one, sorted by index. NULL if refused. */
struct llm_part *llm_part_at(struct llm_work *w, struct llm_message *m, enum llm_part_type type,
			     int index);
/* Always a new one. */
struct llm_part *llm_new_part_at(struct llm_work *w, struct llm_message *m, enum llm_part_type type,
				 int index);
/* Tokens of @p have come: times. */
void llm_touch(struct llm_work *w, struct llm_part *p);
/* Adds a string value to a part's text, which is touched unless it is empty. @p may be NULL. */
void llm_add_text(struct llm_work *w, struct llm_part *p, struct slice value);
/* {"error":{...}}, {"error":"..."}, or such an object's fields themselves. */
void llm_read_error(struct llm_work *w, struct slice error);
/* The counts of @usage that are there, into w->usage. */
void llm_read_usage(struct llm_work *w, struct slice usage, const struct json_int_field *fields,
		    size_t n);

/* call.usage of w->usage, where the wire counts input and output inclusively. */
void llm_inclusive_usage(struct llm_work *w);
/* Adds a count that is told apart to a total; nothing where it is unknown. */
void llm_add_count(int64_t *sum, int64_t n);
/* Attributes of which there is room for a few; unknown numbers and empty texts are left out. */
void llm_add_extra(struct llm_work *w, const char *attribute, int64_t number);
void llm_add_extra_text(struct llm_work *w, const char *attribute, struct slice text);
/* The price, where the provider tells one in its usage. */
void llm_read_cost(struct llm_work *w, struct slice usage);
/* What a provider says that the call has cost; less than nothing is no price. */
void llm_set_cost(struct llm_work *w, int64_t pico_usd);
/* GitHub Copilot's credits, where @object has copilot_usage. */
void llm_read_credits(struct llm_work *w, struct slice object);

struct llm_word {
	const char *wire, *ours;
};

/* Sets the finish reason of @m by its table; of the call as well, where @m is its answer. */
void llm_finish(struct llm_work *w, struct llm_message *m, struct slice value,
		const struct llm_word *words, size_t n);
bool llm_has_part(const struct llm_message *m, enum llm_part_type type);
/* Whether there are parts, and all are tools' results. */
bool llm_only_results(const struct llm_message *m);

/* --- media.c: pictures and other bytes; llm_add_inline_media() --- */

/* Copies what an event of a stream lent, unless there is too much of it: p->data. */
void llm_keep_data(struct arena *mem, struct llm_part *p, struct slice base64);
/* A picture of the answer, whether it came in one piece or as an event. */
void llm_add_made_media(struct llm_work *w, struct slice media_type, struct slice base64);
#define LLM_DIGEST_SIZE 48
/* "xxh3:" and 32 hexadecimal digits. */
struct slice llm_digest(struct slice bytes, char ret[LLM_DIGEST_SIZE]);

/* --- part.c: what makes up messages --- */

/* Adds what one element of a content list says to @m. */
typedef void (*llm_block_fn)(struct slice block, struct arena *mem, struct llm_message *m);

/* Adds all of @from to @m. */
void llm_move_parts(struct llm_message *m, struct llm_message *from);
/* A buffer that is full, so that arena_add() copies before it writes. */
struct buf llm_lend(struct slice s);
/* As llm_add_part(), with a text that is not copied. */
struct llm_part *llm_add_text_part(struct llm_message *m, struct arena *mem,
				   enum llm_part_type type, struct slice text);
/* A part of an unknown type, or one that is kept as JSON. */
struct llm_part *llm_add_json_part(struct llm_message *m, struct arena *mem,
				   enum llm_part_type type, struct slice json);
/* An URL, or a data: URL. */
void llm_add_media_url(struct llm_message *m, struct arena *mem, struct slice media_type,
		       struct slice url);
/* A file that the provider keeps. */
void llm_add_media_file(struct llm_message *m, struct arena *mem, struct slice media_type,
			struct slice file_id);
/* A tool's result: @content is a string, or a list of blocks that @read_block understands; one
 * text block is the same as its text. */
struct llm_part *llm_add_result(struct llm_message *m, struct arena *mem, struct slice id,
				struct slice content, llm_block_fn read_block);
/* Every element of @list, or a string as one text part of that type. */
void llm_read_content(struct slice content, struct arena *mem, struct llm_message *m,
		      llm_block_fn read_block);

/* --- estimate.c: tokens that nobody told --- */

/* Of a text, in thousandths of a token. */
uint64_t llm_estimate_text(struct slice text);
/* Of a call that is over, whatever its usage says; LLM_UNKNOWN where there is no way to tell. */
void llm_estimate(const struct llm_call *call, int64_t *ret_input, int64_t *ret_output);
/* Sets what call.usage lacks, and marks it. */
void llm_fill_usage(struct llm_work *w);

/* --- canon.c --- */

/* @parts as the JSON array of the GenAI message schema. */
int llm_parts_json(const struct llm_part *parts, struct buf *ret);
