/* SPDX-License-Identifier: BSD-2-Clause */
/* The span of a model call: `chat {model}`, with the attributes of the GenAI conventions. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/util.h"
#include "llm/llm.h"
#include "trace/emit.h"

#define CHOICES_MAX 128 /* of one answer, whose reasons are told */
#define PARTS_MAX   64	/* of one answer, whose times are told */

/* --- how it went --- */

static struct slice status_text(int status, struct arena *mem)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", status);
	return mem ? arena_copy(mem, slice_of(text)) : (struct slice){ 0 };
}

bool call_failed(const struct llm_call *call, struct slice *ret_type, struct slice *ret_text)
{
	*ret_text = call->error.message;
	if (call->error.type.n || call->error.message.n) {
		*ret_type = call->error.type.n ? call->error.type : SLICE("_OTHER");
		return true;
	}
	if (call->http->status >= 400) {
		*ret_type = status_text(call->http->status, call->mem);
		return true;
	}
	/* The peer or the client broke it off; what only we have lost is no failure of the call. */
	if (call->cut && !call->done && call->http->end == HTTP_END_CUT) {
		*ret_type = SLICE("cut");
		*ret_text = slice_of(call->cut);
		return true;
	}
	return false;
}

static void emit_error(struct emit *e, const struct llm_call *call)
{
	struct slice type, text;

	if (!call_failed(call, &type, &text))
		return;
	e->span.status = SPAN_ERROR;
	e->span.error_type = emit_text(e, type);
	e->span.status_text = emit_text(e, text.n ? text : type);
	emit_str(e, ATTR_ERROR_CODE, call->error.code);
}

/* --- where it went --- */

static void emit_peer(struct emit *e, const struct connection *conn)
{
	char text[INET6_ADDRSTRLEN];

	if (conn->family != AF_INET && conn->family != AF_INET6)
		return;
	if (!inet_ntop(conn->family, conn->remote_addr, text, sizeof(text)) || !e->mem)
		return;
	emit_clean(e, ATTR_PEER_ADDRESS, arena_copy(e->mem, slice_of(text)));
	emit_int(e, ATTR_PEER_PORT, conn->remote_port);
}

static int default_port(const struct connection *conn)
{
	if (conn->remote_port)
		return conn->remote_port;
	return sonde_source_is_tls(conn->source) ? 443 : 80;
}

/* "api.example.com:8443", "[::1]:80", "localhost". */
void emit_split_host(struct slice host, struct slice *ret_name, int *ret_port)
{
	const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL;
	uint64_t port;

	*ret_name = host;
	if (!colon || (host.p[0] != '[' && memchr(host.p, ':', host.n) != colon))
		return;
	if (!slice_u64(slice_from(host, (size_t)(colon - host.p) + 1), &port) || port > 65535)
		return;
	ret_name->n = (size_t)(colon - host.p);
	*ret_port = (int)port;
}

static void emit_server(struct emit *e, const struct http_exchange *x)
{
	struct slice name;
	int port = default_port(x->conn);
	char text[INET6_ADDRSTRLEN];

	emit_split_host(x->host, &name, &port);
	if (name.n == 0 && x->conn->family == AF_UNIX)
		name = (struct slice){ x->conn->path,
				       strnlen(x->conn->path, sizeof(x->conn->path)) };
	if (name.n == 0 && (x->conn->family == AF_INET || x->conn->family == AF_INET6) &&
	    inet_ntop(x->conn->family, x->conn->remote_addr, text, sizeof(text)))
		name = slice_of(text);
	e->span.server_address = emit_text(e, name);
	e->span.server_port = port;
	emit_peer(e, x->conn);
}

/* --- what was asked and said --- */

/* "json_object" and "json_schema" are json. */
static const char *output_type(struct slice format)
{
	static const char *const others[] = { "text", "image", "speech" };

	if (slice_starts(format, SLICE("json")))
		return "json";
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (slice_eq(format, slice_of(others[i])))
			return others[i];
	return NULL;
}

