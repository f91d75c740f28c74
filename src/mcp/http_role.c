/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/util.h"
#include "mcp/http_work.h"

static bool is_marked(const struct http_exchange *x)
{
	static const char *const marks[] = { "mcp-session-id", "mcp-protocol-version", "mcp-method",
					     "a2a-version" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (http_header(&x->request, slice_of(marks[i])).n)
			return true;
	return slice_has(http_header(&x->request, SLICE("content-type")), SLICE("a2a+json"));
}

/* A2A's third binding has its methods in the path. */
static const char *rest_method(struct slice path)
{
	static const struct {
		const char *end, *before, *method;
	} methods[] = {
		{ "/message:send", "", "SendMessage" },
		{ "/message:stream", "", "SendStreamingMessage" },
		{ ":cancel", "/tasks/", "CancelTask" },
		{ ":subscribe", "/tasks/", "SubscribeToTask" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (slice_ends(path, slice_of(methods[i].end)) &&
		    slice_has(path, slice_of(methods[i].before)))
			return methods[i].method;
	return NULL;
}

static bool is_card(struct slice path)
{
	return slice_ends(path, SLICE("/.well-known/agent-card.json")) ||
	       slice_ends(path, SLICE("/.well-known/agent.json"));
}

static bool post(const struct http_exchange *x, struct http_work *w)
{
	const struct slice type = http_header(&x->request, SLICE("content-type"));

	w->method = rest_method(http_path(x->path));
	w->role = w->method ? HTTP_REST : HTTP_POST;
	return w->marked || !type.n || slice_has(type, SLICE("json"));
}

static bool get(const struct http_exchange *x, struct http_work *w)
{
	const struct slice path = http_path(x->path);

	w->role = HTTP_CARD;
	if (is_card(path))
		return true;
	w->method = rest_method(path);
	if (!w->method && w->marked && slice_has(path, SLICE("/tasks/")))
		w->method = "GetTask";
	w->role = w->method ? HTTP_REST : HTTP_STREAM;
	return w->marked ||
	       slice_has(http_header(&x->request, SLICE("accept")), SLICE("event-stream"));
}

bool http_role_of(const struct http_exchange *x, struct http_work *w)
{
	w->marked = is_marked(x);
	if (slice_eq(x->method, SLICE("POST")))
		return post(x, w);
	if (slice_eq(x->method, SLICE("GET")))
		return get(x, w);
	w->role = HTTP_DELETE;
	return slice_eq(x->method, SLICE("DELETE")) &&
	       http_header(&x->request, SLICE("mcp-session-id")).n;
}
