/* SPDX-License-Identifier: BSD-2-Clause */
/* Egress rules: what can be written, and which one decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/util.h"
#include "policy/egress.h"

static struct egress_peer peer(const char *host, const char *addr, uint16_t port)
{
	struct egress_peer p = { .host = slice_of(host), .port = port };

	if (addr) {
		p.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
		assert_int_equal(inet_pton(p.family, addr, p.addr), 1);
	}
	return p;
}

/* "verdict" or "verdict by rule". */
static const char *judge(const char *const *rules, const struct egress_peer *to)
{
	static struct egress_rule read[8];
	static char text[EGRESS_RULE_SIZE + 32];
	const struct egress_rule *rule;
	enum egress_verdict v;
	const char *why;
	size_t n = 0;

	for (; rules[n]; n++)
		assert_int_equal(egress_parse(slice_of(rules[n]), &read[n], &why), 0);
	v = egress_judge(read, n, to, &rule);
	snprintf(text, sizeof(text), "%s%s%s", egress_verdict_names[v], rule ? " by " : "",
		 rule ? rule->text : "");
	return text;
}

static void the_first_rule_that_fits_decides(void **state)
{
	static const struct {
		const char *rules[4];
		const char *host, *addr;
		uint16_t port;
		const char *verdict;
	} cases[] = {
		{ { NULL }, "a.example", "192.0.2.1", 443, "allowed" },
		{ { "deny *" }, NULL, "192.0.2.1", 443, "denied by deny *" },
		{ { "deny *:25" }, NULL, "192.0.2.1", 443, "allowed" },
		{ { "deny *:25" }, NULL, "192.0.2.1", 25, "denied by deny *:25" },
		/* names */
		{ { "allow a.example", "deny *" },
		  "A.Example.",
		  NULL,
		  1,
		  "allowed by allow a.example" },
		{ { "allow a.example", "deny *" }, "b.a.example", NULL, 1, "denied by deny *" },
		{ { "allow .a.example", "deny *" },
		  "b.a.example",
		  NULL,
		  1,
		  "allowed by allow .a.example" },
		{ { "allow *.a.example", "deny *" },
		  "b.a.example",
		  NULL,
		  1,
		  "allowed by allow *.a.example" },
		{ { "allow .a.example", "deny *" }, "a.example", NULL, 1, "denied by deny *" },
		{ { "allow .a.example", "deny *" }, "bada.example", NULL, 1, "denied by deny *" },
		{ { "allow a.example:443", "deny *" }, "a.example", NULL, 80, "denied by deny *" },
		/* addresses */
		{ { "deny 10.0.0.0/8" }, NULL, "10.255.0.1", 1, "denied by deny 10.0.0.0/8" },
		{ { "deny 10.0.0.0/8" }, NULL, "11.0.0.1", 1, "allowed" },
		{ { "deny 192.0.2.128/25" }, NULL, "192.0.2.127", 1, "allowed" },
		{ { "deny 192.0.2.128/25" },
		  NULL,
		  "192.0.2.129",
		  1,
		  "denied by deny 192.0.2.128/25" },
		{ { "deny 0.0.0.0/0" }, NULL, "::1", 1, "allowed" },
		{ { "deny 127.0.0.1" }, NULL, "::ffff:127.0.0.1", 1, "denied by deny 127.0.0.1" },
		{ { "deny 2001:db8::/32" },
		  NULL,
		  "2001:db8:1::5",
		  1,
		  "denied by deny 2001:db8::/32" },
		{ { "deny ::1" }, NULL, "::1", 80, "denied by deny ::1" },
		{ { "deny [::1]:80" }, NULL, "::1", 80, "denied by deny [::1]:80" },
		{ { "deny [::1]:80" }, NULL, "::1", 81, "allowed" },
		/* order */
		{ { "deny a.example", "allow .example", "deny *" },
		  "a.example",
		  NULL,
		  1,
		  "denied by deny a.example" },
		{ { "deny a.example", "allow .example", "deny *" },
		  "c.example",
		  NULL,
		  1,
		  "allowed by allow .example" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct egress_peer to = peer(cases[i].host, cases[i].addr, cases[i].port);

		assert_string_equal(judge(cases[i].rules, &to), cases[i].verdict);
	}
}

static void without_the_name_that_it_depends_on_nothing_is_decided(void **state)
{
	static const struct {
		const char *rules[4];
		const char *verdict;
	} cases[] = {
		{ { "allow a.example", "deny *" }, "undecided" },
		{ { "deny a.example" }, "undecided" },
		{ { "allow a.example" }, "allowed" },
		{ { "deny a.example", "deny *" }, "denied by deny *" },
		{ { "deny 192.0.2.0/24", "allow a.example", "deny *" },
		  "denied by deny 192.0.2.0/24" },
		{ { "allow a.example:80", "deny *" }, "denied by deny *" },
	};
	const struct egress_peer to = peer(NULL, "192.0.2.1", 443);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(judge(cases[i].rules, &to), cases[i].verdict);
}

static void what_is_no_rule_is_told_why(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "expected 'allow' or 'deny', and where to" },
		{ "allow", "expected 'allow' or 'deny', and where to" },
		{ "block a.example", "expected 'allow' or 'deny', and where to" },
		{ "deny a.example:0", "a port is a number from 1 to 65535" },
		{ "deny a.example:70000", "a port is a number from 1 to 65535" },
		{ "deny a.example:http", "a port is a number from 1 to 65535" },
		{ "deny :80", "expected a host, .domain, address, network or *" },
		{ "deny a b", "expected a host, .domain, address, network or *" },
		{ "deny https://a.example/", "a host or an address is meant, not a URL" },
		{ "deny 10.0.0.0/33", "no such length of a network's prefix" },
		{ "deny 10.0.0.0/", "no such length of a network's prefix" },
		{ "deny 10.0.0/8", "no such address" },
		{ "deny [::1", "no such address" },
		{ "deny ::1::2", "no such address" },
	};
	struct egress_rule rule;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = NULL;

		assert_true(egress_parse(slice_of(cases[i].text), &rule, &why) < 0);
		assert_string_equal(why, cases[i].why);
	}
}

static void a_rule_is_bounded(void **state)
{
	static char text[2 * EGRESS_RULE_SIZE];
	struct egress_rule rule;
	const char *why;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "deny ", 5);
	assert_true(egress_parse(slice_of(text), &rule, &why) < 0);
	text[EGRESS_RULE_SIZE - 1] = 0;
	assert_int_equal(egress_parse(slice_of(text), &rule, &why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_fits_decides),
		cmocka_unit_test(without_the_name_that_it_depends_on_nothing_is_decided),
		cmocka_unit_test(what_is_no_rule_is_told_why),
		cmocka_unit_test(a_rule_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
