/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/format.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

typedef unsigned long long ull;

struct text32 format_duration(uint64_t ns)
{
	const uint64_t ms = ns / 1000000, s = (ns + 500000000) / 1000000000;
	struct text32 t = { 0 };

	if (ns < 1000000)
		snprintf(t.s, sizeof(t.s), "%.1f ms", (double)ns / 1e6);
	else if (ms < 1000)
		snprintf(t.s, sizeof(t.s), "%llu ms", (ull)ms);
	else if (ms < 59950)
		snprintf(t.s, sizeof(t.s), "%.1f s", (double)ms / 1e3);
	else if (s < 3600)
		snprintf(t.s, sizeof(t.s), "%llum %02llus", (ull)(s / 60), (ull)(s % 60));
	else if (s < 86400)
		snprintf(t.s, sizeof(t.s), "%lluh %02llum", (ull)(s / 3600), (ull)(s / 60 % 60));
	else
		snprintf(t.s, sizeof(t.s), "%llud %02lluh", (ull)(s / 86400), (ull)(s / 3600 % 24));
	return t;
}

/* One decimal, cut and not rounded: 999,999 must not become "1000.0k". */
static void scaled(struct text32 *t, uint64_t n, uint64_t unit, const char *name)
{
	snprintf(t->s, sizeof(t->s), "%llu.%llu%s", (ull)(n / unit), (ull)(n % unit * 10 / unit),
		 name);
}

struct text32 format_count(int64_t n)
{
	struct text32 t = { 0 };

	if (n < 0)
		snprintf(t.s, sizeof(t.s), "?");
	else if (n < 1000)
		snprintf(t.s, sizeof(t.s), "%llu", (ull)n);
	else if (n < 10000)
		snprintf(t.s, sizeof(t.s), "%llu,%03llu", (ull)n / 1000, (ull)n % 1000);
	else if (n < 1000000)
		scaled(&t, (uint64_t)n, 1000, "k");
	else if (n < 1000000000)
		scaled(&t, (uint64_t)n, 1000000, "M");
	else
		scaled(&t, (uint64_t)n, 1000000000, "G");
	return t;
}

struct text32 format_bytes(uint64_t n)
{
	static const char *const units[] = { " KiB", " MiB", " GiB", " TiB" };
	struct text32 t = { 0 };
	size_t u = 0;
	uint64_t unit = 1024;

	if (n < 1024) {
		snprintf(t.s, sizeof(t.s), "%llu B", (ull)n);
		return t;
	}
	while (u + 1 < ARRAY_SIZE(units) && n / unit >= 1024) {
		unit *= 1024;
		u++;
	}
	scaled(&t, n, unit, units[u]);
	return t;
}

#define PICO 1000000000000

/* Enough decimals that what differs looks different, and no more. */
struct text32 format_cost(int64_t pico_usd)
{
	struct text32 t = { 0 };
	double usd = (double)pico_usd / PICO;

	if (pico_usd == 0)
		snprintf(t.s, sizeof(t.s), "$0");
	else if (usd < 0.0001 && usd > -0.0001)
		snprintf(t.s, sizeof(t.s), "<$0.0001");
	else if (usd < 1 && usd > -1)
		snprintf(t.s, sizeof(t.s), "$%.4f", usd);
	else
		snprintf(t.s, sizeof(t.s), "$%.2f", usd);
	return t;
}

struct text64 format_costs(int64_t pico_usd, int64_t equivalent_pico_usd)
{
	const struct text32 paid = format_cost(pico_usd), plan = format_cost(equivalent_pico_usd);
	struct text64 t;

	if (!equivalent_pico_usd)
		snprintf(t.s, sizeof(t.s), "%s", paid.s);
	else if (!pico_usd)
		snprintf(t.s, sizeof(t.s), "~%s", plan.s);
	else
		snprintf(t.s, sizeof(t.s), "%.28s + ~%.28s", paid.s, plan.s);
	return t;
}

struct text32 format_usd(int64_t pico_usd)
{
	const ull abs = pico_usd < 0 ? 0 - (ull)pico_usd : (ull)pico_usd;
	struct text32 t = { 0 };
	size_t n = (size_t)snprintf(t.s, sizeof(t.s), "%s%llu.%012llu", pico_usd < 0 ? "-" : "",
				    abs / PICO, abs % PICO);

	while (t.s[n - 1] == '0')
		t.s[--n] = 0;
	if (t.s[n - 1] == '.')
		t.s[--n] = 0;
	return t;
}

static bool local_time(uint64_t unix_ns, struct tm *ret)
{
	time_t s = (time_t)(unix_ns / 1000000000);

	return unix_ns && localtime_r(&s, ret);
}

struct text32 format_clock(uint64_t unix_ns)
{
	struct text32 t = { "" };
	struct tm tm;

	if (local_time(unix_ns, &tm))
		strftime(t.s, sizeof(t.s), "%H:%M:%S", &tm);
	return t;
}

struct text32 format_time(uint64_t unix_ns)
{
	struct text32 t = { "" };
	struct tm tm;

	if (local_time(unix_ns, &tm))
		strftime(t.s, sizeof(t.s), "%Y-%m-%d %H:%M:%S", &tm);
	return t;
}

struct text32 format_day_time(uint64_t unix_ns)
{
	struct text32 t = { "" };
	struct tm tm;

	if (local_time(unix_ns, &tm))
		strftime(t.s, sizeof(t.s), "%b %d %H:%M", &tm);
	return t;
}
