/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures as people read them. */
#pragma once

#include <stdint.h>

/* Short forms, to be used at once: puts(format_duration(ns).s) */
struct text32 {
	char s[32];
};

struct text64 {
	char s[64];
};

struct text32 format_duration(uint64_t ns);  /* "812 ms", "3.2 s", "4m 03s", "2h 05m" */
struct text32 format_count(int64_t n);	     /* "1,204", "12.3k", "1.2M"; "?" below 0 */
struct text32 format_bytes(uint64_t n);	     /* "812 B", "1.5 KiB" */
struct text32 format_cost(int64_t pico_usd); /* "$0.0042", "$12.34" */
/* Spent, and what a plan covers: "$0.0042", "~$12.34", "$0.0042 + ~$12.34" */
struct text64 format_costs(int64_t pico_usd, int64_t equivalent_pico_usd);
struct text32 format_usd(int64_t pico_usd);	 /* exact: "0.0042" */
struct text32 format_clock(uint64_t unix_ns);	 /* local: "14:03:22" */
struct text32 format_time(uint64_t unix_ns);	 /* local: "2026-11-20 14:03:22" */
struct text32 format_day_time(uint64_t unix_ns); /* local, to the minute: "Nov 20 14:03" */
