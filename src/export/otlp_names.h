/* SPDX-License-Identifier: BSD-2-Clause */
/* How a profile names attributes: a table of what differs from the conventions 1.41, and a
 * function for what is made of several. */
#pragma once

#include "export/otlp.h"

enum otlp_how {
	OTLP_SAME,
	OTLP_AS_INT, /* a double that stands for a whole number */
	OTLP_FIRST,  /* of a list, as text */
	OTLP_DROP,   /* stands in something else */
};

struct otlp_rename {
	const char *from, *to;
	enum otlp_how how;
};

/* A span whose attributes are being written. */
struct otlp_naming {
	struct otlp_writer *w;
	const struct otlp_field *list;
	const struct otlp_form *form;
	const struct span *span;
	const struct run *run;		 /* NULL: gone */
	const struct span_content *said; /* NULL: does not go along */
};

struct otlp_profile {
	const struct otlp_rename *renames; /* ends with from == NULL */
	void (*more)(const struct otlp_naming *n);
	void (*content)(const struct otlp_naming *n); /* said is there */
};

extern const struct otlp_profile otlp_profile_141, otlp_profile_latest, otlp_profile_openinference;

void otlp_name_text(const struct otlp_naming *n, const char *name, struct slice s); /* not empty */
void otlp_name_int(const struct otlp_naming *n, const char *name, int64_t v);
