/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp_send.h"

#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "export/otlp_wire.h"

#define FAULTS_MAX 8 /* answers of 500 to the same request, then it is the request's fault */

struct otlp_sender {
	char url[2048];
	unsigned faults;
	struct http_post *post;
};

static const char *const content_types[] = { "application/x-protobuf", "application/json" };

static void write_url(const struct sink_config *c, const char *signal, char *ret, size_t size)
{
	struct slice base = slice_of(c->endpoint);

	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	snprintf(ret, size, "%.*s/v1/%s", SLICE_ARG(base), signal);
}

void otlp_target(const struct sink_config *c, const char *signal, char *ret, size_t size)
{
	char url[2048];
	const char *host, *at, *end;

	write_url(c, signal, url, sizeof(url));
	host = strstr(url, "://");
	host = host ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	at = memrchr(host, '@', (size_t)(end - host));
	snprintf(ret, size, "%.*s%s", (int)(host - url), url, at ? at + 1 : host);
	ret[strcspn(ret, "?")] = '\0';
}

int otlp_sender_new(const struct sink_config *c, const char *signal, const atomic_bool *stop,
		    struct otlp_sender **ret, char *why, size_t size)
{
	struct otlp_sender *s = calloc(1, sizeof(*s));
	struct http_post_options o = {
		.gzip = c->gzip,
		.headers = c->headers,
		.headers_files = c->headers_file,
		.ca_file = c->ca_file,
		.cert_file = c->cert_file,
		.key_file = c->key_file,
		.timeout_s = (unsigned)(c->timeout_s < 3600 ? c->timeout_s : 3600),
		.stop = stop,
	};
	int r;

	if (!s)
		return -ENOMEM;
	write_url(c, signal, s->url, sizeof(s->url));
	o.url = s->url;
	o.content_type = content_types[c->protocol == SINK_JSON];
	r = http_post_new(&o, &s->post);
	if (r == -EINVAL)
		snprintf(why, size,
			 "endpoint '%s' is no address that begins with http:// or https://",
			 c->endpoint);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void otlp_sender_free(struct otlp_sender *s)
{
	if (!s)
		return;
	http_post_free(s->post);
	free(s);
}

/* --- answers --- */

/* One line of what a receiver says: it is a stranger's. */
static void add_words(char *why, size_t size, struct slice words)
{
	size_t n = strlen(why);

	if (!words.n || n + 3 >= size)
		return;
	why[n++] = ':';
	why[n++] = ' ';
	for (size_t i = 0; i < words.n && i < 160 && n + 1 < size; i++)
		why[n++] = (char)(words.p[i] >= ' ' && words.p[i] <= '~' ? words.p[i] : '.');
	why[n] = '\0';
}

static bool is_json(const struct http_answer *a)
{
	return strcmp(a->content_type, "application/json") == 0;
}

static bool is_protobuf(const struct http_answer *a)
{
	return strcmp(a->content_type, "application/x-protobuf") == 0;
}

/* google.rpc.Status: what OTLP has errors told in. */
static struct slice status_words(const struct http_answer *a)
{
	const struct slice body = buf_slice(&a->body);

	if (is_json(a))
		return json_member(body, SLICE("message"));
	return is_protobuf(a) ? protobuf_bytes(body, 2) : (struct slice){ 0 };
}

static void judge_taken(const struct http_answer *a, struct sink_report *ret)
{
	const struct slice body = buf_slice(&a->body);
	struct otlp_answer answer;
	const bool known = body.n == 0 || is_json(a) || is_protobuf(a);

	if (!known || !otlp_answer_read(body, is_json(a), &answer)) {
		ret->verdict = SINK_RETRY;
		snprintf(ret->why, sizeof(ret->why),
			 "answers with status %d, but not as a receiver of OTLP does", a->status);
		return;
	}
	ret->verdict = SINK_TAKEN;
	ret->rejected = answer.rejected;
	if (answer.rejected) {
		snprintf(ret->why, sizeof(ret->why), "part of a request is rejected");
		add_words(ret->why, sizeof(ret->why), answer.error);
	}
}

static enum sink_verdict verdict_of(int status, unsigned *faults)
{
	*faults = status == 500 ? *faults + 1 : 0;
	switch (status) {
	case 400:
	case 422:
		return SINK_REFUSED;
	case 413:
		return SINK_TOO_LARGE;
	case 500:
		return *faults >= FAULTS_MAX ? SINK_REFUSED : SINK_RETRY;
	default:
		return SINK_RETRY;
	}
}

static const char *advice(int status)
{
	switch (status) {
	case 401:
	case 403:
		return " (look at header and headers_file)";
	case 404:
	case 405:
		return " (is the endpoint the right one, and does it take this signal?)";
	default:
		return status >= 300 && status < 400 ? " (it redirects, which is not followed)"
						     : "";
	}
}

void otlp_judge(const struct http_answer *a, unsigned *faults, struct sink_report *ret)
{
	*ret = (struct sink_report){ .retry_after_s = a->retry_after_s };
	if (a->status >= 200 && a->status < 300) {
		*faults = 0;
		judge_taken(a, ret);
		return;
	}
	ret->verdict = verdict_of(a->status, faults);
	snprintf(ret->why, sizeof(ret->why), "status %d%s", a->status, advice(a->status));
	add_words(ret->why, sizeof(ret->why), status_words(a));
}

void otlp_send(struct otlp_sender *s, struct slice body, struct sink_report *ret)
{
	const struct http_answer *a;
	const int r = http_post_send(s->post, body, &a);

	if (r == 0) {
		otlp_judge(a, &s->faults, ret);
		if (ret->verdict == SINK_REFUSED)
			s->faults = 0;
		return;
	}
	*ret = (struct sink_report){ .verdict = a->timed_out ? SINK_SLOW : SINK_RETRY };
	snprintf(ret->why, sizeof(ret->why), "%s", a->why[0] ? a->why : strerrordesc_np(-r));
}
