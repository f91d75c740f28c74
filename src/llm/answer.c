/* SPDX-License-Identifier: BSD-2-Clause */
/* What all formats share in reading answers. */
#include "llm/format.h"

struct slice llm_keep(struct llm_work *w, struct slice value)
{
	const struct slice text = json_text(value, w->call.mem);

	/* Without escapes the text still is the event's. */
	return text.n && text.p == value.p + 1 ? arena_copy(w->call.mem, text) : text;
}

void llm_keep_into(struct llm_work *w, struct slice *dst, struct slice value)
{
	if (value.n > 2 && value.p[0] == '"' &&
	    !slice_eq(*dst, (struct slice){ value.p + 1, value.n - 2 }))
		*dst = llm_keep(w, value);
}

static struct llm_part *find_part(struct llm_message *m, enum llm_part_type type, int index)
{
	struct llm_part *found = NULL;

	if (m->last_part && m->last_part->index == index && m->last_part->type == type)
		return m->last_part;
	for (struct llm_part *p = m->parts; p; p = p->next)
		if (p->index == index && p->type == type)
			found = p;
	return found;
}

/* Moves the last part to where its index belongs. */
static void sort_last(struct llm_message *m)
{
	struct llm_part *last = m->last_part, **at = &m->parts, *end;

	while (*at != last && (*at)->index <= last->index)
		at = &(*at)->next;
	if (*at == last)
		return;
	end = *at;
	while (end->next != last)
		end = end->next;
	end->next = NULL;
	m->last_part = end;
	last->next = *at;
	*at = last;
}

struct llm_part *llm_new_part_at(struct llm_work *w, struct llm_message *m, enum llm_part_type type,
				 int index)
{
	struct llm_part *p;

	if (m->n_parts >= LLM_PARTS_MAX) {
		w->overfull = true;
		return NULL;
	}
	p = llm_add_part(m, w->call.mem, type);
	if (!p)
		return NULL;
	p->index = index;
	sort_last(m);
	return p;
}

struct llm_part *llm_part_at(struct llm_work *w, struct llm_message *m, enum llm_part_type type,
			     int index)
{
	struct llm_part *p = find_part(m, type, index);

	return p ? p : llm_new_part_at(w, m, type, index);
}

void llm_touch(struct llm_work *w, struct llm_part *p)
{
	if (!w->call.streamed)
		return;
	if (!w->call.first_token_ns)
		w->call.first_token_ns = w->now_ns;
	if (!p->start_ns)
		p->start_ns = w->now_ns;
	p->end_ns = w->now_ns;
}

void llm_add_text(struct llm_work *w, struct llm_part *p, struct slice value)
{
	struct slice text;

	if (!p)
		return;
	text = json_text(value, w->call.mem);
	if (!text.n)
		return;
	llm_touch(w, p);
	arena_add(w->call.mem, &p->text, text);
}

bool llm_has_part(const struct llm_message *m, enum llm_part_type type)
{
	for (const struct llm_part *p = m->parts; p; p = p->next)
		if (p->type == type)
			return true;
	return false;
}

bool llm_only_results(const struct llm_message *m)
{
	for (const struct llm_part *p = m->parts; p; p = p->next)
		if (p->type != LLM_PART_TOOL_RESULT)
			return false;
	return m->parts != NULL;
}

/* Texts as they are, numbers as they are spelled, nothing for the rest. */
static struct slice keep_scalar(struct llm_work *w, struct slice value)
{
	if (!value.n || value.p[0] == '{' || value.p[0] == '[' || value.p[0] == 'n')
		return (struct slice){ 0 };
	return value.p[0] == '"' ? llm_keep(w, value) : arena_copy(w->call.mem, value);
}

void llm_read_error(struct llm_work *w, struct slice error)
{
	enum { TYPE, CODE, MESSAGE, DETAIL, STATUS, N };
	static const char *const names[N] = { "type", "code", "message", "detail", "status" };
	struct llm_error *e = &w->call.error;
	struct slice v[N];

	if (!error.n || error.p[0] == 'n')
		return;
	w->answered = true;
	if (!json_members(error, names, v, N)) {
		e->message = keep_scalar(w, error);
		e->type = SLICE("error");
		return;
	}
	e->code = keep_scalar(w, v[CODE]);
	e->message = keep_scalar(w, v[MESSAGE].n ? v[MESSAGE] : v[DETAIL]);
	e->type = keep_scalar(w, v[TYPE]);
	if (!e->type.n)
		e->type = keep_scalar(w, v[STATUS]);
	/* Of a flat one the type is only that of the event. */
	if (!e->type.n || (e->code.n && slice_eq(e->type, SLICE("error"))))
		e->type = e->code.n ? e->code : SLICE("error");
}

