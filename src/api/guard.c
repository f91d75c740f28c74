/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/guard.h"

#include "base/util.h"

const char *const guard_headers[][2] = {
	{ GUARD_CSP,
	  "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; "
	  "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ NULL, NULL },
};

static const char *const loopback_names[] = { "localhost", "127.0.0.1", "[::1]" };

bool guard_add(struct guard *g, struct slice name)
{
	if (g->n_names == GUARD_NAMES_MAX)
		return false;
	g->names[g->n_names++] = name;
	return true;
}

static bool is_port(struct slice port)
{
	uint64_t n;

	return port.n >= 1 && port.n <= 5 && slice_u64(port, &n) && n >= 1 && n <= 65535;
}

/* "name", "name:80", "[::1]:80": the name, with its brackets. */
static bool cut_port(struct slice host, struct slice *ret_name)
{
	const char *end = host.n && host.p[0] == '[' ? memchr(host.p, ']', host.n)
			  : host.n		     ? memchr(host.p, ':', host.n)
						     : NULL;
	size_t n = host.n;

	if (host.n && host.p[0] == '[' && !end)
		return false;
	if (end)
		n = (size_t)(end - host.p) + (*end == ']');
	*ret_name = (struct slice){ host.p, n };
	return n == host.n || (host.p[n] == ':' && is_port(slice_from(host, n + 1)));
}

bool guard_host(const struct guard *g, struct slice host)
{
	struct slice name, added;

	if (!host.n || !cut_port(host, &name))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(loopback_names); i++)
		if (slice_ieq(name, slice_of(loopback_names[i])))
			return true;
	for (size_t i = 0; i < g->n_names; i++)
		if (cut_port(g->names[i], &added) && slice_ieq(name, added))
			return true;
	return slice_ieq(name, g->own);
}

/* Another port is another program's. */
static bool is_added(const struct guard *g, struct slice at)
{
	for (size_t i = 0; i < g->n_names; i++)
		if (slice_ieq(at, g->names[i]))
			return true;
	return false;
}

bool guard_origin(const struct guard *g, struct slice origin, struct slice host)
{
	struct slice at, name;

	if (slice_starts(origin, SLICE("http://")))
		at = slice_from(origin, 7);
	else if (slice_starts(origin, SLICE("https://")))
		at = slice_from(origin, 8);
	else
		return false;
	if (!at.n || !cut_port(at, &name))
		return false;
	/* Behind a proxy the page has the name that was added, and we are asked by another. */
	return slice_ieq(at, host) || is_added(g, at);
}

struct slice guard_cookie(struct slice header, struct slice name)
{
	struct slice part, key, value;

	while (header.n) {
		if (!slice_cut(header, ';', &part, &header)) {
			part = header;
			header.n = 0;
		}
		if (slice_cut(part, '=', &key, &value) && slice_eq(slice_trim(key), name))
			return slice_trim(value);
	}
	return (struct slice){ NULL, 0 };
}

struct slice guard_bearer(struct slice header)
{
	if (!slice_istarts(header, SLICE("Bearer ")))
		return (struct slice){ NULL, 0 };
	return slice_trim(slice_from(header, 7));
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("/-_.~?=&%:,+@!*()", c));
}

bool guard_target(struct slice target)
{
	if (!target.n || target.n > 2048 || target.p[0] != '/')
		return false;
	if (target.n > 1 && target.p[1] == '/')
		return false; /* another host */
	for (size_t i = 0; i < target.n; i++)
		if (!is_plain(target.p[i]))
			return false;
	return !slice_starts(target, SLICE("/api/")) && !slice_starts(target, SLICE("/open"));
}

bool guard_is_json(struct slice type)
{
	struct slice kind, rest;

	if (!slice_cut(type, ';', &kind, &rest))
		kind = type;
	return slice_ieq(slice_trim(kind), SLICE("application/json"));
}
