/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/utf8.h"
#include "base/util.h"

#define ID_MAX 16 /* bytes */

static const struct otlp_field attr_key = { 1, "key" };
static const struct otlp_field attr_value = { 2, "value" };
static const struct otlp_field value_string = { 1, "stringValue" };
static const struct otlp_field value_bool = { 2, "boolValue" };
static const struct otlp_field value_int = { 3, "intValue" };
static const struct otlp_field value_double = { 4, "doubleValue" };
static const struct otlp_field value_array = { 5, "arrayValue" };
static const struct otlp_field array_values = { 1, "values" };

void otlp_writer_init(struct otlp_writer *w, bool json, struct buf *out)
{
	*w = (struct otlp_writer){ .json = json, .j = { .out = out }, .p = { .out = out } };
}

int otlp_error(const struct otlp_writer *w)
{
	return w->json ? w->j.r : w->p.r;
}

void otlp_fail(struct otlp_writer *w, int r)
{
	int *first = w->json ? &w->j.r : &w->p.r;

	if (*first == 0)
		*first = r;
}

void otlp_begin_all(struct otlp_writer *w)
{
	if (w->json)
		json_begin(&w->j, '{');
}

void otlp_end_all(struct otlp_writer *w)
{
	if (w->json)
		json_end(&w->j, '}');
}

void otlp_begin(struct otlp_writer *w, const struct otlp_field *f)
{
	if (w->json)
		json_key(&w->j, f->name);
	otlp_begin_item(w, f);
}

void otlp_end(struct otlp_writer *w)
{
	if (w->json)
		json_end(&w->j, '}');
	else
		protobuf_end(&w->p);
}

void otlp_begin_list(struct otlp_writer *w, const struct otlp_field *f)
{
	if (!w->json)
		return;
	json_key(&w->j, f->name);
	json_begin(&w->j, '[');
}

void otlp_end_list(struct otlp_writer *w)
{
	if (w->json)
		json_end(&w->j, ']');
}

void otlp_begin_item(struct otlp_writer *w, const struct otlp_field *f)
{
	if (w->json)
		json_begin(&w->j, '{');
	else
		protobuf_begin(&w->p, f->number);
}

/* The bytes of @s that are UTF-8, others replaced, or @s itself where all are. */
static int as_utf8(struct slice s, struct buf *own, struct slice *ret)
{
	size_t start = 0, at = 0, n;
	bool sound = true;
	int r = 0;

	while (at < s.n && r == 0) {
		n = utf8_char(slice_from(s, at));
		if (n == 0) {
			r = buf_add(own, (struct slice){ s.p + start, at - start }, SIZE_MAX);
			if (r == 0)
				r = buf_add(own, SLICE("\xef\xbf\xbd"), SIZE_MAX);
			start = at + 1;
			sound = false;
		}
		at += n ? n : 1;
	}
	if (r == 0 && !sound)
		r = buf_add(own, slice_from(s, start), SIZE_MAX);
	*ret = sound ? s : buf_slice(own);
	return r;
}

/* An empty string that is told to be there must be there: a value, not a member. */
static void put_text(struct otlp_writer *w, const struct otlp_field *f, struct slice s)
{
	struct buf clean = { 0 };

	if (w->json) {
		json_key(&w->j, f->name);
		json_put_str(&w->j, s);
		return;
	}
	const int r = as_utf8(s, &clean, &s);

	if (r < 0)
		otlp_fail(w, r);
	protobuf_put_bytes(&w->p, f->number, s);
	buf_done(&clean);
}

void otlp_text(struct otlp_writer *w, const struct otlp_field *f, struct slice s)
{
	if (s.n)
		put_text(w, f, s);
}

void otlp_id(struct otlp_writer *w, const struct otlp_field *f, const void *id, size_t n)
{
	char hex[2 * ID_MAX + 1] = "";

	if (!w->json) {
		protobuf_put_bytes(&w->p, f->number, (struct slice){ id, n });
		return;
	}
	for (size_t i = 0; i < n && i < ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)id)[i]);
	json_key(&w->j, f->name);
	json_put_str(&w->j, slice_of(hex));
}

void otlp_enum(struct otlp_writer *w, const struct otlp_field *f, uint32_t v)
{
	if (!w->json) {
		protobuf_put_varint(&w->p, f->number, v);
		return;
	}
	json_key(&w->j, f->name);
	json_put_int(&w->j, v);
}

/* JSON numbers have 53 bits: those of 64 are strings. */
static void put_decimal(struct json_writer *j, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	json_put_str(j, slice_of(text));
}

void otlp_fixed64(struct otlp_writer *w, const struct otlp_field *f, uint64_t v)
{
	if (!w->json) {
		protobuf_put_fixed64(&w->p, f->number, v);
		return;
	}
	json_key(&w->j, f->name);
	put_decimal(&w->j, v);
}

