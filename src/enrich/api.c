/* SPDX-License-Identifier: BSD-2-Clause */
#include "enrich/api.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enrich/pod_watch.h"

#define TOKEN_MAX      16384
#define CONNECT_MS     10000L
#define ANSWER_S       60L  /* of what comes soon */
#define SLOW_BYTES     100L /* a second: what is slower than that for SLOW_S comes never */
#define SLOW_S	       20L
#define ERROR_BODY_MAX 4096 /* bytes of an answer that is none */
#define HTTP_OK	       200

struct api {
	CURL *curl;
	struct curl_slist *headers;
	char *server, *token_file, *ca_file;
	bool tls;
};

struct transfer {
	struct api *a;
	struct api_get *g;
	size_t error_bytes;
	int r;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int api_new(const struct api_config *c, struct api **ret)
{
	const bool tls = strncasecmp(c->server, "https://", 8) == 0;
	struct api *a;

	if (!tls && strncasecmp(c->server, "http://", 7) != 0)
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->tls = tls;
	a->server = strdup(c->server);
	a->token_file = c->token_file ? strdup(c->token_file) : NULL;
	a->ca_file = c->ca_file ? strdup(c->ca_file) : NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	a->curl = curl_easy_init();
	if (!a->curl || !a->server || (c->token_file && !a->token_file) ||
	    (c->ca_file && !a->ca_file)) {
		api_free(a);
		return -ENOMEM;
	}
	for (size_t n = strlen(a->server); n > 8 && a->server[n - 1] == '/'; n--)
		a->server[n - 1] = '\0';
	*ret = a;
	return 0;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	curl_slist_free_all(a->headers);
	if (a->curl)
		curl_easy_cleanup(a->curl);
	free(a->server);
	free(a->token_file);
	free(a->ca_file);
	free(a);
}

/* --- the token --- */

/* A token is one word; what else stands in the file must not become a header of its own. */
static size_t read_token(const char *path, char *ret, size_t size)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
	size_t len = 0;

	while (n > 0 && len < (size_t)n && isgraph((unsigned char)ret[len]))
		len++;
	if (n > 0)
		explicit_bzero(ret + len, (size_t)n - len);
	ret[len] = '\0';
	return len;
}

static int set_headers(struct api *a)
{
	static const char bearer[] = "Authorization: Bearer ";
	static char text[sizeof(bearer) + TOKEN_MAX];
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json"), *longer;

	curl_slist_free_all(a->headers);
	a->headers = list;
	memcpy(text, bearer, sizeof(bearer));
	if (!list)
		return -ENOMEM;
	if (!a->tls || !a->token_file ||
	    read_token(a->token_file, text + sizeof(bearer) - 1, TOKEN_MAX) == 0)
		return 0;
	longer = curl_slist_append(list, text);
	explicit_bzero(text, sizeof(text));
	return longer ? 0 : -ENOMEM;
}

/* --- a request --- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct slice piece = { p, size * n };
	long status = 0;

	curl_easy_getinfo(t->a->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != HTTP_OK) {
		const size_t room = ERROR_BODY_MAX - t->error_bytes;

		if (piece.n > room)
			piece.n = room;
		t->error_bytes += piece.n;
	}
	t->r = t->g->body(t->g->ctx, piece);
	return t->r < 0 ? CURL_WRITEFUNC_ERROR : size * n;
}

static int on_progress(void *ctx, curl_off_t all, curl_off_t now, curl_off_t up_all, curl_off_t up)
{
	struct transfer *t = ctx;

	(void)all, (void)now, (void)up_all, (void)up;
	if (!t->g->stop(t->g->ctx))
		return 0;
	t->r = -ECANCELED;
	return 1;
}

static void set_manners(CURL *c, const struct api *a)
{
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, a->tls ? "https" : "http");
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "sonde/" SONDE_VERSION);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPINTVL, 10L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	/* Read for each new connection: it is replaced as the token is. */
	if (a->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, a->ca_file);
}

int api_get(struct api *a, struct api_get *g)
{
	_cleanup_(buf_done) struct buf url = { 0 };
	struct transfer t = { .a = a, .g = g };
	const uint64_t begin = now_ms();
	CURL *c = a->curl;
	CURLcode rc;
	long status = 0;
	int r = buf_add(&url, slice_of(a->server), SIZE_MAX);

	if (r == 0)
		r = buf_add(&url, slice_of(g->path), SIZE_MAX);
	if (r == 0)
		r = buf_add(&url, (struct slice){ "", 1 }, SIZE_MAX);
	if (r == 0)
		r = set_headers(a);
	if (r < 0)
		return r;
	curl_easy_reset(c); /* but connections, which are used again */
	set_manners(c, a);
	curl_easy_setopt(c, CURLOPT_URL, url.p);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, a->headers);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, g->stands ? WATCH_TIMEOUT_S + ANSWER_S : ANSWER_S);
	if (!g->stands) {
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, SLOW_S);
	}
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, &t);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, g->error);
	g->error[0] = '\0';
	rc = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	g->status = (int)status;
	g->ms = now_ms() - begin;
	if (t.r < 0)
		return t.r;
	if (rc != CURLE_OK && !g->error[0])
		snprintf(g->error, sizeof(g->error), "%s", curl_easy_strerror(rc));
	return rc == CURLE_OK ? 0 : -EIO;
}
