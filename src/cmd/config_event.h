/* SPDX-License-Identifier: BSD-2-Clause */
/* The CONFIG event (sonde/event.h): what decides the store's content, so that a replay does the
 * same. */
#pragma once

#include "base/buf.h"
#include "config/config.h"
#include "price/price.h"
#include "trace/trace.h"

struct config_event {
	enum content_level content;
	uint64_t content_limit, media_limit;
	bool llm_content, memory_content, tool_content;
	uint64_t memory_bytes; /* of the engine; 0: no limit */
};

/* Its JSON, appended. 0 or -errno. */
int config_event_write(const struct config_event *e, const struct price_table *prices,
		       const struct config *c, struct buf *ret);
