/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread serves all connections; pages are made at most once a second and then shared. */
#include "api/metrics_http.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "api/body.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "store/sink.h"

#define WAIT_MS	 500
#define PAGE_MS	 1000
#define PAUSE_NS 10000000

/* What a client does: a place in the table. */
struct client {
	int fd; /* -1: a free place */
	uint64_t since_ms;
};

struct page {
	struct MHD_Response *response; /* NULL: none yet */
	uint64_t made_ms;
};

struct metrics_http {
	struct metrics_feed *feed;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	/* of the thread alone */
	struct client clients[METRICS_CONNECTIONS];
	struct page pages[2][2]; /* [1][x]: as OpenMetrics; [x][1]: compressed */
	unsigned alive;		 /* pages, those that are still being sent included */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- clients: none may hold a place for ever, however much it says now and then --- */

static struct client *client_of(struct metrics_http *h, int fd)
{
	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		if (h->clients[i].fd == fd)
			return &h->clients[i];
	return NULL;
}

static int fd_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static void on_connection(void *ctx, struct MHD_Connection *c, void **own,
			  enum MHD_ConnectionNotificationCode code)
{
	struct metrics_http *h = ctx;
	const int fd = fd_of(c);
	struct client *client = client_of(h, code == MHD_CONNECTION_NOTIFY_STARTED ? -1 : fd);

	(void)own;
	if (client && fd >= 0)
		*client = (struct client){
			.fd = code == MHD_CONNECTION_NOTIFY_STARTED ? fd : -1,
			.since_ms = now_ms(),
		};
}

static void on_completed(void *ctx, struct MHD_Connection *c, void **own,
			 enum MHD_RequestTerminationCode code)
{
	struct client *client = client_of(ctx, fd_of(c));

	(void)own;
	(void)code;
	if (client)
		client->since_ms = now_ms();
}

static void end_slow_ones(struct metrics_http *h)
{
	const uint64_t now = now_ms();

	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		if (h->clients[i].fd >= 0 &&
		    now - h->clients[i].since_ms > METRICS_REQUEST_S * 1000ull)
			shutdown(h->clients[i].fd, SHUT_RDWR);
}

/* --- answers --- */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ret;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "5");
	ret = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ret;
}

static enum MHD_Result serve_health(struct metrics_http *h, struct MHD_Connection *c)
{
	(void)h;
	return answer(c, MHD_HTTP_OK, "ok\n");
}

static enum MHD_Result serve_ready(struct metrics_http *h, struct MHD_Connection *c)
{
	char text[128];
	const char *why;

	if (metrics_feed_ready(h->feed, &why))
		return answer(c, MHD_HTTP_OK, "ready\n");
	snprintf(text, sizeof(text), "%s\n", why);
	return answer(c, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

/* --- the page --- */

struct page_text {
	struct metrics_http *http;
	struct buf text;
};

static void page_gone(void *ctx)
{
	struct page_text *p = ctx;

	p->http->alive--;
	buf_done(&p->text);
	free(p);
}

static int compress_page(struct buf *text)
{
	size_t n = 0;
	char *packed = body_gzip(buf_slice(text), &n);

	if (!packed)
		return -ENOMEM;
	buf_done(text);
	*text = (struct buf){ .p = packed, .n = n, .cap = n };
	return 0;
}

static struct MHD_Response *make_page(struct metrics_http *h, bool openmetrics, bool gzip)
{
	struct page_text *p = calloc(1, sizeof(*p));
	struct MHD_Response *r = NULL;

	if (!p)
		return NULL;
	p->http = h;
	if (metrics_feed_page(h->feed, openmetrics, &p->text) == 0 &&
	    (!gzip || compress_page(&p->text) == 0))
		r = MHD_create_response_from_buffer_with_free_callback_cls(p->text.n, p->text.p,
									   page_gone, p);
	if (!r) {
		buf_done(&p->text);
		free(p);
		return NULL;
	}
	h->alive++;
	if (gzip)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
				openmetrics ? "application/openmetrics-text; version=1.0.0; "
					      "charset=utf-8"
					    : "text/plain; version=0.0.4; charset=utf-8");
	return r;
}

static void drop_page(struct page *p)
{
	if (p->response)
		MHD_destroy_response(p->response);
	p->response = NULL;
}

/* NULL where there is no memory, or too many are still on their way to slow clients. */
static struct MHD_Response *page_of(struct metrics_http *h, bool openmetrics, bool gzip)
{
	struct page *p = &h->pages[openmetrics][gzip];
	const uint64_t now = now_ms();

