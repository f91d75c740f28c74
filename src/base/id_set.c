/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/id_set.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

struct id_set_entry {
	struct id128 id;
	UT_hash_handle hh;
};

bool id_set_has(const struct id_set *s, const struct id128 *id)
{
	struct id_set_entry *e;

	HASH_FIND(hh, s->entries, id, sizeof(*id), e);
	return e != NULL;
}

int id_set_add(struct id_set *s, const struct id128 *id)
{
	struct id_set_entry *e;

	if (id_set_has(s, id))
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->id = *id;
	HASH_ADD(hh, s->entries, id, sizeof(e->id), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return 0;
}

void id_set_done(struct id_set *s)
{
	struct id_set_entry *e, *next;

	HASH_ITER(hh, s->entries, e, next)
	{
		HASH_DEL(s->entries, e);
		free(e);
	}
}
