/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "base/json.h"
#include "sonde/stats.h"

/*
 * What the engine counted and used, as one object: {"type":"health", every name of stat_names,
 * "llm_total_mismatch_by_host":{host: count, ...}, "engine_cpu_us", "engine_rss_bytes"}; the last
 * two are those of the calling process so far.
 */
void health_json(struct json_writer *w, const struct stats *stats);