/* The convention knows two. */
static const char *openai_api(const char *format)
{
	return strcmp(format, "openai.responses") == 0 ? "responses"
	       : strcmp(format, "openai.chat") == 0    ? "chat_completions"
						       : NULL;
}

static void emit_request(struct emit *e, const struct llm_call *call)
{
	const struct http_exchange *x = call->http;
	const bool openai = slice_starts(slice_of(llm_format_name(call->format)), SLICE("openai."));

	emit_lit(e, ATTR_OPERATION, call->operation ? call->operation : "chat");
	emit_lit(e, ATTR_FORMAT, llm_format_name(call->format));
	emit_int(e, ATTR_MAX_TOKENS, call->max_tokens);
	emit_double(e, ATTR_TEMPERATURE, call->temperature);
	emit_double(e, ATTR_TOP_P, call->top_p);
	emit_double(e, ATTR_TOP_K, call->top_k);
	emit_double(e, ATTR_FREQUENCY_PENALTY, call->frequency_penalty);
	emit_double(e, ATTR_PRESENCE_PENALTY, call->presence_penalty);
	emit_int(e, ATTR_SEED, call->seed);
	emit_int(e, ATTR_CHOICES, call->choices == 1 ? LLM_UNKNOWN : call->choices);
	if (content_keeps_text(e->run->t))
		emit_texts(e, ATTR_STOP, call->stop);
	emit_lit(e, ATTR_OUTPUT_TYPE, output_type(call->output_format));
	emit_true(e, ATTR_STREAM, call->stream_requested);
	emit_int(e, ATTR_TOOL_COUNT, call->tool_count ? call->tool_count : LLM_UNKNOWN);
	emit_str(e, ATTR_REASONING_EFFORT, call->reasoning_effort);
	emit_str(e, ATTR_PREVIOUS_RESPONSE, call->previous_response_id);
	emit_str(e, openai ? ATTR_OPENAI_REQUEST_TIER : ATTR_REQUEST_TIER, call->service_tier);
	emit_clean(e, ATTR_URL_PATH, emit_url(e, x->path));
	emit_str(e, ATTR_HTTP_METHOD, x->method);
	emit_str(e, ATTR_USER_AGENT, http_header(&x->request, SLICE("user-agent")));
	emit_str(e, ATTR_INITIATOR, http_header(&x->request, SLICE("x-initiator")));
	if (x->request.body_bytes)
		emit_int(e, ATTR_REQUEST_BYTES, (int64_t)x->request.body_bytes);
	emit_true(e, ATTR_REQUEST_CUT, call->body_cut);
	emit_lit(e, ATTR_REQUEST_DAMAGE, x->request.damage);
	if (openai)
		emit_lit(e, ATTR_OPENAI_API, openai_api(llm_format_name(call->format)));
}

/* One per choice; where there is but one, the column has it. */
static void emit_finish_reasons(struct emit *e, const struct llm_call *call)
{
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };
	const struct llm_message *m = &call->answer;

	if (!m->alternative || !e->mem)
		return;
	json_begin(&w, '[');
	for (int i = 0; m && i < CHOICES_MAX; m = m->alternative, i++)
		json_put_str(&w, emit_text(e, m->finish_as_sent));
	json_end(&w, ']');
	if (w.r == 0)
		emit_strings(e, ATTR_FINISH_REASONS, arena_copy(e->mem, buf_slice(&out)));
	buf_done(&out);
}

static const char *part_name(const struct llm_part *p)
{
	static const char *const names[] = {
		[LLM_PART_TEXT] = "message",
		[LLM_PART_REASONING] = "reasoning",
		[LLM_PART_TOOL_CALL] = "tool_call",
	};

	return (size_t)p->type < ARRAY_SIZE(names) ? names[p->type] : NULL;
}

/*
 * When each part of a streamed answer came. What it says is in the conversation; as spans of their
 * own, parts would double what a call takes, and nothing is ever below one.
 */
