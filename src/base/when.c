/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/when.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

/* "90m": that long ago. */
static bool time_ago(const char *text, uint64_t now_ns, uint64_t *ret)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	unsigned long long v;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoull(text, &end, 10);
	if (v > 1000000 || !*end || end[1])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i].unit == *end) {
			uint64_t ns = v * units[i].seconds * 1000000000u;

			*ret = ns < now_ns ? now_ns - ns : 0;
			return true;
		}
	return false;
}

static uint64_t start_of_day(uint64_t now_ns, int days_ago)
{
	time_t now = (time_t)(now_ns / 1000000000u);
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday -= days_ago;
	tm.tm_isdst = -1;
	return (uint64_t)mktime(&tm) * 1000000000u;
}

/* What stands behind a time: nothing (local), Z, or +02:00. */
static bool read_zone(const char *text, struct tm *tm, uint64_t *ret)
{
	struct tm zone = { 0 };
	const char *end = *text ? strptime(text, "%z", &zone) : text;
	time_t t;

	if (!end || *end)
		return false;
	t = *text ? timegm(tm) - zone.tm_gmtoff : mktime(tm);
	if (t < 0)
		return false;
	*ret = (uint64_t)t * 1000000000u;
	return true;
}

bool when_read(const char *text, uint64_t now_ns, uint64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };

	if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0) {
		*ret = start_of_day(now_ns, *text == 'y');
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);

		if (end && read_zone(end, &tm, ret))
			return true;
	}
	return time_ago(text, now_ns, ret);
}

uint64_t when_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
