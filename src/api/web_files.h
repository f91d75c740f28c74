/* SPDX-License-Identifier: BSD-2-Clause */
/* The web interface's files, as they are in the program: compressed, and found by name alone. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct web_file {
	const char *path; /* "/assets/index-Bx3f.js" */
	const char *type;
	const char *etag;  /* with its quotes */
	bool hashed;	   /* its name changes with its content: it may be kept for ever */
	const char *begin; /* gzip */
	const uint64_t *size;
};

/*
 * What is to be given for the path of a request; of a page of the interface ("/run/ID") that is
 * index.html. NULL where there is nothing.
 */
const struct web_file *web_file_find(struct slice path);
/* By number, for who wants all; NULL after the last. */
const struct web_file *web_file_at(size_t i);

static inline struct slice web_file_gzip(const struct web_file *f)
{
	return (struct slice){ f->begin, *f->size };
}
