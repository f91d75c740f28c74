/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/export.h"

const struct exporter *const exporters[] = { &export_ndjson, &export_csv, &export_html,
					     &export_otlp, NULL };
