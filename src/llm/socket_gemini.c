/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gemini Live: what gemini.c reads as a stream of generateContent is put together here.
 *
 * A call is a turn of the model, from what asked for it (where somebody was heard: from the
 * answer's first word) to turnComplete, or to a toolCall, whose response begins the next. The
 * server keeps the conversation and names neither it nor its answers: so a request is told with all
 * that was said before, as generateContent's is. Messages may be binary frames, and have no "type".
 *
 * Sound and pictures that are streamed are not handed on; what was heard stands in transcriptions.
 *
 * https://ai.google.dev/api/live
 */
#include "base/util.h"
#include "llm/gemini.h"
#include "llm/socket_format.h"

#define HISTORY_MAX ((size_t)4 << 20)
#define SETUP_MAX   ((size_t)1 << 20)
#define WORD_MAX    128 /* a MIME type, an id: JSON */

struct state {
	struct buf setup;
	struct buf history; /* contents with commas between them */
	struct buf words;   /* transcribed: a JSON string but for its end */
	struct buf heard;   /* other parts of the user's next content, with commas */
	struct buf said;    /* parts of the answer under way */
	bool lost;	    /* something of them */
	char session[WORD_MAX];
	char sound[WORD_MAX], pictures[WORD_MAX]; /* MIME types of what was streamed */
	bool asked;				  /* for what comes after the call under way */
	uint64_t asked_ns, asked_pos;		  /* 0: the answer's first message asks */
	bool of_tool;				  /* the call under way answers a tool's response */
	bool called, generated, interrupted, counted; /* of it, so far */
};

static bool is_path(struct slice path)
{
	return slice_has(path, SLICE("BidiGenerateContent"));
}

static void done(struct llm_sockets *l, struct socket *s)
{
	struct state *st = s->state;

	socket_drop(l, &st->setup);
	socket_drop(l, &st->history);
	socket_drop(l, &st->words);
	socket_drop(l, &st->heard);
	socket_drop(l, &st->said);
}

static bool is_true(struct slice object, const char *camel, const char *snake)
{
	return slice_eq(llm_either(object, camel, snake), SLICE("true"));
}

static void set_word(char dst[WORD_MAX], struct slice json)
{
	if (json.n < 3 || json.n >= WORD_MAX || json.p[0] != '"')
		return;
	memcpy(dst, json.p, json.n);
	dst[json.n] = 0;
}

/* --- what is kept --- */

/* One more element. What does not fit is told: the request is not whole from then on. */
static void add(struct llm_sockets *l, struct state *st, struct buf *list, struct slice json)
{
	const size_t before = list->n;

	if (!json.n)
		return;
	if ((!before || socket_add(l, list, SLICE(","), HISTORY_MAX)) &&
	    socket_add(l, list, json, HISTORY_MAX))
		return;
	socket_forget(l, list->n - before); /* the comma */
	list->n = before;
	st->lost = true;
}

/* {"@key":@value} */
static void add_part(struct llm_sockets *l, struct state *st, struct buf *list, const char *key,
		     struct slice value)
{
	_cleanup_(buf_done) struct buf part = { 0 };
	struct json_writer w = { .out = &part };

	json_begin(&w, '{');
	json_key(&w, key);
	json_put_raw(&w, value);
	json_end(&w, '}');
	if (w.r < 0)
		st->lost = true;
	else
		add(l, st, list, buf_slice(&part));
}

static void add_text(struct llm_sockets *l, struct state *st, struct buf *list, struct slice text)
{
	if (text.n > 2 && text.p[0] == '"')
		add_part(l, st, list, "text", text);
}

/* The parts become a content. */
static void add_content(struct llm_sockets *l, struct state *st, const char *role,
			struct buf *parts)
{
	_cleanup_(buf_done) struct buf content = { 0 };
	struct json_writer w = { .out = &content };

	if (!parts->n)
		return;
	json_begin(&w, '{');
	json_key(&w, "role");
	json_put_str(&w, slice_of(role));
	json_key(&w, "parts");
	json_begin(&w, '[');
	json_put_raw(&w, buf_slice(parts));
	json_end(&w, ']');
	json_end(&w, '}');
	socket_drop(l, parts);
	if (w.r < 0)
		st->lost = true;
	else
		add(l, st, &st->history, buf_slice(&content));
}

/* That there was sound, or pictures. */
static void add_media(struct llm_sockets *l, struct state *st, struct buf *list,
		      char mime[WORD_MAX])
{
	_cleanup_(buf_done) struct buf blob = { 0 };
	struct json_writer w = { .out = &blob };

	if (!*mime)
		return;
	json_begin(&w, '{');
	json_key(&w, "mimeType");
	json_put_raw(&w, slice_of(mime));
	json_end(&w, '}');
	*mime = 0;
	if (w.r < 0)
		st->lost = true;
	else
		add_part(l, st, list, "inlineData", buf_slice(&blob));
}

/* A transcription comes in pieces, which are one text. */
static void add_words(struct llm_sockets *l, struct state *st, struct slice text)
{
	if (text.n <= 2 || text.p[0] != '"')
		return;
	text.n--;
	if (st->words.n)
		text = slice_from(text, 1);
	st->lost |= !socket_add(l, &st->words, text, HISTORY_MAX);
}

static void take_words(struct llm_sockets *l, struct state *st, struct buf *parts)
{
	if (!st->words.n)
		return;
	if (socket_add(l, &st->words, SLICE("\""), HISTORY_MAX + 1))
		add_text(l, st, parts, buf_slice(&st->words));
	else
		st->lost = true;
	socket_drop(l, &st->words);
}

/* What the user let see and hear, and said, is one content. */
static void add_heard(struct llm_sockets *l, struct state *st)
{
	struct buf parts = { 0 };

	add_media(l, st, &parts, st->sound);
	add_media(l, st, &parts, st->pictures);
	take_words(l, st, &parts);
	add(l, st, &parts, buf_slice(&st->heard));
	socket_drop(l, &st->heard);
	add_content(l, st, "user", &parts);
}

/* --- calls --- */

static void write_request(struct state *st, struct socket_call *c)
{
	struct json_writer w = { .out = &c->request };
	struct slice key, value;
	struct json_iter it;

	json_begin(&w, '{');
	for (bool ok = json_object(buf_slice(&st->setup), &it);
	     ok && json_next_member(&it, &key, &value);) {
		json_put_key(&w, key);
		json_put_raw(&w, value);
	}
	if (*st->session) {
		json_key(&w, "sessionId");
		json_put_raw(&w, slice_of(st->session));
	}
	json_key(&w, "contents");
	json_begin(&w, '[');
	if (st->history.n)
		json_put_raw(&w, buf_slice(&st->history));
	json_end(&w, ']');
	json_end(&w, '}');
	if (w.r < 0 || st->lost)
		c->x.request.damage = "over limit";
}

static struct socket_call *begin(struct llm_sockets *l, struct socket *s,
				 const struct http_socket_message *m)
{
	struct socket_call *c = socket_call_new(l, s, m);
	struct state *st = s->state;

	if (!c)
		return NULL;
	if (st->asked_ns) {
		c->x.request.head_ns = c->x.request.body_ns = st->asked_ns;
		c->x.request.pos = st->asked_pos;
	}
	st->asked = false;
	st->asked_ns = 0;
	st->called = st->generated = st->interrupted = st->counted = false;
	add_heard(l, st);
	write_request(st, c);
	socket_ask(l, s, c);
	return c;
}

static void finish(struct llm_sockets *l, struct socket *s)
{
	struct state *st = s->state;

	add_content(l, st, "model", &st->said);
	st->of_tool = false;
	socket_finish(l, s, s->calls);
}

static void note_time(struct state *st, const struct http_socket_message *m)
{
	st->asked_ns = m->first_ns;
	st->asked_pos = m->pos;
}

/* There is one call at a time. What is asked for meanwhile is answered with it while it has said
 * nothing, else after it. */
static void ask(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m)
{
	struct state *st = s->state;

	if (s->calls && st->called)
		finish(l, s);
	if (!s->calls) {
		begin(l, s, m);
		return;
	}
	st->asked |= s->calls->x.status != 0;
	note_time(st, m);
}

/* --- the client --- */

static void on_content(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		       struct slice content)
{
	const struct slice turns = json_member(content, SLICE("turns"));
	struct state *st = s->state;
	struct json_iter it;
	struct slice one;

	add_content(l, st, "model", &st->said); /* until here */
	add_heard(l, st);
	if (json_array(turns, &it))
		while (json_next(&it, &one))
			add(l, st, &st->history, one);
	else if (turns.n && turns.p[0] == '{')
		add(l, st, &st->history, turns);
	if (is_true(content, "turnComplete", "turn_complete"))
		ask(l, s, m);
}

static void on_tool_response(struct llm_sockets *l, struct socket *s,
			     const struct http_socket_message *m, struct slice response)
{
	const struct slice list = llm_either(response, "functionResponses", "function_responses");
	struct state *st = s->state;
	struct json_iter it;
	struct slice one;

	if (s->calls && st->called)
		finish(l, s);
	add_content(l, st, "model", &st->said);
	add_heard(l, st);
	if (json_array(list, &it))
		while (json_next(&it, &one))
			add_part(l, st, &st->heard, "functionResponse", one);
	else if (list.n && list.p[0] == '{')
		add_part(l, st, &st->heard, "functionResponse", list);
	add_content(l, st, "user", &st->heard);
	st->of_tool = !s->calls;
	ask(l, s, m);
}

static void note_media(struct state *st, struct slice blob)
{
	const struct slice mime = llm_either(blob, "mimeType", "mime_type");

	if (slice_starts(mime, SLICE("\"audio/")))
		set_word(st->sound, mime);
	else
		set_word(st->pictures, mime);
}

static void on_realtime(struct llm_sockets *l, struct socket *s,
			const struct http_socket_message *m, struct slice input)
{
	enum { AUDIO, VIDEO, TEXT, END, END_, N };
	static const char *const names[N] = { "audio", "video", "text", "activityEnd",
					      "activity_end" };
	struct state *st = s->state;
	struct slice v[N], one;
	struct json_iter it;

	json_members(input, names, v, N);
	note_media(st, v[AUDIO]);
	note_media(st, v[VIDEO]);
	if (json_array(llm_either(input, "mediaChunks", "media_chunks"), &it))
		while (json_next(&it, &one))
			note_media(st, one);
	if ((v[END].n || v[END_].n) && !s->calls)
		note_time(st, m);
	if (v[TEXT].n < 3)
		return;
	add_text(l, st, &st->heard, v[TEXT]);
	ask(l, s, m);
}

static void client(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		   struct slice type)
{
	const struct slice setup = json_member(m->data, SLICE("setup"));
	const struct slice content = llm_either(m->data, "clientContent", "client_content");
	const struct slice response = llm_either(m->data, "toolResponse", "tool_response");
	struct state *st = s->state;

	(void)type;
	if (setup.n) {
		socket_drop(l, &st->setup);
		st->lost |= !socket_add(l, &st->setup, setup, SETUP_MAX);
	} else if (content.n) {
		on_content(l, s, m, content);
	} else if (response.n) {
		on_tool_response(l, s, m, response);
	} else {
		on_realtime(l, s, m, llm_either(m->data, "realtimeInput", "realtime_input"));
	}
}

/* --- the server --- */

/* A message of the server's. */
struct news {
	struct slice content, calls, usage, error, parts, transcript;
	bool over, says, tells;
};

static struct news read_news(struct slice data)
{
	struct news n = {
		.content = llm_either(data, "serverContent", "server_content"),
		.usage = llm_either(data, "usageMetadata", "usage_metadata"),
		.error = json_member(data, SLICE("error")),
	};
	struct slice part;
	struct json_iter it;

	n.calls = llm_either(llm_either(data, "toolCall", "tool_call"), "functionCalls",
			     "function_calls");
	n.parts = json_member(llm_either(n.content, "modelTurn", "model_turn"), SLICE("parts"));
	n.transcript =
		json_member(llm_either(n.content, "outputTranscription", "output_transcription"),
			    SLICE("text"));
	n.over = is_true(n.content, "turnComplete", "turn_complete");
	/* Some models end a turn that ended in a tool's call once more, and say nothing. */
	n.says = n.calls.n || n.transcript.n > 2 ||
		 (json_array(n.parts, &it) && json_next(&it, &part));
	n.tells = n.says || n.over || n.usage.n || n.error.n ||
		  llm_either(n.content, "groundingMetadata", "grounding_metadata").n;
	return n;
}

/* What this message adds to the answer, as parts: without its sound, of which it says that it came.
 */
static bool take_parts(struct llm_sockets *l, struct state *st, const struct news *n,
		       struct buf *ret)
{
	struct json_iter it;
	struct slice one;
	bool sound = false;

	if (json_array(n->parts, &it))
		while (json_next(&it, &one)) {
			if (llm_either(one, "inlineData", "inline_data").n)
				sound = true;
			else
				add(l, st, ret, one);
		}
	add_text(l, st, ret, n->transcript);
	if (json_array(n->calls, &it))
		while (json_next(&it, &one))
			add_part(l, st, ret, "functionCall", one);
	return sound;
}

static void put_finish(struct json_writer *w, const struct state *st, const struct news *n)
{
	const struct slice why =
		llm_either(n->content, "turnCompleteReason", "turn_complete_reason");
	const bool told = why.n > 2 && !json_is(why, "TURN_COMPLETE_REASON_UNSPECIFIED");

	if ((!n->over && !n->calls.n) || st->interrupted || st->called)
		return;
	json_key(w, "finishReason");
	if (n->calls.n)
		json_put_str(w, SLICE("toolCall"));
	else
		json_put_raw(w, told ? why : SLICE("\"turnComplete\""));
}

static void put_member(struct json_writer *w, const char *key, struct slice json)
{
	if (!json.n)
		return;
	json_key(w, key);
	json_put_raw(w, json);
}

/* As an event of streamGenerateContent. */
static void tell(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		 const struct news *n)
{
	_cleanup_(buf_done) struct buf event = { 0 };
	struct json_writer w = { .out = &event };
	struct state *st = s->state;
	struct buf parts = { 0 };
	const bool sound = take_parts(l, st, n, &parts);

	json_begin(&w, '{');
	json_key(&w, "candidates");
	json_begin(&w, '[');
	json_begin(&w, '{');
	json_key(&w, "content");
	json_begin(&w, '{');
	json_key(&w, "parts");
	json_begin(&w, '[');
	if (parts.n)
		json_put_raw(&w, buf_slice(&parts));
	json_end(&w, ']');
	json_end(&w, '}');
	put_finish(&w, st, n);
	put_member(&w, "groundingMetadata",
		   llm_either(n->content, "groundingMetadata", "grounding_metadata"));
	json_end(&w, '}');
	json_end(&w, ']');
	put_member(&w, "sound", sound ? SLICE("true") : (struct slice){ 0 });
	put_member(&w, "usageMetadata", n->usage);
	put_member(&w, "error", n->error);
	json_end(&w, '}');
	add(l, st, &st->said, buf_slice(&parts));
	socket_drop(l, &parts);
	if (w.r == 0)
		socket_answer(l, s, s->calls, m, buf_slice(&event), 200);
}

/* What the answer's state is after @n, and whether it is over. A call of a tool ends it, unless its
 * count may still come: then that does, or what is said next. */
static bool is_over(struct state *st, struct socket_call *c, const struct socket *s,
		    const struct news *n)
{
	st->counted |= n->usage.n > 0;
	if (st->interrupted && !c->x.response.damage)
		c->x.response.damage = "interrupted";
	if (n->calls.n) {
		st->called = true;
		c->x.response.end_ns = s->http->now_ns;
	}
	return n->over || n->error.n || (st->called && st->counted);
}

/* Whether there is a call that @n is of; begins it where it is the answer that shows it. */
static bool is_of_call(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		       const struct news *n)
{
	const struct state *st = s->state;

	if (s->calls && st->called && n->says)
		finish(l, s);
	if (!s->calls)
		return n->says && begin(l, s, m);
	/* The end of the turn that called the tool, which had answered already. */
	return !st->of_tool || s->calls->x.status || !n->over || n->says || n->usage.n;
}

static void server(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		   struct slice type)
{
	const struct news n = read_news(m->data);
	struct state *st = s->state;
	bool interrupted;

	(void)type;
	set_word(st->session, json_find(m->data, "setupComplete.sessionId"));
	add_words(l, st,
		  json_member(llm_either(n.content, "inputTranscription", "input_transcription"),
			      SLICE("text")));
	if (!is_of_call(l, s, m, &n))
		return;
	st->generated |= is_true(n.content, "generationComplete", "generation_complete");
	/* Else it is only not played to its end. */
	st->interrupted |= is_true(n.content, "interrupted", "interrupted") && !st->generated;
	interrupted = st->interrupted;
	if (n.tells)
		tell(l, s, m, &n);
	if (!is_over(st, s->calls, s, &n))
		return;
	finish(l, s);
	if (st->asked || (interrupted && st->asked_ns))
		begin(l, s, m);
	else
		st->asked_ns = 0;
}

const struct llm_socket_format llm_socket_gemini = {
	.is_path = is_path,
	.state_size = sizeof(struct state),
	.untyped = true,
	.client = client,
	.server = server,
	.done = done,
};
