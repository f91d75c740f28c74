/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/sink.h"

const struct sink_type *const sink_types[] = {
	&sink_otlp_traces, &sink_otlp_logs, &sink_otlp_metrics, &sink_ndjson, NULL,
};
