/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/har.h"

#include "base/util.h"

#define MONTH_MS (31ll * 86400 * 1000) /* no exchange lasts longer: what says so is nonsense */

/* --- the file --- */

/* What people give instead, by its first bytes. */
static const struct {
	struct slice mark;
	const char *why;
} others[] = {
	{ { "PK\x03\x04", 4 }, "is a ZIP archive: unpack it first" },
	{ { "\x1f\x8b", 2 }, "is compressed: gzip -dc FILE | sonde import -" },
	{ { "\x28\xb5\x2f\xfd", 4 }, "is compressed: zstd -dc FILE | sonde import -" },
	{ { "\xff\xfe", 2 }, "is UTF-16: a HAR is UTF-8" },
	{ { "\xfe\xff", 2 }, "is UTF-16: a HAR is UTF-8" },
	{ { "sonderec", 8 }, "is a recording of sonde: sonde replay reads it" },
};

static const char *why_not(struct slice text)
{
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (slice_starts(text, others[i].mark))
			return others[i].why;
	return text.n ? "is no HAR file: there is no log.entries in it" : "is empty";
}

/* The members of "log", of which the file may end before the last. */
static void read_log(struct slice log, struct har *ret, struct slice *ret_entries)
{
	struct slice key = { 0 }, value;
	struct json_iter it;

	if (!json_object(log, &it))
		return;
	while (json_next_member(&it, &key, &value)) {
		if (slice_eq(key, SLICE("entries")) && !ret_entries->n)
			*ret_entries = value;
		if (!slice_eq(key, SLICE("creator")))
			continue;
		ret->creator = json_member(value, SLICE("name"));
		ret->creator_version = json_member(value, SLICE("version"));
	}
	if (it.bad && slice_eq(key, SLICE("entries")) && !ret_entries->n)
		*ret_entries = it.rest;
}

/* The value of "log", as far as it is there; some leave that level out. */
static struct slice find_log(struct slice text)
{
	struct slice key = { 0 }, value;
	struct json_iter it;

	if (!json_object(text, &it))
		return (struct slice){ 0 };
	while (json_next_member(&it, &key, &value))
		if (slice_eq(key, SLICE("log")))
			return value;
	return it.bad && slice_eq(key, SLICE("log")) ? it.rest : text;
}

bool har_open(struct slice text, struct har *ret, const char **ret_why)
{
	struct slice entries = { 0 };

	*ret = (struct har){ 0 };
	if (slice_starts(text, SLICE("\xef\xbb\xbf")))
		text = slice_from(text, 3);
	read_log(find_log(text), ret, &entries);
	if (json_array(entries, &ret->it))
		return true;
	*ret_why = why_not(text);
	return false;
}

bool har_next(struct har *h, struct slice *ret)
{
	return json_next(&h->it, ret);
}

/* --- an entry --- */

/* A duration in ms as ns; false where it is not told: absent, negative, no number. */
static bool read_ms(struct slice value, int64_t *ret_ns)
{
	int64_t ms;

	return json_scaled(value, 0, &ms) && ms >= 0 && ms <= MONTH_MS && value.p[0] != '-' &&
	       json_scaled(value, 6, ret_ns);
}

enum { BLOCKED, DNS, CONNECT, SEND, WAIT, RECEIVE, N_PHASES };

/* Their sum up to @last; false where none of them is told. (ssl is a part of connect.) */
static bool sum_phases(const struct slice phases[N_PHASES], int last, int64_t *ret_ns)
{
	bool any = false;
	int64_t ns;

	*ret_ns = 0;
	for (int i = 0; i <= last; i++) {
		if (!read_ms(phases[i], &ns))
			continue;
		any = true;
		*ret_ns += ns;
	}
	return any;
}

static void read_start(struct slice started, struct har_entry *ret)
{
	if (started.n > 2 && started.p[0] == '"')
		har_time((struct slice){ started.p + 1, started.n - 2 }, &ret->start_ns);
}

static void read_durations(struct slice time, struct slice timings, struct har_entry *ret)
{
	static const char *const names[N_PHASES] = { "blocked", "dns",	"connect",
						     "send",	"wait", "receive" };
	struct slice phases[N_PHASES];
	int64_t whole, first, wait;

	ret->duration_ns = ret->first_byte_ns = -1;
	json_members(timings, names, phases, N_PHASES);
	if (!read_ms(time, &whole) && !sum_phases(phases, N_PHASES - 1, &whole))
		return;
	ret->duration_ns = whole;
	/* No server answers at once: who writes 0 has not measured. */
	if (!read_ms(phases[WAIT], &wait) || !wait)
		return;
	sum_phases(phases, WAIT, &first);
	if (first <= whole)
		ret->first_byte_ns = first;
}

static bool is_text(struct slice value)
{
	return value.n > 2 && value.p[0] == '"';
}

static void read_response(struct slice response, struct har_entry *ret)
{
	enum { STATUS, ERROR, N };
	static const char *const names[N] = { "status", "_error" };
	struct slice v[N];
	int64_t status;

	if (!json_members(response, names, v, N))
		return;
	ret->broken_off |= is_text(v[ERROR]);
	if (!json_int64(v[STATUS], &status) || status < 100 || status > 999)
		return;
	ret->status = (int)status;
	ret->response = response;
}

bool har_read(struct slice json, struct har_entry *ret)
{
	enum { STARTED, TIME, REQUEST, RESPONSE, TIMINGS, ADDRESS, MESSAGES, EVENTS, ERROR, N };
	static const char *const names[N] = {
		"startedDateTime",
		"time",
		"request",
		"response",
		"timings",
		"serverIPAddress",
		"_webSocketMessages",
		"_eventSourceMessages",
		"_error",
	};
	static const char *const of_request[] = { "method", "url" };
	struct slice v[N], request[2];

	*ret = (struct har_entry){ 0 };
	json_members(json, names, v, N);
	if (!json_members(v[REQUEST], of_request, request, 2) || !is_text(request[0]) ||
	    !is_text(request[1]))
		return false;
	ret->method = request[0];
	ret->url = request[1];
	ret->request = v[REQUEST];
	ret->server_address = v[ADDRESS];
	ret->messages = v[MESSAGES];
	ret->events = v[EVENTS];
	ret->broken_off = is_text(v[ERROR]);
	read_start(v[STARTED], ret);
	read_durations(v[TIME], v[TIMINGS], ret);
	read_response(v[RESPONSE], ret);
	return true;
}