static void put_int(struct otlp_writer *w, const struct otlp_field *f, int64_t v)
{
	char text[24];

	if (!w->json) {
		protobuf_put_varint(&w->p, f->number, (uint64_t)v);
		return;
	}
	snprintf(text, sizeof(text), "%" PRId64, v);
	json_key(&w->j, f->name);
	json_put_str(&w->j, slice_of(text));
}

void otlp_double(struct otlp_writer *w, const struct otlp_field *f, double v)
{
	if (!w->json) {
		protobuf_put_double(&w->p, f->number, v);
		return;
	}
	json_key(&w->j, f->name);
	json_put_double(&w->j, v);
}

void otlp_bool(struct otlp_writer *w, const struct otlp_field *f, bool v)
{
	if (!w->json) {
		protobuf_put_varint(&w->p, f->number, v);
		return;
	}
	json_key(&w->j, f->name);
	json_put_bool(&w->j, v);
}

void otlp_counts(struct otlp_writer *w, const struct otlp_field *f, const uint64_t *v, size_t n)
{
	if (!w->json)
		protobuf_begin(&w->p, f->number);
	otlp_begin_list(w, f);
	for (size_t i = 0; i < n; i++)
		if (w->json)
			put_decimal(&w->j, v[i]);
		else
			protobuf_put_packed64(&w->p, v[i]);
	otlp_end_list(w);
	if (!w->json)
		protobuf_end(&w->p);
}

void otlp_bounds(struct otlp_writer *w, const struct otlp_field *f, const double *v, size_t n)
{
	uint64_t bits;

	if (!w->json)
		protobuf_begin(&w->p, f->number);
	otlp_begin_list(w, f);
	for (size_t i = 0; i < n; i++) {
		memcpy(&bits, &v[i], sizeof(bits));
		if (w->json)
			json_put_double(&w->j, v[i]);
		else
			protobuf_put_packed64(&w->p, bits);
	}
	otlp_end_list(w);
	if (!w->json)
		protobuf_end(&w->p);
}

/* A JSON array of strings; what is none of them stands as its text. */
static void put_strings(struct otlp_writer *w, struct slice list)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(list.n + 4096);
	struct slice item;
	struct json_iter it;

	otlp_begin(w, &value_array);
	otlp_begin_list(w, &array_values);
	if (!mem)
		otlp_fail(w, -ENOMEM);
	if (mem && json_array(list, &it))
		while (json_next(&it, &item)) {
			otlp_begin_item(w, &array_values);
			put_text(w, &value_string,
				 item.n && item.p[0] == '"' ? json_text(item, mem) : item);
			otlp_end(w);
		}
	otlp_end_list(w);
	otlp_end(w);
}

void otlp_attr(struct otlp_writer *w, const struct otlp_field *list, const struct attr *a)
{
	otlp_begin_item(w, list);
	put_text(w, &attr_key, slice_of(a->name));
	otlp_begin(w, &attr_value);
	switch (a->type) {
	case ATTR_STRING:
		put_text(w, &value_string, a->s);
		break;
	case ATTR_INT:
		put_int(w, &value_int, a->i);
		break;
	case ATTR_DOUBLE:
		otlp_double(w, &value_double, a->d);
		break;
	case ATTR_BOOL:
		otlp_bool(w, &value_bool, a->i != 0);
		break;
	case ATTR_STRINGS:
		put_strings(w, a->s);
		break;
	}
	otlp_end(w);
	otlp_end(w);
}

/* --- answers --- */

static bool read_protobuf(struct slice body, struct otlp_answer *ret)
{
	const struct slice partial = protobuf_bytes(body, 1);
	struct protobuf_field f;
	uint64_t rejected = 0;

	while (protobuf_next(&body, &f))
		;
	if (body.n)
		return false;
	protobuf_number(partial, 1, &rejected);
	ret->rejected = rejected > INT64_MAX ? 0 : (int64_t)rejected;
	ret->error = protobuf_bytes(partial, 2);
	return true;
}

/* Numbers of 64 bits are strings, or numbers all the same. */
static int64_t read_decimal(struct slice v)
{
	uint64_t n = 0;

	if (v.n > 2 && v.p[0] == '"')
		v = (struct slice){ v.p + 1, v.n - 2 };
	return slice_u64(v, &n) && n <= INT64_MAX ? (int64_t)n : 0;
}

static bool read_json(struct slice body, struct otlp_answer *ret)
{
	static const char *const rejected[] = { "rejectedSpans", "rejectedDataPoints",
						"rejectedLogRecords" };
	const struct slice partial = json_member(body, SLICE("partialSuccess"));
	struct json_iter it;

	if (!json_valid(body) || !json_object(body, &it))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rejected) && !ret->rejected; i++)
		ret->rejected = read_decimal(json_member(partial, slice_of(rejected[i])));
	ret->error = json_member(partial, SLICE("errorMessage"));
	return true;
}

bool otlp_answer_read(struct slice body, bool json, struct otlp_answer *ret)
{
	*ret = (struct otlp_answer){ 0 };
	if ((json ? slice_trim(body).n : body.n) == 0)
		return true;
	return json ? read_json(body, ret) : read_protobuf(body, ret);
}
