/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "base/utf8.h"

#define MAX_DEFAULT (256u << 20)

static void add(struct json_writer *w, struct slice s)
{
	if (w->r == 0)
		w->r = buf_add(w->out, s, w->max ? w->max : MAX_DEFAULT);
}

static void separate(struct json_writer *w)
{
	if (w->comma)
		add(w, SLICE(","));
	w->comma = true;
}

void json_begin(struct json_writer *w, char open)
{
	separate(w);
	add(w, (struct slice){ &open, 1 });
	w->comma = false;
}

void json_end(struct json_writer *w, char close)
{
	add(w, (struct slice){ &close, 1 });
	w->comma = true;
}

void json_put_key(struct json_writer *w, struct slice key)
{
	json_put_str(w, key);
	add(w, SLICE(":"));
	w->comma = false;
}

void json_key(struct json_writer *w, const char *key)
{
	json_put_key(w, slice_of(key));
}

static void add_escaped(struct json_writer *w, unsigned char c)
{
	static const char short_form[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char text[8];

	for (size_t i = 0; i + 1 < sizeof(short_form); i += 2)
		if ((unsigned char)short_form[i] == c) {
			snprintf(text, sizeof(text), "\\%c", short_form[i + 1]);
			add(w, slice_of(text));
			return;
		}
	snprintf(text, sizeof(text), "\\u%04x", c);
	add(w, slice_of(text));
}

void json_put_str(struct json_writer *w, struct slice s)
{
	separate(w);
	add(w, SLICE("\""));
	for (size_t i = 0; i < s.n;) {
		size_t run = (size_t)(json_scan_plain(s.p + i, s.p + s.n) - s.p), n;

		add(w, (struct slice){ s.p + i, run - i });
		i = run;
		if (i == s.n)
			break;
		n = utf8_char(slice_from(s, i));
		if (n > 1)
			add(w, (struct slice){ s.p + i, n });
		else if (n == 1)
			add_escaped(w, (unsigned char)s.p[i]);
		else
			add(w, SLICE("\xef\xbf\xbd"));
		i += n ? n : 1;
	}
	add(w, SLICE("\""));
}

void json_put_int(struct json_writer *w, int64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	json_put_raw(w, slice_of(text));
}

void json_put_double(struct json_writer *w, double v)
{
	char text[40];

	if (!isfinite(v)) {
		json_put_null(w);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	json_put_raw(w, slice_of(text));
}

void json_put_bool(struct json_writer *w, bool v)
{
	json_put_raw(w, v ? SLICE("true") : SLICE("false"));
}

void json_put_null(struct json_writer *w)
{
	json_put_raw(w, SLICE("null"));
}

void json_put_raw(struct json_writer *w, struct slice json)
{
	separate(w);
	add(w, json);
}
