/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Public price lists into our form: what LiteLLM calls model_prices_and_context_window.json, and
 * genai-prices' data.json (versions 1 to 3, slim or not). Recognised by their shape.
 */
#pragma once

#include "base/buf.h"
#include "price/price.h"

/* What of @model could not be converted, as a short text that is the same for all models alike. */
typedef void (*price_note_fn)(void *ctx, struct slice model, const char *what);

struct price_import {
	price_note_fn note; /* may be NULL */
	void *ctx;
	const char *kind; /* result: "litellm" or "genai-prices" */
	size_t models;	  /* result: how many were converted */
	struct buf text; /* result: elements of a table's "models", one a line, commas between them;
			    the caller frees it with buf_done() */
};

/* 0, -EBADMSG where @json is of neither form (then text is empty), or -ENOMEM. */
int price_import(struct slice json, struct price_import *im);
