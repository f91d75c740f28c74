/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum log_level log_max_level = LOG_INFO;
bool log_with_priority;

__attribute__((format(printf, 3, 0))) static void vlog(enum log_level level, int err,
						       const char *fmt, va_list ap)
{
	static const char *const prefix[] = { "sonde: ", "sonde: warning: ", "", "sonde: debug: " };
	static const char *const priority[] = { "<3>", "<4>", "<6>", "<7>" };
	char text[1024];

	if (level > log_max_level)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "%s%s%s%s%s\n", log_with_priority ? priority[level] : "", prefix[level],
		text, err ? ": " : "", err ? strerrordesc_np(err) : "");
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(level, 0, fmt, ap);
	va_end(ap);
}

int log_errno(int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_ERR, -r, fmt, ap);
	va_end(ap);
	return r;
}