	if (p->response && now - p->made_ms < PAGE_MS)
		return p->response;
	drop_page(p);
	if (h->alive >= METRICS_PAGES)
		return NULL;
	p->response = make_page(h, openmetrics, gzip);
	p->made_ms = now;
	return p->response;
}

static enum MHD_Result serve_metrics(struct metrics_http *h, struct MHD_Connection *c)
{
	const char *accept =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	const bool openmetrics = accept && strstr(accept, "application/openmetrics-text");
	struct MHD_Response *r = page_of(h, openmetrics, body_takes_gzip(c));

	return r ? MHD_queue_response(c, MHD_HTTP_OK, r)
		 : answer(c, MHD_HTTP_SERVICE_UNAVAILABLE, "too many slow readers\n");
}

static const struct {
	const char *path;
	enum MHD_Result (*serve)(struct metrics_http *h, struct MHD_Connection *c);
} routes[] = {
	{ "/metrics", serve_metrics },
	{ "/healthz", serve_health },
	{ "/readyz", serve_ready },
};

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *n_body, void **own)
{
	static int begun;

	(void)version;
	(void)body;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
	if (!*own) { /* an answer given now would close the connection */
		*own = &begun;
		return MHD_YES;
	}
	if (*n_body)
		return MHD_NO; /* nobody sends one */
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (strcmp(url, routes[i].path) == 0)
			return routes[i].serve(ctx, c);
	return answer(c, MHD_HTTP_NOT_FOUND, "/metrics, /healthz, /readyz\n");
}

/* --- the thread --- */

static void *serve(void *ctx)
{
	struct metrics_http *h = ctx;

	while (!atomic_load(&h->stop)) {
		/* Fails for want of descriptors or memory: not for ever. */
		if (MHD_run_wait(h->daemon, WAIT_MS) != MHD_YES)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
		end_slow_ones(h);
	}
	return NULL;
}

/* It closes the socket it is given. */
static int start_daemon(struct metrics_http *h, int http)
{
	_cleanup_(closep) int fd = fcntl(http, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_CONNECTIONS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)METRICS_IP_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)METRICS_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_REQUEST_BYTES,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, h, MHD_OPTION_END);
	if (!h->daemon)
		return -EIO;
	TAKE_FD(fd);
	return 0;
}

/* Signals are the main thread's. */
static int start_thread(struct metrics_http *h)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&h->thread, NULL, serve, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	h->started = r == 0;
	return -r;
}

int metrics_http_start(const struct metrics_feed_config *c, int http, struct metrics_http **ret)
{
	struct metrics_http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		h->clients[i].fd = -1;
	r = metrics_feed_start(c, &h->feed);
	if (r == 0)
		r = start_daemon(h, http);
	if (r == 0)
		r = start_thread(h);
	if (r < 0) {
		metrics_stop(h);
		return r;
	}
	*ret = h;
	return 0;
}

void metrics_stop(struct metrics_http *h)
{
	if (!h)
		return;
	atomic_store(&h->stop, true);
	if (h->started)
		pthread_join(h->thread, NULL);
	for (int i = 0; i < 4; i++)
		drop_page(&h->pages[i / 2][i % 2]);
	if (h->daemon)
		MHD_stop_daemon(h->daemon); /* pages that are being sent end here */
	metrics_feed_stop(h->feed);
	free(h);
}

/* --- as the configuration says --- */

static bool is_ours(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, METRICS_SINK) == 0;
}

static void forget(const char *store)
{
	struct store_sinks *sinks;
	struct store_error err;

	if (store_sinks_open(store, &sinks, &err) < 0)
		return; /* nothing is kept there */
	if (store_sinks_forget(sinks, is_ours, NULL) < 0)
		log_debug("how far /metrics was stays in the store");
	store_sinks_close(sinks);
}

int metrics_start(const struct config *c, int http, metrics_status_fn status,
		  struct metrics_http **ret)
{
	static const uint32_t labels[] = {
		[LABELS_NONE] = 0,
		[LABELS_PLACE] = METRIC_LABEL(LABEL_NAMESPACE) | METRIC_LABEL(LABEL_CONTAINER),
		[LABELS_PROJECT] = METRIC_LABEL(LABEL_NAMESPACE) | METRIC_LABEL(LABEL_CONTAINER) |
				   METRIC_LABEL(LABEL_PROJECT),
		[LABELS_USER] = METRIC_LABEL(LABEL_NAMESPACE) | METRIC_LABEL(LABEL_CONTAINER) |
				METRIC_LABEL(LABEL_PROJECT) | METRIC_LABEL(LABEL_USER),
	};
	const struct metrics_feed_config feed = {
		.store = c->daemon.store,
		.max_series = c->prometheus.max_series,
		.labels = labels[c->prometheus.labels],
		.status = status,
	};
	int r;

	if (http >= 0) {
		r = metrics_http_start(&feed, http, ret);
		return r < 0 ? log_errno(r, "cannot serve /metrics") : 0;
	}
	forget(feed.store);
	*ret = NULL;
	return 0;
}
