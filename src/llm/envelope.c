/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told beside the bodies: in headers, by the host, by the status. */
#include <ctype.h>
#include <stdio.h>

#include "base/utf8.h"
#include "llm/format.h"

#define ERROR_TEXT_MAX 512 /* characters of a body that is no error object */

/* The first header of a list that is there. */
static struct slice first_header(const struct http_message *m, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct slice value = http_header(m, slice_of(names[i]));

		if (value.n)
			return value;
	}
	return (struct slice){ 0 };
}

/*
 * Whether a plan pays: decided by host and by the kind of credential, never by its value beyond the
 * prefix that names the kind.
 */
static bool paid_by_plan(const struct http_exchange *x)
{
	const struct slice auth = http_header(&x->request, SLICE("authorization"));
	const struct slice beta = http_header(&x->request, SLICE("anthropic-beta"));

	if (slice_ieq(x->host, SLICE("chatgpt.com")) && slice_has(x->path, SLICE("/backend-api/")))
		return true;
	if (slice_istarts(auth, SLICE("Bearer sk-ant-oat")))
		return true;
	if (slice_ieq(x->host, SLICE("api.anthropic.com")) &&
	    slice_istarts(auth, SLICE("Bearer ")) && slice_has(beta, SLICE("oauth-")))
		return true;
	if (slice_has(x->path, SLICE("/v1internal:"))) /* Gemini Code Assist */
		return true;
	return slice_has(x->host, SLICE("githubcopilot.com")) ||
	       slice_has(x->host, SLICE(".cursor.sh"));
}

void llm_read_request_head(struct llm_work *w)
{
	/* Claude Code, Codex (a thread is the conversation, a session holds several), opencode and
	 * Kilo, Qwen Code, pi and older Codex. */
	static const char *const conversation[] = {
		"x-claude-code-session-id", "thread-id",  "session-id",	     "x-session-id",
		"x-qwen-code-session-id",   "session_id", "conversation_id", "x-opencode-session",
	};
	struct llm_call *call = &w->call;

	if (!call->conversation_id.n)
		call->conversation_id =
			first_header(&call->http->request, conversation, ARRAY_SIZE(conversation));
	if (!call->request_model.n && call->http->path.n)
		call->request_model = llm_model_of_path(call->http->path);
	call->subscription = paid_by_plan(call->http);
}

static void read_limits(struct llm_work *w)
{
	static const char *const prefixes[] = { "x-ratelimit-", "anthropic-ratelimit-",
						"retry-after" };
	const struct http_message *m = &w->call.http->response;
	struct llm_call *call = &w->call;

	for (size_t i = 0; i < m->n_headers && call->n_limits < LLM_LIMITS_MAX; i++)
		for (size_t k = 0; k < ARRAY_SIZE(prefixes); k++) {
			if (!slice_istarts(m->headers[i].name, slice_of(prefixes[k])))
				continue;
			if (!call->limits)
				call->limits = arena_alloc(call->mem,
							   LLM_LIMITS_MAX * sizeof(*call->limits));
			if (!call->limits)
				return;
			call->limits[call->n_limits++] = (struct llm_rate_limit){
				m->headers[i].name,
				m->headers[i].value,
			};
			break;
		}
}

/* Bedrock's answers in one piece: the only place where some models' counts are. */
static void read_token_headers(struct llm_work *w)
{
	static const struct {
		const char *header;
		size_t offset;
	} counts[] = {
#define COUNT(name, member) { "x-amzn-bedrock-" name, offsetof(struct llm_usage, member) }
		COUNT("input-token-count", input),
		COUNT("output-token-count", output),
		COUNT("cache-read-input-token-count", cache_read),
		COUNT("cache-write-input-token-count", cache_write),
#undef COUNT
	};
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (slice_u64(http_header(&w->call.http->response, slice_of(counts[i].header)),
			      &n) &&
		    n <= INT64_MAX)
			*llm_usage_at(&w->beside, counts[i].offset) = (int64_t)n;
}

