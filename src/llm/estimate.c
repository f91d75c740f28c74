/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many tokens a call used where its provider did not say.
 *
 * No tokenizer is asked: each model has its own, and most are not published. Text is cut as the
 * tokenizers in use cut it before they look at their tables (words, groups of three digits, runs of
 * punctuation, line ends), and each piece counts what it costs on average; scripts without spaces
 * count by character. The weights were fitted to one widely used tokenizer, by least squares of the
 * relative error, on prose, source code, JSON and a dozen languages, and then rounded: of the texts
 * that they were fitted on, half are off by less than 4 %, nine of ten by less than 12 %. What
 * messages and tools cost beside their text is added.
 *
 * Whole calls, of 1,259 public recordings of chats whose usage was taken away: an input was
 * estimated at 0.97 of what was told (median; 0.91 to 1.09 for nine of ten), at 0.95 with tools
 * (0.27 to 1.54), at 0.87 with a schema for the answer (0.77 to 1.08), an output at 0.97 (0.67
 * to 1.23). The worst are too low: Claude with tools, whose provider adds prompts of its own, and
 * answers to reasoning that was sent back encrypted. tests/estimate/measure.py measures the same on
 * any folder of recordings.
 *
 * Not estimated: what media cost, what the server keeps of a conversation, reasoning that was not
 * shown.
 */
#include "base/utf8.h"
#include "llm/format.h"

#define SCRATCH_MAX ((size_t)128 << 20)

/* In thousandths of a token. */
enum {
	WORD = 870,
	WORD_LETTER = 210, /* each after the sixth */
	WORD_HUMP = 340,   /* a capital inside of a word */
	ACCENT = 390,	   /* each letter of Latin that ASCII has not */
	DIGITS = 1400,	   /* up to three */
	PUNCTUATION = 770,
	PUNCTUATION_MORE = 270,
	LINE_END = 930, /* any number, with what indents the next line */
	BLANKS = 1200,	/* two or more within a line */
	/* by character */
	CYRILLIC = 240,
	GREEK_TO_ARABIC = 400,
	INDIC = 400,
	SYMBOL = 1000,
	HAN_KANA = 680,
	HANGUL = 660,
	OTHER = 1500,

	MESSAGE = 4000, /* role and what marks its ends */
	CALL = 3000,	/* what begins the answer */
	TOOL_CALL = 8000,
	TOOLS_PART = 600, /* of 1000: schemas are given to models in a shorter notation */
};

/* --- text --- */

enum { SPACE, NEWLINE, LETTER, ACCENTED, DIGIT, PUNCT, WIDE };

/* Beginnings of ranges; each goes to the next one's. */
static const struct {
	uint32_t from;
	uint16_t weight;
} scripts[] = {
	{ 0x250, GREEK_TO_ARABIC }, { 0x400, CYRILLIC },  { 0x530, GREEK_TO_ARABIC },
	{ 0x900, INDIC },	    { 0x1e00, ACCENT },	  { 0x1f00, GREEK_TO_ARABIC },
	{ 0x2000, SYMBOL },	    { 0x2e80, HAN_KANA }, { 0xac00, HANGUL },
	{ 0xd7b0, OTHER },	    { 0xf900, HAN_KANA }, { 0xfb00, OTHER },
	{ 0xff00, HAN_KANA },	    { 0xfff0, OTHER },	  { 0x20000, HAN_KANA },
	{ 0x32000, OTHER },
};

