/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run does right now, and answers while they come.
 *
 * A secret may be cut by the end of what has come so far. So a piece ends well before that end, at
 * a character that stands in no key, and it is given only if the text up to there reads the same
 * once more of it is known.
 */
#include "trace/content_level.h"
#include "trace/emit.h"

#define LIVE_EVERY_NS  100000000ull
#define LIVE_PARTS_MAX 64     /* of one answer */
#define HELD_BACK      256    /* bytes: the longest secret that has other characters in it */
#define WINDOW	       8192   /* bytes of text that are read anew with every piece */
#define WINDOW_MAX     65536u /* where it cannot be moved: then the rest is left out */
#define SHOWN_MAX      131072u

const char *const live_state_names[] = {
	[LIVE_IDLE] = "idle", [LIVE_THINKING] = "thinking",	[LIVE_STREAMING] = "streaming",
	[LIVE_TOOL] = "tool", [LIVE_WAITING] = "waiting_human", [LIVE_ENDED] = "ended",
};
const char *const live_piece_names[] = {
	[LIVE_TEXT] = "text", [LIVE_REASONING] = "reasoning", [LIVE_ARGUMENTS] = "arguments"
};

struct live_part {
	size_t from;	  /* of the part's text: where the window begins */
	size_t length;	  /* of that text when it was last looked at */
	size_t given;	  /* bytes of the redacted window that were given */
	size_t total;	  /* of all that was given */
	struct buf shown; /* these bytes of the window: they must still be the same */
	bool whole, over, cut;
};

struct live_call {
	uint64_t looked_ns;
	struct live_part part[LIVE_PARTS_MAX];
};

/* --- states --- */

static bool tool_is_at_work(const struct run_state *r)
{
	const struct tool_state *tool;

	if (r->n_tools == 0)
		return false;
	list_for_each (tool, r->tree->tools)
		if (tool->run == r && tool->asked && !tool->server)
			return true;
	return false;
}

static enum live_state state_of(const struct run_state *r)
{
	const struct call_state *c;
	enum live_state state = LIVE_IDLE;

	if (r->finished || r->over)
		return LIVE_ENDED;
	list_for_each (c, r->n_calls ? r->tree->calls : NULL) {
		if (c->run != r)
			continue;
		if (c->call && c->call->first_token_ns)
			return LIVE_STREAMING;
		state = LIVE_THINKING;
	}
	if (state == LIVE_THINKING)
		return state;
	if (tool_is_at_work(r))
		return LIVE_TOOL;
	return r->status == RUN_PAUSED ? LIVE_WAITING : LIVE_IDLE;
}

static void add(int64_t *sum, int64_t n)
{
	if (n != LLM_UNKNOWN)
		*sum = *sum == LLM_UNKNOWN ? n : *sum + n;
}

void live_run(struct run_state *r)
{
	struct trace *t = r->t;
	const struct call_state *c;
	struct buf reason = { 0 };
	struct live_change change = {
		.run_id = r->id,
		.state = state_of(r),
		.status = r->status,
		.ts_ns = clock_wall(&t->clock, r->start_ns, t->now_ns),
		.input_tokens = r->totals.usage.input,
		.output_tokens = r->totals.usage.output,
		.cost_pico_usd = r->totals.cost_pico_usd,
	};

	if (!t->sink->live_change || change.state == r->live_state ||
	    t->config.content == CONTENT_OFF)
		return;
	r->live_state = change.state;
	list_for_each (c, r->tree->calls) {
		if (c->run != r)
			continue;
		add(&change.input_tokens, c->call ? c->call->usage.input : LLM_UNKNOWN);
		add(&change.output_tokens, c->call ? c->call->usage.output : LLM_UNKNOWN);
	}
	if (redact(t->redactor, slice_of(r->reason), &reason) >= 0)
		change.reason = buf_slice(&reason);
	t->sink->live_change(t->ctx, &change);
	buf_done(&reason);
}

/* --- pieces --- */

static bool in_keys(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("_-./+=:@%~", c));
}

