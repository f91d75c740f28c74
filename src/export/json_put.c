/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/json_put.h"

#include "base/format.h"
#include "export/span_json.h"

void put_text(struct json_writer *w, const char *key, struct slice text)
{
	if (text.n == 0)
		return;
	json_key(w, key);
	json_put_str(w, text);
}

void put_number(struct json_writer *w, const char *key, int64_t n)
{
	json_key(w, key);
	json_put_int(w, n);
}

void put_count(struct json_writer *w, const char *key, int64_t n)
{
	if (n != LLM_UNKNOWN)
		put_number(w, key, n);
}

void put_yes(struct json_writer *w, const char *key, bool yes)
{
	if (!yes)
		return;
	json_key(w, key);
	json_put_bool(w, true);
}

void put_json(struct json_writer *w, const char *key, struct slice json)
{
	if (json.n == 0)
		return;
	json_key(w, key);
	json_put_raw(w, json);
}

void put_time(struct json_writer *w, const char *key, uint64_t ns)
{
	if (ns)
		put_number(w, key, (int64_t)ns);
}

void put_time_or_null(struct json_writer *w, const char *key, uint64_t ns)
{
	json_key(w, key);
	if (ns)
		json_put_int(w, (int64_t)ns);
	else
		json_put_null(w);
}

void put_id128(struct json_writer *w, const char *key, const struct id128 *id)
{
	char hex[ID128_HEX_SIZE];

	if (id128_is_zero(id))
		return;
	id128_hex(id, hex);
	put_text(w, key, slice_of(hex));
}

void put_id64(struct json_writer *w, const char *key, const struct id64 *id)
{
	char hex[ID64_HEX_SIZE];

	if (id64_is_zero(id))
		return;
	id64_hex(id, hex);
	put_text(w, key, slice_of(hex));
}

void put_usd(struct json_writer *w, const char *key, int64_t pico_usd)
{
	put_json(w, key, slice_of(format_usd(pico_usd).s));
}

void put_spent(struct json_writer *w, int64_t calls, int64_t unpriced, int64_t pico_usd,
	       int64_t equivalent_pico_usd)
{
	if (calls == 0 || unpriced < calls)
		put_usd(w, "cost_usd", pico_usd);
	if (equivalent_pico_usd > 0)
		put_usd(w, "equivalent_usd", equivalent_pico_usd);
}

void put_usage(struct json_writer *w, const struct llm_usage *u)
{
	json_key(w, "usage");
	json_begin(w, '{');
	usage_json(w, u);
	json_end(w, '}');
}

void put_list(struct json_writer *w, const char *key, struct slice list)
{
	struct slice one;

	json_key(w, key);
	json_begin(w, '[');
	while (slice_cut(list, ',', &one, &list))
		json_put_str(w, slice_trim(one));
	if (list.n)
		json_put_str(w, slice_trim(list));
	json_end(w, ']');
}
