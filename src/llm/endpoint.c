/* SPDX-License-Identifier: BSD-2-Clause */
#include "llm/endpoint.h"

#include "llm/format.h"

static bool is_for(const struct llm_endpoint *e, struct slice host, struct slice path)
{
	struct slice name = host, rest;

	slice_cut(host, ':', &name, &rest);
	if (e->host.n && !llm_host_is(name, e->host) && !slice_ieq(host, e->host))
		return false;
	return !e->path.n || slice_ends(http_path(path), e->path);
}

const struct llm_format *llm_endpoint_format(const struct llm_endpoint *list, struct slice host,
					     struct slice path)
{
	for (; list; list = list->next)
		if (list->format && is_for(list, host, path))
			return list->format;
	return NULL;
}

const char *llm_endpoint_provider(const struct llm_endpoint *list, struct slice host,
				  struct slice path)
{
	for (; list; list = list->next)
		if (list->provider && is_for(list, host, path))
			return list->provider;
	return NULL;
}
