/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of an open object, in the forms that all our JSON has. What is not known is left out. */
#pragma once

#include "base/id.h"
#include "base/json.h"
#include "sonde/usage.h"

void put_text(struct json_writer *w, const char *key, struct slice text);   /* not an empty one */
void put_count(struct json_writer *w, const char *key, int64_t n);	    /* not LLM_UNKNOWN */
void put_number(struct json_writer *w, const char *key, int64_t n);	    /* any */
void put_yes(struct json_writer *w, const char *key, bool yes);		    /* only true */
void put_json(struct json_writer *w, const char *key, struct slice json);   /* not an empty one */
void put_time(struct json_writer *w, const char *key, uint64_t ns);	    /* not 0 */
void put_time_or_null(struct json_writer *w, const char *key, uint64_t ns); /* 0: null */
void put_id128(struct json_writer *w, const char *key, const struct id128 *id); /* not zero */
void put_id64(struct json_writer *w, const char *key, const struct id64 *id);	/* not zero */
void put_usd(struct json_writer *w, const char *key, int64_t pico_usd);		/* exact decimals */
/* What was spent on so many calls, and what a plan covered, where anything is known. */
void put_spent(struct json_writer *w, int64_t calls, int64_t unpriced, int64_t pico_usd,
	       int64_t equivalent_pico_usd);
void put_usage(struct json_writer *w, const struct llm_usage *u); /* "usage":{...}, always */
/* "a,b" as an array, always. */
void put_list(struct json_writer *w, const char *key, struct slice list);
