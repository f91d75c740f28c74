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
	int fd; /* -1: nobody reads */
	struct message *first, **last;
	struct message *kept, **kept_last;
	size_t waiting, kept_bytes;
	uint64_t dropped;
};

int outbox_new(int fd, struct outbox **ret)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->fd = fd;
	o->last = &o->first;
	o->kept_last = &o->kept;
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
	while (o->kept) {
		struct message *next = o->kept->next;

		free(o->kept);
		o->kept = next;
	}
	free(o);
}

void outbox_connect(struct outbox *o, int fd)
{
	while (o->first)
		drop_first(o);
	o->fd = fd;
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

static struct message *copy(struct slice message)
{
	struct message *m = malloc(sizeof(*m) + message.n);

	if (!m)
		return NULL;
	m->next = NULL;
	m->n = message.n;
	memcpy(m->bytes, message.p, message.n);
	return m;
}

static int enqueue(struct outbox *o, struct slice message)
{
	struct message *m = NULL;

	if (message.n <= IPC_MAX && o->waiting + message.n <= OUTBOX_MAX)
		m = copy(message);
	if (!m) {
		o->dropped++;
		return -ENOBUFS;
	}
	*o->last = m;
	o->last = &m->next;
	o->waiting += m->n;
	return 0;
}

int outbox_send(struct outbox *o, struct slice message)
{
	int r = 0;

	if (o->fd < 0)
		return 0;
	r = enqueue(o, message);
	outbox_flush(o); /* a peer that has gone is seen by whoever polls */
	return r;
}

int outbox_keep(struct outbox *o, struct slice message)
{
	struct message *m = NULL;

	if (message.n <= IPC_MAX && o->kept_bytes + message.n <= OUTBOX_KEPT_MAX)
		m = copy(message);
	if (m) {
		*o->kept_last = m;
		o->kept_last = &m->next;
		o->kept_bytes += m->n;
	}
	return outbox_send(o, message);
}

void outbox_repeat(struct outbox *o)
{
	for (const struct message *m = o->kept; m; m = m->next)
		outbox_send(o, (struct slice){ m->bytes, m->n });
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
