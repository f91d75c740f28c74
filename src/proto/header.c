/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/header.h"

struct slice http_header(const struct http_message *m, struct slice name)
{
	for (size_t i = 0; i < m->n_headers; i++)
		if (slice_ieq(m->headers[i].name, name))
			return m->headers[i].value;
	return (struct slice){ 0 };
}

struct slice http_path(struct slice target)
{
	struct slice path = target, query;

	slice_cut(target, '?', &path, &query);
	return path;
}

struct slice header_without_default_port(struct slice host)
{
	if (slice_ends(host, SLICE(":443")))
		host.n -= 4;
	else if (slice_ends(host, SLICE(":80")))
		host.n -= 3;
	return host;
}

void header_add_codings(struct arena *mem, struct buf *all, struct slice list)
{
	if (all->n)
		arena_add(mem, all, SLICE(","));
	arena_add(mem, all, list);
}

void header_content_codings(const struct http_header *headers, size_t n, struct arena *mem,
			    struct buf *all)
{
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(headers[i].name, SLICE("content-encoding")))
			header_add_codings(mem, all, headers[i].value);
}
