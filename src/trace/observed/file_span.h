/* SPDX-License-Identifier: BSD-2-Clause */
/* Between file.c, which knows what belongs to one file, and file_span.c, which shows it. */
#pragma once

#include "trace/observed/file.h"
#include "trace/observed/place.h"

#define SHA256_SIZE 32

struct file_state {
	UT_hash_handle hh;
	struct id128 key; /* of owner and path */
	struct file_state *prev, *next;
	struct id64 id;
	struct owner owner;
	struct process_key process; /* the first that had to do with it */
	char *path, *from;	    /* from: its name before, or what it is a link to; or NULL */
	uint64_t start_ns, last_ns, emitted_ns;
	uint64_t dev, ino, bytes, size;
	unsigned writes; /* times that it was closed */
	unsigned ops;	 /* 1 << enum sonde_file_op */
	int error;	 /* of the newest refusal */
	bool created, gone, cut, partial, mapped, remote;
	bool folder;
	bool own; /* the agent keeps it for itself */
	bool told, dirty, final;

	/* what stands in it */
	uint8_t artifact; /* enum sonde_artifact_state; 0: not told */
	bool hashed;
	uint8_t sha256[SHA256_SIZE];
	bool binary; /* its content is no text */
	struct id128 content;
};

struct files {
	struct file_state *by_key, *list; /* list: in order of their coming */
	unsigned n, n_dirty;
	struct buf pending; /* of the file whose content is coming */
	struct id128 pending_of;
};

/* The newest that it is: numbers of files are used again. NULL: none, or @ino is 0. */
struct file_state *file_by_number(const struct files *files, uint64_t dev, uint64_t ino);
/* It has to be told again. */
void file_changed(struct run_state *r, struct file_state *f);
void file_emit(struct run_state *r, struct file_state *f);