void llm_read_response_head(struct llm_work *w)
{
	static const char *const request_id[] = { "x-request-id",	    "request-id",
						  "apim-request-id",	    "x-ds-trace-id",
						  "mistral-correlation-id", "x-amzn-requestid",
						  "x-litellm-call-id" };
	/* LiteLLM, Azure (a deployment), Hugging Face's router */
	static const char *const served_by[] = { "x-litellm-model-id", "x-ms-deployment-name",
						 "x-inference-provider" };
	const struct http_message *m = &w->call.http->response;
	int64_t cost;

	w->call.request_id = first_header(m, request_id, ARRAY_SIZE(request_id));
	w->call.served_by = first_header(m, served_by, ARRAY_SIZE(served_by));
	if (json_scaled(http_header(m, SLICE("x-litellm-response-cost")), 12, &cost))
		llm_set_cost(w, cost);
	read_limits(w);
	read_token_headers(w);
}

static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_' && s.p[i] != '.')
			return false;
	return s.n > 0;
}

/*
 * AWS names the error in a header: "ThrottlingException:http://..."; the body has its message
 * only. Recorders blank headers: what is no word is no name.
 */
static void read_aws_error(struct llm_work *w)
{
	const struct slice type = http_header(&w->call.http->response, SLICE("x-amzn-errortype"));
	struct slice name = type, rest;

	slice_cut(type, ':', &name, &rest);
	if (is_word(name))
		w->call.error.type = name;
}

void llm_read_failed_frame(struct llm_work *w, const struct frame *f)
{
	const struct slice data = slice_trim(f->data);
	struct llm_error *e = &w->call.error;

	w->answered = true;
	if (json_valid(data))
		llm_read_error(w, data);
	else
		e->message = arena_copy(w->call.mem, utf8_head(data, ERROR_TEXT_MAX));
	e->type = f->type.n ? arena_copy(w->call.mem, f->type) : SLICE("error");
}

void llm_read_beside(struct llm_work *w)
{
	const struct llm_usage *from = &w->beside;
	struct llm_usage *to = &w->call.usage;

	if (to->output == LLM_UNKNOWN)
		to->output = from->output;
	else if (from->output >= 0 && from->output != to->output)
		llm_add_extra(w, "sonde.usage.metrics.output_tokens", from->output);
	if (to->input != LLM_UNKNOWN || from->input == LLM_UNKNOWN)
		return;
	to->input = from->input;
	if (to->cache_read == LLM_UNKNOWN)
		to->cache_read = from->cache_read;
	if (to->cache_write == LLM_UNKNOWN)
		to->cache_write = from->cache_write;
	llm_add_count(&to->input, to->cache_read);
	llm_add_count(&to->input, to->cache_write);
}

/* gRPC answers 200 and says in a header (or a trailer) what went wrong. */
static void read_grpc_status(struct llm_work *w)
{
	const struct http_message *m = &w->call.http->response;
	const struct slice status = http_header(m, SLICE("grpc-status"));
	uint64_t n;
	struct llm_error *error = &w->call.error;

	if (!slice_u64(status, &n) || n == 0 || error->type.n)
		return;
	error->type = status;
	error->code = status;
	error->message = http_header(m, SLICE("grpc-message"));
}

void llm_read_status(struct llm_work *w, struct slice body)
{
	const int status = w->call.http->status;
	struct llm_error *error = &w->call.error;
	char text[16];

	read_grpc_status(w);
	if (status >= 300)
		read_aws_error(w);
	/* An error that names no type is known by its status at least. */
	if (status < 300 ||
	    (error->type.n && (error->code.n || !slice_eq(error->type, SLICE("error")))))
		return;
	snprintf(text, sizeof(text), "%d", status);
	error->type = arena_copy(w->call.mem, slice_of(text));
	if (!error->message.n)
		error->message =
			arena_copy(w->call.mem, utf8_head(slice_trim(body), ERROR_TEXT_MAX));
}