void llm_read_usage(struct llm_work *w, struct slice usage, const struct json_int_field *fields,
		    size_t n)
{
	json_find_ints(usage, fields, n, &w->usage);
}

void llm_add_count(int64_t *sum, int64_t n)
{
	if (n > 0 && __builtin_add_overflow(*sum, n, sum))
		*sum = LLM_UNKNOWN;
}

static struct llm_extra *extra_at(struct llm_call *call, const char *attribute)
{
	for (size_t i = 0; i < call->n_extras; i++)
		if (strcmp(call->extras[i].attribute, attribute) == 0)
			return &call->extras[i];
	return call->n_extras < LLM_EXTRAS_MAX ? &call->extras[call->n_extras++] : NULL;
}

void llm_add_extra(struct llm_work *w, const char *attribute, int64_t number)
{
	struct llm_extra *e = number >= 0 ? extra_at(&w->call, attribute) : NULL;

	if (e)
		*e = (struct llm_extra){ .attribute = attribute, .number = number };
}

void llm_add_extra_text(struct llm_work *w, const char *attribute, struct slice text)
{
	struct llm_extra *e = text.n ? extra_at(&w->call, attribute) : NULL;

	if (e)
		*e = (struct llm_extra){ attribute, LLM_UNKNOWN, text };
}

void llm_finish(struct llm_work *w, struct llm_message *m, struct slice value,
		const struct llm_word *words, size_t n)
{
	const struct slice raw = llm_keep(w, value);

	if (!raw.n)
		return;
	w->answered = true;
	m->finish_as_sent = raw;
	if (m == &w->call.answer)
		w->call.finish_reason = raw;
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(raw, slice_of(words[i].wire))) {
			m->finish_reason = slice_of(words[i].ours);
			return;
		}
}

void llm_inclusive_usage(struct llm_work *w)
{
	w->call.usage = w->usage;
}

void llm_read_credits(struct llm_work *w, struct slice object)
{
	if (strcmp(w->call.provider, "github_copilot") == 0)
		json_int64(json_find(object, "copilot_usage.total_nano_aiu"), &w->call.nano_aiu);
}

void llm_set_cost(struct llm_work *w, int64_t pico_usd)
{
	if (pico_usd >= 0)
		w->call.provider_cost_pico_usd = pico_usd;
}

/* Dollars as decimals; a router that used the customer's own key (byok) charges its fee only. */
void llm_read_cost(struct llm_work *w, struct slice usage)
{
	int64_t cost, upstream;

	if (json_scaled(json_find(usage, "cost"), 12, &cost) ||
	    json_scaled(json_find(usage, "cost.total_cost"), 12, &cost)) { /* Perplexity */
		if (slice_eq(json_find(usage, "is_byok"), SLICE("true")) &&
		    json_scaled(json_find(usage, "cost_details.upstream_inference_cost"), 12,
				&upstream) &&
		    __builtin_add_overflow(cost, upstream, &cost))
			return;
		llm_set_cost(w, cost);
	} else if (json_int64(json_find(usage, "cost_in_usd_ticks"), &cost) && /* 10^10 a dollar */
		   !__builtin_mul_overflow(cost, 100, &cost)) {
		llm_set_cost(w, cost);
	}
}

struct slice llm_event_type(const struct frame *f, struct slice member)
{
	const struct slice in_data = json_member(f->data, member);

	return in_data.n > 2 && in_data.p[0] == '"' ? (struct slice){ in_data.p + 1, in_data.n - 2 }
						    : f->type;
}

bool llm_read_by_type(struct llm_work *w, struct slice type, struct slice data,
		      const struct llm_reader *readers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(type, slice_of(readers[i].type))) {
			readers[i].read(w, data);
			return true;
		}
	return false;
}
