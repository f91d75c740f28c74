/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules on where programs may connect to. Sonde looks and says; it stops nothing.
 *
 *	allow api.openai.com		that host
 *	allow .corp.example:443		all hosts below it, on that port
 *	deny 10.0.0.0/8			addresses; also 192.0.2.1:8080, 2001:db8::/32, [::1]:443
 *	deny *:25			anything on that port; `*` alone: anything
 *
 * The first rule that fits counts; what none fits is allowed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define EGRESS_RULES_MAX 256
#define EGRESS_RULE_SIZE 320 /* bytes of its text, NUL included */

enum egress_verdict {
	EGRESS_ALLOWED = 1,
	EGRESS_DENIED,
	EGRESS_UNDECIDED, /* it depends on the host's name, which is not known */
};

extern const char *const egress_verdict_names[];

struct egress_rule {
	char text[EGRESS_RULE_SIZE]; /* as it is told: "deny *:25" */
	enum egress_verdict verdict; /* ALLOWED or DENIED */
	enum { EGRESS_ANY, EGRESS_HOST, EGRESS_BELOW, EGRESS_NET } what;
	struct slice host; /* in text; BELOW: with its dot */
	uint8_t family, prefix, addr[16];
	uint16_t port; /* 0: any */
};

/* Reads "allow PATTERN" or "deny PATTERN". 0, or -EINVAL with what is wrong in *ret_why. */
int egress_parse(struct slice text, struct egress_rule *ret, const char **ret_why);

/* Where a connection leads to. */
struct egress_peer {
	struct slice host; /* empty: not known */
	uint8_t family;	   /* AF_INET, AF_INET6; 0: not known */
	uint8_t addr[16];
	uint16_t port; /* 0: not known */
};

/* *ret_rule: the rule that decides, or NULL. */
enum egress_verdict egress_judge(const struct egress_rule *rules, size_t n,
				 const struct egress_peer *to, const struct egress_rule **ret_rule);