static void emit_parts(struct emit *e, const struct llm_call *call)
{
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };
	int n = 0;

	if (!call->streamed || !e->mem)
		return;
	json_begin(&w, '[');
	for (const struct llm_part *p = call->answer.parts; p && n < PARTS_MAX; p = p->next) {
		char text[64];

		if (!p->start_ns || p->start_ns < call->start_ns || !part_name(p))
			continue;
		snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64, part_name(p),
			 p->start_ns - call->start_ns,
			 (p->end_ns > p->start_ns ? p->end_ns : p->start_ns) - call->start_ns);
		json_put_str(&w, slice_of(text));
		n++;
	}
	json_end(&w, ']');
	if (n && w.r == 0)
		emit_strings(e, ATTR_OUTPUT_PARTS, arena_copy(e->mem, buf_slice(&out)));
	buf_done(&out);
}

static void emit_limits(struct emit *e, const struct llm_call *call)
{
	for (size_t i = 0; i < call->n_limits; i++) {
		struct slice name = emit_text(e, call->limits[i].name);

		/* Attribute names end with a NUL, which copies have. */
		name = emit_join(e, SLICE(ATTR_RATE_LIMIT), name);
		if (name.n)
			emit_str(e, name.p, call->limits[i].value);
	}
}

static void emit_response(struct emit *e, const struct llm_call *call)
{
	const struct http_exchange *x = call->http;
	const bool openai = slice_starts(slice_of(llm_format_name(call->format)), SLICE("openai."));

	emit_int(e, ATTR_HTTP_STATUS, x->status ? x->status : LLM_UNKNOWN);
	emit_str(e, ATTR_REQUEST_ID, call->request_id);
	emit_str(e, openai ? ATTR_OPENAI_RESPONSE_TIER : ATTR_RESPONSE_TIER, call->response_tier);
	emit_str(e, ATTR_RESPONSE_GEO, call->response_geo);
	emit_str(e, ATTR_SERVED_BY, call->served_by);
	emit_int(e, ATTR_NANO_AIU, call->nano_aiu);
	if (x->response.body_bytes)
		emit_int(e, ATTR_RESPONSE_BYTES, (int64_t)x->response.body_bytes);
	emit_lit(e, ATTR_RESPONSE_DAMAGE, x->response.damage);
	emit_lit(e, ATTR_CUT, call->cut);
	emit_finish_reasons(e, call);
	emit_limits(e, call);
	for (size_t i = 0; i < call->n_extras; i++) {
		emit_int(e, call->extras[i].attribute, call->extras[i].number);
		emit_str(e, call->extras[i].attribute, call->extras[i].text);
	}
}

static void emit_links(struct emit *e, const struct call_state *c, const struct llm_call *call)
{
	if (c->conv)
		emit_id128(e, ATTR_CONVERSATION, &c->conv->id);
	emit_lit(e, ATTR_CONVERSATION_LINK, c->conv_evidence);
	emit_id64(e, ATTR_CONTINUES, &c->continues);
	emit_id64(e, ATTR_RETRY_OF, &c->retry_of);
	emit_id64(e, ATTR_DUPLICATE_OF, &c->duplicate_of);
	emit_lit(e, ATTR_CALL_CLASS, c->purpose);
	emit_lit(e, ATTR_CALL_CLASS_EVIDENCE, c->purpose_evidence);
	emit_true(e, ATTR_INBOUND, call->http->inbound);
}

/* --- the span --- */

static void fill_loss(struct emit *e, const struct llm_call *call)
{
	static const char *const reasons[] = {
		[SONDE_GAP_LOST] = "ring full",	    [SONDE_GAP_FAULT] = "page not resident",
		[SONDE_GAP_CAP] = "over limit",	    [SONDE_GAP_VERDICT] = "not copied",
		[SONDE_GAP_UNSEEN] = "unseen call",
	};
	const struct http_message *req = &call->http->request, *res = &call->http->response;
	const uint8_t reason = req->lost_bytes ? req->lost_reason : res->lost_reason;

	e->span.lost_bytes = req->lost_bytes + res->lost_bytes;
	if (e->span.lost_bytes && reason < ARRAY_SIZE(reasons))
		e->span.lost_reason = slice_of(reasons[reason]);
}

