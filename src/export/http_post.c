/* SPDX-License-Identifier: BSD-2-Clause */
#define ZLIB_CONST /* input is not written to */
#include "export/http_post.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#define HEADERS_MAX (64u << 10) /* bytes of a file of headers */
#define CONNECT_S   10
#define GZIP_WINDOW (15 + 16) /* zlib: with a gzip header */
#define GZIP_MEMORY 8
#define KEEP_BYTES  (1u << 20) /* of the compressed body's buffer, between requests */
#define USER_AGENT  "sonde/" SONDE_VERSION

struct http_post {
	struct http_post_options o;
	CURL *curl;
	struct buf compressed;
	struct http_answer answer;
};

int http_global_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOSYS;
}

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_post *post = ctx;

	return buf_add(&post->answer.body, (struct slice){ p, size * n }, HTTP_ANSWER_MAX) < 0
		       ? 0
		       : size * n;
}

static int ask_stop(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct http_post *post = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return post->o.stop && atomic_load(post->o.stop);
}

static bool is_http(const char *url)
{
	return slice_istarts(slice_of(url), SLICE("http://")) ||
	       slice_istarts(slice_of(url), SLICE("https://"));
}

static void set_tls(CURL *c, const struct http_post_options *o)
{
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (o->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
	if (o->cert_file)
		curl_easy_setopt(c, CURLOPT_SSLCERT, o->cert_file);
	if (o->key_file || o->cert_file)
		curl_easy_setopt(c, CURLOPT_SSLKEY, o->key_file ? o->key_file : o->cert_file);
}

static void set_up(struct http_post *p)
{
	CURL *c = p->curl;

	curl_easy_setopt(c, CURLOPT_URL, p->o.url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)(p->o.timeout_s ? p->o.timeout_s : CONNECT_S));
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, ask_stop);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, p);
	set_tls(c, &p->o);
}

int http_post_new(const struct http_post_options *o, struct http_post **ret)
{
	_cleanup_(http_post_freep) struct http_post *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	if (!is_http(o->url))
		return -EINVAL;
	p->o = *o;
	p->curl = curl_easy_init();
	if (!p->curl)
		return -ENOMEM;
	set_up(p);
	*ret = TAKE(p);
	return 0;
}

void http_post_free(struct http_post *p)
{
	if (!p)
		return;
	if (p->curl)
		curl_easy_cleanup(p->curl);
	buf_done(&p->compressed);
	buf_done(&p->answer.body);
	free(p);
}

/* --- headers --- */

static int add_header(struct curl_slist **list, struct slice line)
{
	char text[8192];
	struct curl_slist *more;

	line = slice_trim(line);
	if (!line.n || line.p[0] == '#')
		return 0;
	if (line.n >= sizeof(text) || !memchr(line.p, ':', line.n))
		return -EINVAL;
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	more = curl_slist_append(*list, text);
	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static int read_whole(const char *path, struct buf *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char block[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, block, sizeof(block))) > 0) {
		const int r = buf_add(ret, (struct slice){ block, (size_t)n }, HEADERS_MAX);

		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

static int add_file(struct curl_slist **list, const char *path)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct slice line, rest;
	int r = read_whole(path, &text);

	rest = buf_slice(&text);
	while (r == 0 && slice_cut(rest, '\n', &line, &rest))
		r = add_header(list, line);
	return r == 0 ? add_header(list, rest) : r;
}

static int add_fixed(const struct http_post *p, struct curl_slist **list)
{
	char type[128];
	int r;

	snprintf(type, sizeof(type), "Content-Type: %s", p->o.content_type);
	r = add_header(list, slice_of(type));
	if (r == 0 && p->o.gzip)
		r = add_header(list, SLICE("Content-Encoding: gzip"));
	/* An empty one is not sent: a round trip before each large body otherwise. */
	return r == 0 ? add_header(list, SLICE("Expect:")) : r;
}

