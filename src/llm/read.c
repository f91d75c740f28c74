/* SPDX-License-Identifier: BSD-2-Clause */
/* What all formats share in reading requests. */
#include <math.h>

#include <xxhash.h>

#include "llm/format.h"

static void store_field(struct llm_work *w, const struct llm_field *f, struct slice value)
{
	void *dst = (char *)w + f->offset;
	struct slice *text = dst;
	double *d = dst;
	int64_t *n = dst;

	switch (f->type) {
	case LLM_FIELD_RAW:
		if (!text->n && !slice_eq(value, SLICE("null")))
			*text = value;
		break;
	case LLM_FIELD_TEXT:
		if (!text->n)
			*text = json_text(value, w->call.mem);
		break;
	case LLM_FIELD_INT:
		if (*n == LLM_UNKNOWN)
			json_int64(value, n);
		break;
	case LLM_FIELD_DOUBLE:
		if (isnan(*d))
			json_double(value, d);
		break;
	case LLM_FIELD_BOOL:
		*(bool *)dst = *(bool *)dst || slice_eq(value, SLICE("true"));
		break;
	}
}

/* Every field whose path begins with the member @key. */
static void store_member(struct llm_work *w, const struct llm_field *fields, size_t n,
			 struct slice key, struct slice value)
{
	for (size_t i = 0; i < n; i++) {
		const char *path = fields[i].path;
		const size_t head = strcspn(path, ".");

		if (!slice_eq(key, (struct slice){ path, head }))
			continue;
		path += head + (path[head] == '.');
		store_field(w, &fields[i], json_find(value, path));
	}
}

void llm_read_fields(struct llm_work *w, const struct llm_field *fields, size_t n)
{
	struct slice key = { 0 }, value;
	struct json_iter it;

	if (!json_object(w->call.body, &it))
		return;
	while (json_next_member(&it, &key, &value))
		store_member(w, fields, n, key, value);
	if (it.bad && key.n && it.rest.n)
		store_member(w, fields, n, key, it.rest);
}

static void add_item(struct llm_work *w, struct slice raw, size_t *cap)
{
	struct llm_call *call = &w->call;
	const XXH128_hash_t h = XXH3_128bits(raw.p, raw.n);

	if (call->n_items == *cap) {
		const size_t more = *cap ? *cap * 2 : 32;
		struct llm_item *items = NULL;

		if (more <= LLM_ITEMS_MAX)
			items = arena_alloc(call->mem, more * sizeof(*items));
		if (!items) {
			w->overfull = true;
			return;
		}
		if (call->n_items)
			memcpy(items, call->items, call->n_items * sizeof(*items));
		call->items = items;
		*cap = more;
	}
	call->items[call->n_items++] = (struct llm_item){ raw, { h.low64, h.high64 } };
}

void llm_add_item(struct llm_work *w, struct slice raw)
{
	size_t cap = w->call.n_items;

	add_item(w, raw, &cap);
}

bool llm_assistant_said(struct slice item)
{
	return json_is(json_member(item, SLICE("role")), "assistant");
}

void llm_read_items(struct llm_work *w)
{
	const struct llm_format *f = w->call.format;
	struct slice value, said = { 0 };
	struct json_iter it;
	size_t cap = w->call.n_items;

	/* One message, or its text alone, where a list is not a must. */
	if (w->messages.n && (w->messages.p[0] == '"' || w->messages.p[0] == '{')) {
		add_item(w, w->messages, &cap);
		return;
	}
	if (!json_array(w->messages, &it))
		return;
	while (!w->overfull && json_next(&it, &value)) {
		if (f->said(value)) {
			if (!said.n)
				said.p = value.p;
			said.n = (size_t)(value.p + value.n - said.p);
			continue;
		}
		if (said.n)
			add_item(w, said, &cap);
		said.n = 0;
		add_item(w, value, &cap);
	}
	if (said.n)
		add_item(w, said, &cap);
}

/* --- from raw items to messages --- */

void llm_read_item(const struct llm_format *f, struct slice raw, struct arena *mem,
		   struct llm_message *ret)
{
	struct json_iter it = { .rest = raw, .first = true };
	struct slice value;

	/* A run of elements, with the commas between them, as llm_read_items() cut it out. */
	*ret = (struct llm_message){ .role = LLM_ROLE_USER };
	while (json_next(&it, &value))
		f->item(value, mem, ret);
}

void llm_read_system(const struct llm_format *f, struct slice raw, struct arena *mem,
		     struct llm_message *ret)
{
	*ret = (struct llm_message){ .role = LLM_ROLE_SYSTEM };
	f->system(raw, mem, ret);
}

const char *llm_format_name(const struct llm_format *f)
{
	return f->name;
}
