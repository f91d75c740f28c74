/* SPDX-License-Identifier: BSD-2-Clause */
/* Values that are secrets because of where they stood: headers of any exchange. */
#include "trace/state.h"

/* "Bearer sk-..." : the scheme is no secret, and the key may turn up without it. */
static void learn_credentials(struct redactor *red, struct slice value)
{
	struct slice scheme, rest;

	redactor_learn(red, value);
	if (slice_cut(value, ' ', &scheme, &rest))
		redactor_learn(red, slice_trim(rest));
}

/* "a=1; b=2; Path=/": the values, each by itself. */
static void learn_cookies(struct redactor *red, struct slice value)
{
	struct slice pair, name, rest = value;

	for (int i = 0; i < 64 && rest.n; i++) {
		if (!slice_cut(rest, ';', &pair, &rest)) {
			pair = rest;
			rest.n = 0;
		}
		if (slice_cut(pair, '=', &name, &pair))
			redactor_learn(red, slice_trim(pair));
	}
}

void learn_head(struct redactor *red, const struct http_message *m)
{
	for (size_t i = 0; i < m->n_headers; i++) {
		const struct http_header *h = &m->headers[i];

		if (!redact_header_is_secret(h->name))
			continue;
		if (slice_ieq(h->name, SLICE("cookie")) || slice_ieq(h->name, SLICE("set-cookie")))
			learn_cookies(red, h->value);
		else
			learn_credentials(red, slice_trim(h->value));
	}
}
