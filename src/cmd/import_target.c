/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/util.h"
#include "cmd/import.h"

static const struct {
	struct slice scheme;
	uint16_t port;
} schemes[] = {
	{ { "https://", 8 }, 443 },
	{ { "http://", 7 }, 80 },
	{ { "wss://", 6 }, 443 },
	{ { "ws://", 5 }, 80 },
};

/* Splits a port off "host:port", "[::1]:port"; 0 where there is none. */
static uint16_t cut_port(struct slice *host)
{
	const char *colon = host->n ? memrchr(host->p, ':', host->n) : NULL;
	uint64_t port;

	if (!colon || !slice_u64(slice_from(*host, (size_t)(colon - host->p) + 1), &port) ||
	    port > 65535 || (host->p[0] == '[' && colon[-1] != ']'))
		return 0;
	host->n = (size_t)(colon - host->p);
	return (uint16_t)port;
}

/* The authority: without user and password, without the scheme's own port. */
static void read_host(struct slice authority, uint16_t default_port, struct import_target *ret)
{
	const char *at = authority.n ? memrchr(authority.p, '@', authority.n) : NULL;
	struct slice host = at ? slice_from(authority, (size_t)(at - authority.p) + 1) : authority;
	struct slice name = host;
	const uint16_t port = cut_port(&name);

	ret->port = port ? port : default_port;
	ret->host = port == default_port || !port ? name : host;
}

/* Up to the first of "/?#": what follows is the target. */
static struct slice take_authority(struct slice *rest)
{
	struct slice s = *rest;
	size_t n = 0;

	while (n < s.n && !strchr("/?#", s.p[n]))
		n++;
	*rest = slice_from(s, n);
	return (struct slice){ s.p, n };
}

void import_target(struct slice url, const struct http_message *request, struct import_target *ret)
{
	struct slice fragment;

	*ret = (struct import_target){ 0 };
	url = slice_trim(url);
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (!slice_istarts(url, schemes[i].scheme))
			continue;
		url = slice_from(url, schemes[i].scheme.n);
		read_host(take_authority(&url), schemes[i].port, ret);
		break;
	}
	slice_cut(url, '#', &url, &fragment);
	ret->path = url.n ? url : SLICE("/");
	if (!ret->host.n)
		read_host(http_header(request, SLICE("host")), 0, ret);
	if (!ret->host.n)
		read_host(http_header(request, SLICE(":authority")), 0, ret);
}