/* @n, or less where that is inside of a character. */
static size_t between(struct slice s, size_t n)
{
	while (n && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* How much of a text is sure to stay as it is when more comes. */
static size_t settled(struct slice s)
{
	static const struct slice block = { "-----BEGIN", 10 };
	size_t n = s.n > HELD_BACK ? s.n - HELD_BACK : 0;
	const char *begin = s.n ? memmem(s.p, s.n, block.p, block.n) : NULL;

	if (begin && (size_t)(begin - s.p) < n)
		n = (size_t)(begin - s.p);
	while (n && in_keys((unsigned char)s.p[n - 1]))
		n--;
	return between(s, n);
}

static int clean(const struct call_state *c, const struct llm_part *part, struct slice raw,
		 struct buf *ret)
{
	struct redactor *red = c->run->t->redactor;

	return part->is_json ? redact_json(red, raw, ret) : redact(red, raw, ret);
}

/* What was given long ago is not read again. */
static void move_window(const struct call_state *c, const struct llm_part *part,
			struct live_part *p, struct slice raw)
{
	const size_t n = settled(raw);
	struct buf head = { 0 };

	if (n && clean(c, part, (struct slice){ raw.p, n }, &head) >= 0 && head.n <= p->given &&
	    memcmp(head.p, p->shown.p, head.n) == 0) {
		p->from += n;
		p->given -= head.n;
		memmove(p->shown.p, p->shown.p + head.n, p->given);
		p->shown.n = p->given;
	}
	buf_done(&head);
}

static enum live_piece_kind kind_of(const struct llm_part *part)
{
	switch (part->type) {
	case LLM_PART_TEXT:
	case LLM_PART_REFUSAL:
		return LIVE_TEXT;
	case LLM_PART_REASONING:
		return LIVE_REASONING;
	case LLM_PART_TOOL_CALL:
	case LLM_PART_SERVER_TOOL_CALL:
		return LIVE_ARGUMENTS;
	default:
		return 0;
	}
}

static bool is_kept(const struct trace *t, const struct llm_part *part, enum live_piece_kind kind)
{
	return kind == LIVE_ARGUMENTS ? content_keeps_text(t) && content_keeps_tool(t, part->name)
				      : kind && content_keeps_messages(t);
}

/* The level's limit, in bytes: characters are not counted while they fly by. */
static size_t room(const struct trace *t, const struct live_part *p)
{
	const size_t max = t->config.content_limit;

	if (t->config.content != CONTENT_STANDARD)
		return SIZE_MAX;
	return p->total < max ? max - p->total : 0;
}

static void give(struct call_state *c, const struct llm_part *part, unsigned index,
		 struct live_part *p, struct slice text, bool last)
{
	struct trace *t = c->run->t;
	struct buf name = { 0 };
	struct live_piece piece = {
		.run_id = c->run->id,
		.span_id = c->id,
		.kind = kind_of(part),
		.part = index,
		.text = text,
		.last = last,
		.cut = p->cut,
	};

	if (text.n > room(t, p)) {
		piece.text.n = between(text, room(t, p));
		piece.cut = piece.last = p->over = true;
	}
	p->total += piece.text.n;
	p->cut = false;
	if (part->name.n && redact(t->redactor, part->name, &name) >= 0)
		piece.name = buf_slice(&name);
	t->sink->live_piece(t->ctx, &piece);
	buf_done(&name);
}

/* What was given was no secret then and may be one now: nothing more until that is past. */
static bool still_reads_the_same(const struct live_part *p, const struct buf *out)
{
	return p->given == 0 || (out->n >= p->given && memcmp(out->p, p->shown.p, p->given) == 0);
}

/* @n bytes of the redacted window @out are sure. */
static void give_up_to(struct call_state *c, const struct llm_part *part, unsigned index,
		       struct live_part *p, const struct buf *out, size_t n, bool last)
{
	struct slice more = { 0 };

	if (n > p->given)
		more = (struct slice){ out->p + p->given, n - p->given };
	if ((more.n || last) && buf_add(&p->shown, more, SHOWN_MAX) == 0)
		give(c, part, index, p, more, last);
	p->given = p->shown.n;
}

static void look(struct call_state *c, const struct llm_part *part, unsigned index,
		 struct live_part *p, bool last)
{
	/* What another part follows is whole, though not every wire says so. */
	const bool whole = last || part->next;
	const struct slice text = buf_slice(&part->text);
	const struct slice raw = { text.p + p->from, text.n - p->from };
	struct buf out = { 0 };
	size_t n = 0;

	if (p->over || (text.n == p->length && whole == p->whole && !last))
		return;
	p->length = text.n;
	p->whole = whole;
	if (clean(c, part, raw, &out) < 0)
		return;
	if (!still_reads_the_same(p, &out))
		p->cut = true;
	else
		n = whole ? out.n : settled(buf_slice(&out));
	give_up_to(c, part, index, p, &out, n, last);
	buf_done(&out);
	p->over |= last;
	if (!p->over && raw.n > WINDOW_MAX) {
		p->cut = p->over = true;
		give(c, part, index, p, (struct slice){ 0 }, true);
	} else if (!p->over && raw.n > WINDOW) {
		move_window(c, part, p, raw);
	}
}

void live_pieces(struct call_state *c, const struct llm_call *call, bool last)
{
	struct trace *t = c->run->t;
	const struct llm_part *part = call->answer.parts;

	if (!t->sink->live_piece || call->repeats ||
	    (!last && c->live && t->now_ns < c->live->looked_ns + LIVE_EVERY_NS))
		return;
	if (!c->live)
		c->live = calloc(1, sizeof(*c->live));
	if (!c->live)
		return;
	c->live->looked_ns = t->now_ns;
	for (unsigned i = 0; part && i < LIVE_PARTS_MAX; part = part->next, i++)
		if (is_kept(t, part, kind_of(part)))
			look(c, part, i, &c->live->part[i], last);
}

void live_free(struct call_state *c)
{
	for (unsigned i = 0; c->live && i < LIVE_PARTS_MAX; i++)
		buf_done(&c->live->part[i].shown);
	free(c->live);
	c->live = NULL;
}
