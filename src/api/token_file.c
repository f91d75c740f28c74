/* SPDX-License-Identifier: BSD-2-Clause */
/* The token file as the server has it: read again when it is another one, or was changed. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "api/tokens.h"
#include "base/log.h"

struct token_file {
	char path[PATH_MAX];
	pthread_mutex_t lock;
	struct tokens tokens;
	struct stat read; /* what it was when it was read */
	bool known;	  /* it was looked at */
	int r;		  /* what came of reading it */
};

int token_file_new(const char *path, struct token_file **ret)
{
	struct token_file *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	if (snprintf(f->path, sizeof(f->path), "%s", path) >= (int)sizeof(f->path)) {
		free(f);
		return -ENAMETOOLONG;
	}
	pthread_mutex_init(&f->lock, NULL);
	*ret = f;
	return 0;
}

void token_file_free(struct token_file *f)
{
	if (!f)
		return;
	tokens_done(&f->tokens);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void look(struct token_file *f)
{
	struct stat st = { 0 };

	stat(f->path, &st); /* one that is not there is all zeroes */
	if (f->known && is_same(&st, &f->read))
		return;
	f->known = true;
	f->read = st;
	tokens_done(&f->tokens);
	f->r = tokens_read(f->path, &f->tokens);
	if (f->r == -EPERM)
		log_err("'%s' can be opened by others than its owner: no token is believed until "
			"chmod 600 '%s'",
			f->path, f->path);
	else if (f->r < 0)
		log_errno(f->r, "cannot read '%s': no token is believed", f->path);
}

int token_file_by_hash(struct token_file *f, const uint8_t hash[SECRET_HASH], struct token *ret)
{
	const struct token *t;
	int r;

	pthread_mutex_lock(&f->lock);
	look(f);
	t = f->r < 0 ? NULL : tokens_by_hash(&f->tokens, hash, time(NULL));
	if (t)
		*ret = *t;
	r = f->r < 0 ? f->r : t ? 0 : -ENOENT;
	pthread_mutex_unlock(&f->lock);
	return r;
}

int token_file_find(struct token_file *f, struct slice secret, struct token *ret)
{
	uint8_t hash[SECRET_HASH];

	if (!token_hash(secret, hash))
		return -ENOENT;
	return token_file_by_hash(f, hash, ret);
}
