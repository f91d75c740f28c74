// SPDX-License-Identifier: BSD-2-Clause
#include "probe/release.h"

#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/util.h"

#define HANDS 16

struct release {
	const int *fds;
	struct bpf_link *const *links;
	size_t n_fds, n;
	atomic_size_t next;
};

static void *work(void *arg)
{
	struct release *r = arg;
	size_t i;

	while ((i = atomic_fetch_add(&r->next, 1)) < r->n) {
		if (i < r->n_fds)
			close(r->fds[i]);
		else
			bpf_link__destroy(r->links[i - r->n_fds]);
	}
	return NULL;
}

void release_probes(const int *fds, size_t n_fds, struct bpf_link *const *links, size_t n_links)
{
	struct release r = { .fds = fds, .links = links, .n_fds = n_fds, .n = n_fds + n_links };
	pthread_t hands[HANDS];
	size_t n = 0;

	/* Without threads, one after the other. */
	while (n < HANDS && n + 1 < r.n && pthread_create(&hands[n], NULL, work, &r) == 0)
		n++;
	work(&r);
	while (n > 0)
		pthread_join(hands[--n], NULL);
}
