/* SPDX-License-Identifier: BSD-2-Clause */
/* The exchange of exchange.py, for clients in C: each brings how to write and to read. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXCHANGE_WARM_UP 50

struct exchange_link {
	void *tls;
	/* Bytes that went or came; <= 0: it has failed. */
	long (*write)(void *tls, const char *p, size_t n);
	long (*read)(void *tls, char *p, size_t n);
};

static inline size_t exchange_request(char *to, size_t size)
{
	static const char start[] =
		"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"";
	char body[1025];

	memset(body, 'y', 1024);
	memcpy(body, start, sizeof(start) - 1);
	memcpy(body + 1020, "\"}]}", 5);
	return (size_t)snprintf(
		to, size,
		"POST /v1/chat/completions?size=1024&stream=0&gap=0 HTTP/1.1\r\nHost: localhost\r\n"
		"Content-Type: application/json\r\nContent-Length: 1024\r\n\r\n%s",
		body);
}

static inline void exchange_answer(const struct exchange_link *l)
{
	static const char end[] = "\"}}]}";
	char got[65536];
	size_t n = 0;

	while (n < sizeof(end) - 1 ||
	       memcmp(got + n - (sizeof(end) - 1), end, sizeof(end) - 1) != 0) {
		const long r = l->read(l->tls, got + n, sizeof(got) - n);

		if (r <= 0)
			exit(1);
		n += (size_t)r;
	}
}

static inline int exchange_compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double exchange_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Makes @count exchanges and prints the median of their times. */
static inline void exchange_run(const struct exchange_link *l, size_t count)
{
	double *times = calloc(count + 1, sizeof(*times));
	char request[2048];
	const size_t n = exchange_request(request, sizeof(request));

	if (!times || !count)
		exit(1);
	for (size_t i = 0; i < count + EXCHANGE_WARM_UP; i++) {
		const double start = exchange_now_us();

		if (l->write(l->tls, request, n) != (long)n)
			exit(1);
		exchange_answer(l);
		if (i >= EXCHANGE_WARM_UP)
			times[i - EXCHANGE_WARM_UP] = exchange_now_us() - start;
	}
	qsort(times, count, sizeof(*times), exchange_compare);
	printf("median=%.2f\n", times[count / 2]);
	free(times);
}