static void fill_content(struct emit *e, const struct call_state *c)
{
	if (content_keeps_messages(c->run->t)) {
		e->span.input_node = c->input_node;
		e->span.output_node = c->output_node;
		if (c->alternatives.n)
			emit_strings(e, ATTR_ALTERNATIVES, buf_slice(&c->alternatives));
		e->span.system_blob = c->system_blob;
		e->span.tools_blob = c->tools_blob;
	}
	e->span.raw_blob = c->raw_blob;
}

static void fill_columns(struct emit *e, const struct call_state *c, const struct llm_call *call,
			 bool final)
{
	struct span *s = &e->span;

	s->provider = slice_of(call->provider);
	s->request_model = emit_text(e, call->request_model);
	s->response_model = emit_text(e, call->response_model);
	s->response_id = emit_text(e, call->response_id);
	s->conversation_id = emit_text(e, slice_of(c->conversation_id));
	s->finish_reason = emit_text(e, call->finish_reason);
	if (!id128_is_zero(&c->session_id))
		s->session_id = c->session_id;
	s->usage = final ? c->usage : call->usage;
	s->cost = c->cost;
	s->cost.key = emit_text(e, c->cost.key);
	if (call->first_token_ns >= call->start_ns && call->first_token_ns)
		s->first_token_ns = (int64_t)(call->first_token_ns - call->start_ns);
}

/* Our price of a call whose provider told one. */
static void emit_table_cost(struct emit *e, const struct call_state *c)
{
	const struct cost *ours = &c->table_cost;

	if (c->cost.source != COST_PROVIDER || !ours->key.n)
		return;
	if (ours->source == COST_UNKNOWN) {
		emit_str(e, ATTR_TABLE_UNKNOWN, ours->key);
		return;
	}
	emit_double(e, ATTR_TABLE_USD, (double)ours->pico_usd / 1e12);
	emit_str(e, ATTR_TABLE_PRICE, ours->key);
	emit_true(e, ATTR_COST_MISMATCH, price_differs(c->cost.pico_usd, ours->pico_usd));
}

static struct slice program_of(const struct call_state *c, struct process_key key)
{
	const struct process *p = proc_find(c->run->t->procs, key);

	return p ? process_name(p) : (struct slice){ 0 };
}

void call_emit(struct call_state *c, const struct llm_call *call, bool final)
{
	const struct process_key process = call->http->conn->process;
	const struct slice operation = slice_of(call->operation ? call->operation : "chat");
	struct emit e;

	c->emitted_ns = c->run->t->now_ns;
	emit_begin(&e, c->run, STEP_LLM, call->start_ns);
	e.span.span_id = c->id;
	e.span.parent_id = c->parent;
	e.span.kind = call->http->inbound ? SPAN_SERVER : SPAN_CLIENT;
	e.span.evidence = slice_of(c->evidence);
	fill_columns(&e, c, call, final);
	e.span.name = e.span.request_model.n ? emit_join(&e, emit_join(&e, operation, SLICE(" ")),
							 e.span.request_model)
					     : operation;
	fill_loss(&e, call);
	fill_content(&e, c);
	emit_agent(&e, c->agent);
	emit_process(&e, process, program_of(c, process));
	if (sonde_source_is_tls(call->http->conn->source))
		emit_int(&e, ATTR_LATE_ATTACH, notes_late_ms(c->run->t, process));
	emit_server(&e, call->http);
	emit_request(&e, call);
	emit_response(&e, call);
	emit_links(&e, c, call);
	emit_table_cost(&e, c);
	if (final)
		emit_parts(&e, call);
	if (final)
		emit_error(&e, call);
	emit_end(&e, final ? (call->end_ns ? call->end_ns : c->run->t->now_ns) : 0, final);
}
