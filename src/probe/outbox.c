// SPDX-License-Identifier: BSD-2-Clause
#include "probe/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipc.h"

struct message {
	struct message *next;
	size_t n;
	char bytes[];
};

struct outbox {
	int fd;
	struct message *first, **last;
	size_t waiting;
	uint64_t dropped;
};

int outbox_new(int fd, struct outbox **ret)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->fd = fd;
	o->last = &o->first;
	*ret = o;
	return 0;
}

static void drop_first(struct outbox *o)
{
	struct message *m = o->first;

	o->first = m->next;
	if (!o->first)
		o->last = &o->first;
	o->waiting -= m->n;
	free(m);
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	while (o->first)
		drop_first(o);
	free(o);
}

int outbox_flush(struct outbox *o)
{
	while (o->first) {
		int r = ipc_send(o->fd, (struct slice){ o->first->bytes, o->first->n }, NULL, 0);

		if (r < 0)
			return r;
		drop_first(o);
	}
	return 0;
}

static int enqueue(struct outbox *o, struct slice message)
{
	struct message *m = NULL;

	if (message.n <= IPC_MAX && o->waiting + message.n <= OUTBOX_MAX)
		m = malloc(sizeof(*m) + message.n);
	if (!m) {
		o->dropped++;
		return -ENOBUFS;
	}
	m->next = NULL;
	m->n = message.n;
	memcpy(m->bytes, message.p, message.n);
	*o->last = m;
	o->last = &m->next;
	o->waiting += m->n;
	return 0;
}

int outbox_send(struct outbox *o, struct slice message)
{
	int r = enqueue(o, message);

	outbox_flush(o); /* a peer that has gone is seen by whoever polls */
	return r;
}

size_t outbox_bytes(const struct outbox *o)
{
	return o->waiting;
}

bool outbox_waiting(const struct outbox *o)
{
	return o->first;
}

uint64_t outbox_dropped(const struct outbox *o)
{
	return o->dropped;
}
