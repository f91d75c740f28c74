/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/figures/local_time.h"

#include <time.h>

#include "base/util.h"

static int64_t begin_of(enum metrics_bucket kind, struct tm tm, int later)
{
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	switch (kind) {
	case BUCKET_WEEK:
		tm.tm_mday += 7 * later - (tm.tm_wday + 6) % 7;
		break;
	case BUCKET_MONTH:
		tm.tm_mday = 1;
		tm.tm_mon += later;
		break;
	default:
		tm.tm_mday += later;
	}
	return (int64_t)mktime(&tm);
}

struct local_piece local_piece(enum metrics_bucket kind, int64_t seconds)
{
	const time_t t = (time_t)seconds;
	struct local_piece p = { seconds, seconds + 1 };
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return p;
	if (kind == BUCKET_HOUR) { /* one that the clock shows twice is two */
		p.from = seconds - (int64_t)tm.tm_min * 60 - tm.tm_sec;
		p.to = p.from + 3600;
		return p;
	}
	p.from = begin_of(kind, tm, 0);
	p.to = begin_of(kind, tm, 1);
	if (p.to <= seconds)
		p.to = seconds + 1;
	return p;
}

bool local_is_of_half_hours(void)
{
	/* January and July of 2026 */
	const time_t times[] = { 1767225600, 1782864000, time(NULL) };
	struct tm tm;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (!localtime_r(&times[i], &tm) || tm.tm_gmtoff % 1800 != 0)
			return false;
	return true;
}
