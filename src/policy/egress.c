/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

const char *const egress_verdict_names[] = {
	[EGRESS_ALLOWED] = "allowed",
	[EGRESS_DENIED] = "denied",
	[EGRESS_UNDECIDED] = "undecided",
};

/* --- reading --- */

static bool number(struct slice s, uint64_t max, uint64_t *ret)
{
	return slice_u64(s, ret) && *ret <= max;
}

/* "2001:db8::1", "[::1]", "192.0.2.1" */
static bool address(struct slice s, struct egress_rule *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = (struct slice){ s.p + 1, s.n - 2 };
	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	ret->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(ret->family, text, ret->addr) == 1;
}

static int read_net(struct slice s, struct egress_rule *ret, const char **ret_why)
{
	struct slice before = s, after = { 0 };
	const bool has_prefix = slice_cut(s, '/', &before, &after);
	uint64_t prefix;

	*ret_why = "no such address";
	if (!address(before, ret))
		return -EINVAL;
	ret->what = EGRESS_NET;
	prefix = ret->family == AF_INET ? 32 : 128;
	*ret_why = "no such length of a network's prefix";
	if (has_prefix && !number(after, prefix, &prefix))
		return -EINVAL;
	ret->prefix = (uint8_t)prefix;
	return 0;
}

static bool is_host(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		      (s.p[i] >= '0' && s.p[i] <= '9') || strchr("-._", s.p[i])))
			return false;
	return s.n > 0;
}

/* Takes ":443" off; the colons of an IPv6 address without brackets are none of a port. */
static int read_port(struct slice *s, struct egress_rule *ret, const char **ret_why)
{
	const char *colon = s->n ? memrchr(s->p, ':', s->n) : NULL;
	const char *bracket = s->n ? memrchr(s->p, ']', s->n) : NULL;
	uint64_t port;

	if (!colon || (bracket && bracket > colon))
		return 0;
	if (!bracket && memchr(s->p, ':', (size_t)(colon - s->p)))
		return 0;
	*ret_why = "a port is a number from 1 to 65535";
	if (!number(slice_from(*s, (size_t)(colon - s->p) + 1), 65535, &port) || port == 0)
		return -EINVAL;
	s->n = (size_t)(colon - s->p);
	ret->port = (uint16_t)port;
	return 0;
}

static bool looks_like_net(struct slice s)
{
	struct egress_rule tmp = { 0 };

	return memchr(s.p, '/', s.n) || memchr(s.p, ':', s.n) || s.p[0] == '[' || address(s, &tmp);
}

static int read_pattern(struct slice s, struct egress_rule *ret, const char **ret_why)
{
	int r;

	*ret_why = "a host or an address is meant, not a URL";
	if (slice_has(s, SLICE("://")))
		return -EINVAL;
	r = read_port(&s, ret, ret_why);
	if (r < 0)
		return r;
	*ret_why = "expected a host, .domain, address, network or *";
	if (s.n == 0)
		return -EINVAL;
	if (slice_eq(s, SLICE("*"))) {
		ret->what = EGRESS_ANY;
		return 0;
	}
	if (looks_like_net(s))
		return read_net(s, ret, ret_why);
	if (slice_starts(s, SLICE("*."))) /* as certificates have it */
		s = slice_from(s, 1);
	if (!is_host(s))
		return -EINVAL;
	ret->what = s.p[0] == '.' ? EGRESS_BELOW : EGRESS_HOST;
	ret->host = s;
	return 0;
}

int egress_parse(struct slice text, struct egress_rule *ret, const char **ret_why)
{
	struct slice verb, pattern, copy;

	*ret = (struct egress_rule){ 0 };
	text = slice_trim(text);
	*ret_why = "too long";
	if (text.n >= sizeof(ret->text) || memchr(text.p, 0, text.n))
		return -EINVAL;
	memcpy(ret->text, text.p, text.n);
	copy = (struct slice){ ret->text, text.n };
	*ret_why = "expected 'allow' or 'deny', and where to";
	if (!slice_cut(copy, ' ', &verb, &pattern))
		return -EINVAL;
	if (slice_eq(verb, SLICE("allow")))
		ret->verdict = EGRESS_ALLOWED;
	else if (slice_eq(verb, SLICE("deny")))
		ret->verdict = EGRESS_DENIED;
	else
		return -EINVAL;
	return read_pattern(slice_trim(pattern), ret, ret_why);
}

/* --- judging --- */

/* An IPv4 address that is written as an IPv6 one is that IPv4 address. */
static struct egress_peer plain(const struct egress_peer *to)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct egress_peer p = *to;

	if (p.family == AF_INET6 && memcmp(p.addr, mapped, sizeof(mapped)) == 0) {
		p.family = AF_INET;
		memmove(p.addr, p.addr + sizeof(mapped), 4);
	}
	return p;
}

static bool in_net(const struct egress_rule *rule, const struct egress_peer *to)
{
	const size_t bytes = rule->prefix / 8, bits = rule->prefix % 8;
	const uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (to->family != rule->family || memcmp(to->addr, rule->addr, bytes) != 0)
		return false;
	return bits == 0 || (to->addr[bytes] & mask) == (rule->addr[bytes] & mask);
}

enum fit { NO, YES, MAYBE };

static enum fit fits_host(const struct egress_rule *rule, struct slice host)
{
	if (host.n == 0)
		return MAYBE;
	if (host.p[host.n - 1] == '.') /* a name from the root on */
		host.n--;
	if (rule->what == EGRESS_HOST)
		return slice_ieq(host, rule->host) ? YES : NO;
	return host.n > rule->host.n &&
			       slice_ieq(slice_from(host, host.n - rule->host.n), rule->host)
		       ? YES
		       : NO;
}

static enum fit fits_place(const struct egress_rule *rule, const struct egress_peer *to)
{
	switch (rule->what) {
	case EGRESS_ANY:
		return YES;
	case EGRESS_NET:
		return to->family == 0 ? MAYBE : in_net(rule, to) ? YES : NO;
	case EGRESS_HOST:
	case EGRESS_BELOW:
		break;
	}
	return fits_host(rule, to->host);
}

static enum fit fits(const struct egress_rule *rule, const struct egress_peer *to)
{
	const enum fit fit = fits_place(rule, to);

	if (!rule->port || rule->port == to->port)
		return fit;
	return fit == NO || to->port ? NO : MAYBE;
}

enum egress_verdict egress_judge(const struct egress_rule *rules, size_t n,
				 const struct egress_peer *to, const struct egress_rule **ret_rule)
{
	const struct egress_peer peer = plain(to);
	bool may_be_other[EGRESS_UNDECIDED] = { false };
	enum egress_verdict verdict = EGRESS_ALLOWED;

	*ret_rule = NULL;
	for (size_t i = 0; i < n; i++) {
		const enum fit fit = fits(&rules[i], &peer);

		if (fit == MAYBE)
			may_be_other[rules[i].verdict == EGRESS_ALLOWED ? EGRESS_DENIED
									: EGRESS_ALLOWED] = true;
		if (fit != YES)
			continue;
		verdict = rules[i].verdict;
		*ret_rule = &rules[i];
		break;
	}
	/* A rule before it that says otherwise would fit, if the name were the right one. */
	if (!may_be_other[verdict])
		return verdict;
	*ret_rule = NULL;
	return EGRESS_UNDECIDED;
}