static bool is_ascii_letter(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int kind_of(uint32_t c)
{
	if (c == ' ' || c == '\t')
		return SPACE;
	if (c == '\n' || c == '\r')
		return NEWLINE;
	if (is_ascii_letter(c))
		return LETTER;
	if (c >= '0' && c <= '9')
		return DIGIT;
	if (c < 0x80)
		return PUNCT;
	if ((c >= 0xc0 && c < 0x250) || (c >= 0x1e00 && c < 0x1f00))
		return ACCENTED;
	return WIDE;
}

static uint64_t script_weight(uint32_t c)
{
	uint64_t weight = SYMBOL;

	for (size_t i = 0; i < ARRAY_SIZE(scripts) && scripts[i].from <= c; i++)
		weight = scripts[i].weight;
	return weight;
}

/* A run that goes on, and what it has cost. */
struct run {
	int kind;
	size_t n;
	bool lower; /* the last letter was none of the capitals */
};

static uint64_t letter_cost(struct run *r, bool capital)
{
	uint64_t cost = r->n == 1 ? WORD : r->n > 6 ? WORD_LETTER : 0;

	if (capital && r->lower)
		cost += WORD_HUMP;
	r->lower = !capital;
	return cost;
}

/* What the newest character of a run adds. */
static uint64_t run_cost(struct run *r, bool capital)
{
	switch (r->kind) {
	case LETTER:
		return letter_cost(r, capital);
	case DIGIT:
		return r->n % 3 == 1 ? DIGITS : 0;
	case PUNCT:
		return r->n == 1 ? PUNCTUATION : PUNCTUATION_MORE;
	case NEWLINE:
		return r->n == 1 ? LINE_END : 0;
	case SPACE:
		return r->n == 2 ? BLANKS : 0;
	}
	return 0;
}

/* What one more character adds. */
static uint64_t cost_of(struct run *r, uint32_t c)
{
	const int own = kind_of(c);
	int kind = own == ACCENTED ? LETTER : own;

	if (own == WIDE) {
		*r = (struct run){ .kind = WIDE };
		return script_weight(c);
	}
	/* What indents a line belongs to its end. */
	if (kind == SPACE && r->kind == NEWLINE)
		kind = NEWLINE;
	if (!r->n || kind != r->kind)
		*r = (struct run){ .kind = kind };
	r->n++;
	return run_cost(r, c >= 'A' && c <= 'Z') + (own == ACCENTED ? ACCENT : 0);
}

/* The first character of what is not empty; bytes that are none count as one each. */
static size_t next_char(struct slice s, uint32_t *ret)
{
	static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const size_t n = utf8_char(s);

	if (!n) {
		*ret = 0xfffd;
		return 1;
	}
	*ret = (unsigned char)s.p[0] & lead[n];
	for (size_t i = 1; i < n; i++)
		*ret = *ret << 6 | ((unsigned char)s.p[i] & 0x3f);
	return n;
}

uint64_t llm_estimate_text(struct slice text)
{
	struct run r = { 0 };
	uint64_t sum = 0;
	uint32_t c;

	while (text.n) {
		text = slice_from(text, next_char(text, &c));
		sum += cost_of(&r, c);
	}
	return sum;
}

/* --- messages --- */

static uint64_t count_numbers(struct slice array)
{
	struct json_iter it;
	struct slice value;
	uint64_t n = 0;

	if (!json_array(array, &it))
		return 0;
	while (json_next(&it, &value))
		n++;
	return n;
}

/* False where a part says nothing about its tokens. */
static bool add_part(const struct llm_part *p, uint64_t *sum)
{
	const struct slice text = buf_slice(&p->text);

	if (p->type == LLM_PART_MEDIA)
		return false;
	if (p->type == LLM_PART_OTHER && slice_eq(p->name, SLICE("tokens"))) {
		*sum += 1000 * count_numbers(text);
		return true;
	}
	*sum += llm_estimate_text(text);
	if (p->type == LLM_PART_TOOL_CALL)
		*sum += TOOL_CALL + llm_estimate_text(p->name);
	return true;
}

static bool add_message(const struct llm_message *m, uint64_t *sum)
{
	for (const struct llm_part *p = m->parts; p; p = p->next)
		if (!add_part(p, sum))
			return false;
	return true;
}

static int64_t tokens(uint64_t thousandths)
{
	const uint64_t n = (thousandths + 500) / 1000;

	return n > INT64_MAX ? LLM_UNKNOWN : (int64_t)n;
}

/* The schema that an answer has to follow is given to the model as tools' schemas are. */
static uint64_t estimate_schema(struct slice body)
{
	static const char *const paths[] = {
		"response_format.json_schema",	       "text.format.schema",
		"output_config.format.schema",	       "generationConfig.responseSchema",
		"generationConfig.responseJsonSchema",
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		sum += llm_estimate_text(json_find(body, paths[i]));
	return sum * TOOLS_PART / 1000;
}

static int64_t estimate_input(const struct llm_call *call)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(SCRATCH_MAX);
	const bool chat =
		!call->format->no_output && strcmp(call->operation, "text_completion") != 0;
	uint64_t sum = chat ? CALL : 0;
	struct llm_message m;

	if (!mem || call->body_cut || call->previous_response_id.n || !call->n_items)
		return LLM_UNKNOWN;
	for (size_t i = 0; i < call->n_items; i++) {
		llm_read_item(call->format, call->items[i].raw, mem, &m);
		if (!add_message(&m, &sum))
			return LLM_UNKNOWN;
		sum += chat ? MESSAGE : 0;
	}
	if (call->system.n) {
		llm_read_system(call->format, call->system, mem, &m);
		add_message(&m, &sum);
		sum += MESSAGE;
	}
	sum += llm_estimate_text(call->tools) * TOOLS_PART / 1000 + estimate_schema(call->body);
	return arena_failed(mem) ? LLM_UNKNOWN : tokens(sum);
}

/* What stopped at the limit that was asked for has used it. */
static int64_t estimate_output(const struct llm_call *call)
{
	uint64_t sum = 0;

	if (call->format->no_output || call->http->response.lost_bytes)
		return LLM_UNKNOWN;
	if (slice_eq(call->answer.finish_reason, SLICE("length")) && call->max_tokens > 0 &&
	    !call->answer.alternative)
		return call->max_tokens;
	for (const struct llm_message *m = &call->answer; m; m = m->alternative)
		if (!add_message(m, &sum))
			return LLM_UNKNOWN;
	return tokens(sum);
}

void llm_estimate(const struct llm_call *call, int64_t *ret_input, int64_t *ret_output)
{
	*ret_input = estimate_input(call);
	*ret_output = estimate_output(call);
}

/* Whether something was used that nobody counted. */
static bool lacks_usage(const struct llm_work *w)
{
	const struct llm_call *call = &w->call;

	if (call->http->status < 200 || call->http->status >= 300 || !w->answered ||
	    call->format->no_estimate || call->usage.images != LLM_UNKNOWN ||
	    (call->single && !call->format->no_output))
		return false;
	if (call->format->no_output)
		return call->usage.input == LLM_UNKNOWN && call->done;
	/* One that was only accepted, or failed before it said anything, has used nothing. */
	return (call->usage.input == LLM_UNKNOWN || call->usage.output == LLM_UNKNOWN) &&
	       (call->answer.parts || (call->finish_reason.n && !call->error.type.n));
}

static void fill(struct llm_usage *u, int64_t *count, int64_t estimate, int which)
{
	if (*count != LLM_UNKNOWN || estimate == LLM_UNKNOWN)
		return;
	*count = estimate;
	u->estimated |= which;
}

void llm_fill_usage(struct llm_work *w)
{
	struct llm_usage *u = &w->call.usage;
	int64_t input, output;

	if (!lacks_usage(w))
		return;
	llm_estimate(&w->call, &input, &output);
	fill(u, &u->input, input, LLM_ESTIMATED_INPUT);
	if (!w->overfull && !w->over_limit)
		fill(u, &u->output, output, LLM_ESTIMATED_OUTPUT);
}
