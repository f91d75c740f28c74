/* SPDX-License-Identifier: BSD-2-Clause */
/* What spans add up to (metrics_acc.h) as an OTLP request: ExportMetricsServiceRequest. Cumulative,
 * so one that is lost is made up for by the next. */
#pragma once

#include "export/metrics_acc.h"
#include "export/otlp.h"

/* @host: of this machine. @ret_points: in it. Appends to @ret; 0 or -errno. */
int otlp_metrics_write(struct metrics *m, const struct otlp_form *form, struct slice host,
		       uint64_t now_ns, struct buf *ret, int64_t *ret_points);
