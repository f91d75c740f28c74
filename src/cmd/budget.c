/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/budget.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

const char *const spend_names[SPEND_NR] = {
	[SPEND_MODEL] = "model",
	[SPEND_TOOL] = "tool",
	[SPEND_WAITING] = "waiting",
	[SPEND_IDLE] = "idle",
};

/* Something begins (+1) or ends (-1). */
struct edge {
	uint64_t ns;
	enum spend what;
	int step;
};

struct spending {
	struct edge *edges;
	size_t n, cap;
};

struct spending *spending_new(void)
{
	return calloc(1, sizeof(struct spending));
}

void spending_free(struct spending *s)
{
	if (!s)
		return;
	free(s->edges);
	free(s);
}

int spending_add(struct spending *s, enum spend what, uint64_t from_ns, uint64_t to_ns)
{
	if (from_ns >= to_ns)
		return 0;
	if (s->n + 2 > s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 128;
		struct edge *edges = reallocarray(s->edges, cap, sizeof(*edges));

		if (!edges)
			return -ENOMEM;
		s->edges = edges;
		s->cap = cap;
	}
	s->edges[s->n++] = (struct edge){ from_ns, what, 1 };
	s->edges[s->n++] = (struct edge){ to_ns, what, -1 };
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

/* The first kind that goes on. */
static enum spend current(const int *open)
{
	enum spend what = 0;

	while (what < SPEND_IDLE && open[what] <= 0)
		what++;
	return what;
}

/* Thousandths that add up: what rounding left over goes to those that lost most by it. */
static void share(struct budget *b, uint64_t total)
{
	double lost[SPEND_NR];
	unsigned left = 1000;

	if (total == 0)
		return;
	for (size_t i = 0; i < SPEND_NR; i++) {
		const double exact = 1000.0 * (double)b->ns[i] / (double)total;

		b->per_mille[i] = (unsigned)exact;
		lost[i] = exact - b->per_mille[i];
		left -= b->per_mille[i];
	}
	for (; left > 0 && left < SPEND_NR; left--) {
		size_t most = 0;

		for (size_t i = 1; i < SPEND_NR; i++)
			if (lost[i] > lost[most])
				most = i;
		b->per_mille[most]++;
		lost[most] = -1;
	}
}

void spending_sum(struct spending *s, uint64_t from_ns, uint64_t to_ns, struct budget *ret)
{
	struct budget b = { 0 };
	uint64_t at = from_ns;
	int open[SPEND_NR] = { 0 };

	if (s->n)
		qsort(s->edges, s->n, sizeof(s->edges[0]), by_time);
	for (size_t i = 0; i < s->n; i++) {
		const struct edge *e = &s->edges[i];

		if (e->ns > at && at < to_ns) {
			const uint64_t until = e->ns < to_ns ? e->ns : to_ns;

			b.ns[current(open)] += until - at;
			at = until;
		}
		open[e->what] += e->step;
	}
	if (at < to_ns)
		b.ns[SPEND_IDLE] += to_ns - at;
	share(&b, to_ns > from_ns ? to_ns - from_ns : 0);
	*ret = b;
}