static int make_headers(struct http_post *p, struct curl_slist **ret)
{
	int r = add_fixed(p, ret);

	for (const struct config_list *l = p->o.headers; r == 0 && l; l = l->next)
		r = add_header(ret, slice_of(l->text));
	if (r < 0)
		snprintf(p->answer.why, sizeof(p->answer.why), "a header is no 'Name: value'");
	for (const struct config_list *l = p->o.headers_files; r == 0 && l; l = l->next) {
		r = add_file(ret, l->text);
		if (r < 0)
			snprintf(p->answer.why, sizeof(p->answer.why),
				 "cannot use headers_file '%s': %s", l->text,
				 r == -EINVAL ? "a line is no 'Name: value'" : strerrordesc_np(-r));
	}
	return r;
}

/* --- the body --- */

static int deflate_all(z_stream *z, struct slice body, struct buf *out)
{
	char block[32768];
	int rc, r = 0;

	z->next_in = (const Bytef *)body.p;
	z->avail_in = (uInt)body.n;
	do {
		z->next_out = (Bytef *)block;
		z->avail_out = sizeof(block);
		rc = deflate(z, Z_FINISH);
		r = buf_add(out, (struct slice){ block, sizeof(block) - z->avail_out }, SIZE_MAX);
	} while (rc == Z_OK && r == 0);
	return r < 0 ? r : rc == Z_STREAM_END ? 0 : -EIO;
}

static int compress_body(struct http_post *p, struct slice *body)
{
	z_stream z = { 0 };
	int r;

	if (p->compressed.cap > KEEP_BYTES)
		buf_done(&p->compressed);
	p->compressed.n = 0;
	if (body->n > UINT32_MAX)
		return -E2BIG;
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	r = deflate_all(&z, *body, &p->compressed);
	deflateEnd(&z);
	*body = buf_slice(&p->compressed);
	return r;
}

/* --- the answer --- */

static void note_type(struct http_post *p)
{
	struct http_answer *a = &p->answer;
	const char *type = NULL;
	size_t n = 0;

	curl_easy_getinfo(p->curl, CURLINFO_CONTENT_TYPE, &type);
	for (; type && type[n] && !strchr("; \t", type[n]) && n + 1 < sizeof(a->content_type); n++)
		a->content_type[n] = (char)tolower((unsigned char)type[n]);
	a->content_type[n] = '\0';
}

static int note_failure(struct http_post *p, CURLcode rc, const char *text)
{
	struct http_answer *a = &p->answer;

	a->timed_out = rc == CURLE_OPERATION_TIMEDOUT;
	a->stopped = rc == CURLE_ABORTED_BY_CALLBACK;
	snprintf(a->why, sizeof(a->why), "%s",
		 rc == CURLE_WRITE_ERROR ? "its answer is too long"
		 : text[0]		 ? text
					 : curl_easy_strerror(rc));
	return rc == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}

static int perform(struct http_post *p, const struct curl_slist *headers, struct slice body)
{
	char text[CURL_ERROR_SIZE] = "";
	curl_off_t after = 0;
	long status = 0;
	CURLcode rc;

	curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, body.p);
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, text);
	rc = curl_easy_perform(p->curl);
	curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, NULL);
	if (rc != CURLE_OK)
		return note_failure(p, rc, text);
	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(p->curl, CURLINFO_RETRY_AFTER, &after);
	p->answer.status = (int)status;
	p->answer.retry_after_s = after > 0 ? after : 0;
	note_type(p);
	return 0;
}

int http_post_send(struct http_post *p, struct slice body, const struct http_answer **ret)
{
	struct curl_slist *headers = NULL;
	struct buf kept = p->answer.body;
	int r;

	kept.n = 0;
	p->answer = (struct http_answer){ .body = kept };
	*ret = &p->answer;
	r = make_headers(p, &headers);
	if (r == 0 && p->o.gzip)
		r = compress_body(p, &body);
	if (r == 0)
		r = perform(p, headers, body);
	curl_slist_free_all(headers);
	return r;
}
