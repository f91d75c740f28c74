/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/routes/saved.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"

#define MODELS_MAX 1024
#define KEPT_NS	   3600000000000u /* as prices change */

/* Looking a model up goes through the whole table. */
struct model_rates {
	UT_hash_handle hh;
	int64_t input, cached; /* 10^-6 USD per million; -1: none */
	size_t n;
	char name[];
};

struct saved {
	const struct price_table *prices;
	pthread_mutex_t lock;
	struct model_rates *models; /* below the lock, likewise the next */
	uint64_t read_ns;
};

int saved_new(const struct price_table *prices, struct saved **ret)
{
	struct saved *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->prices = prices;
	pthread_mutex_init(&s->lock, NULL);
	*ret = s;
	return 0;
}

static void forget(struct saved *s)
{
	struct model_rates *m, *next;

	HASH_ITER(hh, s->models, m, next)
	{
		HASH_DEL(s->models, m);
		free(m);
	}
}

void saved_free(struct saved *s)
{
	if (!s)
		return;
	forget(s);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int take_rates(void *ctx, const struct price_row *row)
{
	struct model_rates *m = ctx;

	if (!row->in_force || row->unpriced || *row->tier || *row->rule || m->input >= 0)
		return 0;
	m->input = row->rate[RATE_INPUT];
	m->cached = row->rate[RATE_CACHE_READ];
	return 0;
}

static struct model_rates *look_up(struct saved *s, struct slice model, uint64_t now_ns)
{
	struct model_rates *m = malloc(sizeof(*m) + model.n);

	if (!m)
		return NULL;
	*m = (struct model_rates){ .input = -1, .cached = -1, .n = model.n };
	memcpy(m->name, model.p, model.n);
	price_show(s->prices, (struct slice){ 0 }, model, now_ns, take_rates, m);
	HASH_ADD_KEYPTR(hh, s->models, m->name, m->n, m);
	if (m->hh.tbl)
		return m;
	free(m);
	return NULL;
}

/* False where there is no price for both. */
static bool rates_of(struct saved *s, struct slice model, uint64_t now_ns, int64_t *ret_difference)
{
	struct model_rates *m;
	bool known;

	pthread_mutex_lock(&s->lock);
	if (now_ns - s->read_ns > KEPT_NS || HASH_COUNT(s->models) >= MODELS_MAX) {
		forget(s);
		s->read_ns = now_ns;
	}
	HASH_FIND(hh, s->models, model.p, model.n, m);
	if (!m)
		m = look_up(s, model, now_ns);
	known = m && m->input >= 0 && m->cached >= 0 && m->cached <= m->input;
	if (known)
		*ret_difference = m->input - m->cached;
	pthread_mutex_unlock(&s->lock);
	return known;
}

int64_t saved_pico_usd(struct saved *s, struct slice model, int64_t tokens, uint64_t now_ns)
{
	int64_t difference, saved;

	if (!s->prices || tokens == LLM_UNKNOWN || model.n == 0 ||
	    !rates_of(s, model, now_ns, &difference) ||
	    __builtin_mul_overflow(tokens, difference, &saved))
		return LLM_UNKNOWN;
	return saved;
}
