/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/redact_names.h"

#include "base/util.h"

#define NAME_MAX_BYTES	64
#define VALUE_MAX_BYTES 8192

struct name {
	const char *end; /* how the name ends, in lower case, without separators */
	const char *kind;
	enum redact_class class;
	bool whole; /* it is all of the name */
};

static const struct name names[] = {
	{ "password", "password", CLASS_STRONG, false },
	{ "passwd", "password", CLASS_STRONG, false },
	{ "passphrase", "password", CLASS_STRONG, false },
	{ "pwd", "password", CLASS_PWD, false },
	{ "secret", "secret", CLASS_STRONG, false },
	{ "apikey", "api-key", CLASS_STRONG, false },
	{ "secretkey", "secret", CLASS_STRONG, false },
	{ "secretaccesskey", "secret", CLASS_STRONG, false },
	{ "accountkey", "secret", CLASS_STRONG, false },
	{ "sharedaccesskey", "secret", CLASS_STRONG, false },
	{ "privatekey", "private-key", CLASS_TOKEN, false },
	{ "accesskey", "access-key", CLASS_TOKEN, false },
	{ "authkey", "secret", CLASS_TOKEN, false },
	{ "signingkey", "secret", CLASS_TOKEN, false },
	{ "encryptionkey", "secret", CLASS_TOKEN, false },
	{ "masterkey", "secret", CLASS_TOKEN, false },
	{ "securitytoken", "token", CLASS_STRONG, false },
	{ "token", "token", CLASS_TOKEN, false },
	{ "_auth", "secret", CLASS_TOKEN, false },
	{ "credential", "credential", CLASS_TOKEN, false },
	{ "credentials", "credential", CLASS_TOKEN, false },
	{ "chatgptaccountid", "account-id", CLASS_STRONG, false },
	{ "authorization", "authorization", CLASS_HEADER, false },
	{ "cookie", "cookie", CLASS_HEADER, false },
	{ "signature", "signature", CLASS_HEX, false },
};

/* Beside those: as query parameters and options. */
static const struct name parameters[] = {
	{ "key", "api-key", CLASS_STRONG, true },
	{ "sig", "signature", CLASS_STRONG, true },
	{ "pass", "password", CLASS_STRONG, true },
	{ "auth", "secret", CLASS_STRONG, true },
	{ "pat", "token", CLASS_STRONG, true },
	{ "token", "token", CLASS_STRONG, false },
	{ "signature", "signature", CLASS_STRONG, false },
	{ "credential", "credential", CLASS_STRONG, false },
	{ "accesskey", "access-key", CLASS_STRONG, false },
	{ "bearer", "bearer", CLASS_STRONG, true },
};

/* Without separators and in lower case; keeps the end where it is too long. */
static struct slice normalize(struct slice name, char room[NAME_MAX_BYTES])
{
	size_t n = 0;

	if (name.n > NAME_MAX_BYTES)
		name = slice_from(name, name.n - NAME_MAX_BYTES);
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '-' || (c == '_' && i) || c == '.' || c == ' ')
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		room[n++] = c;
	}
	return (struct slice){ room, n };
}

static enum redact_class find(const struct name *table, size_t n, struct slice name,
			      const char **ret_kind)
{
	for (size_t i = 0; i < n; i++) {
		struct slice end = slice_of(table[i].end);

		if (!slice_ends(name, end) || (table[i].whole && name.n != end.n))
			continue;
		*ret_kind = table[i].kind;
		return table[i].class;
	}
	return CLASS_NONE;
}

enum redact_class redact_name(struct slice name, const char **ret_kind)
{
	char room[NAME_MAX_BYTES];

	return find(names, ARRAY_SIZE(names), normalize(name, room), ret_kind);
}

enum redact_class redact_parameter(struct slice name, const char **ret_kind)
{
	char room[NAME_MAX_BYTES];
	struct slice plain = normalize(name, room);
	enum redact_class class = find(parameters, ARRAY_SIZE(parameters), plain, ret_kind);

	return class ? class : find(names, ARRAY_SIZE(names), plain, ret_kind);
}

bool redact_header_is_secret(struct slice name)
{
	static const char *const ends[] = { "-token", "-secret", "-key", "-signature",
					    "-password" };
	const char *kind;
	enum redact_class class = redact_name(name, &kind);

	if (class == CLASS_STRONG || class == CLASS_HEADER || class == CLASS_PWD)
		return true;
	/* Azure names the deployment in x-ratelimit-key. */
	if (slice_ieq(name, SLICE("idempotency-key")) ||
	    slice_ieq(name, SLICE("sec-websocket-key")) ||
	    slice_istarts(name, SLICE("x-ratelimit-")))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct slice end = slice_of(ends[i]);

		if (name.n > end.n && slice_ieq(slice_from(name, name.n - end.n), end))
			return true;
	}
	return class == CLASS_TOKEN;
}

bool redact_is_placeholder(struct slice v)
{
	static const struct slice words[] = {
		{ "true", 4 },	    { "false", 5 },    { "null", 4 },	 { "none", 4 },
		{ "undefined", 9 }, { "string", 6 },   { "str", 3 },	 { "required", 8 },
		{ "optional", 8 },  { "redacted", 8 }, { "number", 6 },	 { "nil", 3 },
		{ "any", 3 },	    { "bool", 4 },     { "boolean", 7 },
	};
	static const struct slice starts[] = {
		{ REDACT_MARK, sizeof(REDACT_MARK) - 1 },
		{ "process.env", 11 },
		{ "os.environ", 10 },
		{ "os.getenv", 9 },
		{ "your", 4 },
		{ "self.", 5 },
	};

	if (v.n == 0 || strchr("$<{%*", v.p[0]) || redact_run(v, SET_DOT) == v.n)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (slice_ieq(v, words[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (slice_istarts(v, starts[i]))
			return true;
	return false;
}

bool redact_looks_random(struct slice v, size_t min)
{
	if (v.n < min || redact_is_placeholder(v))
		return false;
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] <= ' ')
			return false;
	if (!redact_has(v, SET_LOWER | SET_UPPER))
		return false;
	return redact_has(v, SET_DIGIT) ||
	       (v.n >= 20 && redact_has(v, SET_LOWER) && redact_has(v, SET_UPPER));
}

/* "Bearer x", "Basic x", "AWS4-HMAC-SHA256 ...", or a bare key. */
static bool is_header_value(struct slice v)
{
	static const struct slice schemes[] = {
		{ "bearer ", 7 }, { "basic ", 6 },  { "token ", 6 },	  { "digest ", 7 },
		{ "aws4-", 5 },	  { "apikey ", 7 }, { "negotiate ", 10 },
	};

	if (slice_has(v, SLICE("=")) && v.n >= 8)
		return !redact_is_placeholder(v);
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (slice_istarts(v, schemes[i]))
			return !redact_is_placeholder(slice_trim(slice_from(v, schemes[i].n)));
	return redact_looks_random(v, 8);
}

bool redact_value(struct slice v, enum redact_class class)
{
	switch (class) {
	case CLASS_STRONG:
		return v.n >= 4 && !redact_is_placeholder(v);
	case CLASS_TOKEN:
		return redact_looks_random(v, 8);
	case CLASS_HEADER:
		return is_header_value(v);
	case CLASS_HEX:
		return v.n >= 32 && redact_run(v, SET_HEX) == v.n;
	case CLASS_PWD:
		return v.n >= 4 && !redact_is_placeholder(v) && !strchr("/~.\\", v.p[0]) &&
		       v.p[1] != ':';
	case CLASS_NONE:
		break;
	}
	return false;
}

/* --- in running text --- */

/* A name, what separates it from its value, and the value. */
struct assignment {
	size_t name; /* where it begins */
	bool option; /* --name */
	bool tight;  /* name=value */
	bool quoted;
	char sep; /* '=', ':', '>' or ' ' */
	size_t from, to;
};

static char at_or_nul(struct slice s, size_t i)
{
	if (i >= s.n)
		return '\0';
	return s.p[i];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* Backslashes and then a quote, as in JSON within JSON; @i itself where there is none. */
static size_t skip_quote(struct slice s, size_t i)
{
	size_t k = i;

	while (at_or_nul(s, k) == '\\')
		k++;
	return is_quote(at_or_nul(s, k)) ? k + 1 : i;
}

/* "=", ":", ":=", "=>" and "%3D" at @i; bytes of it, 0 where there is none. */
static size_t separator(struct slice s, size_t i, char *ret)
{
	char c = at_or_nul(s, i), next = at_or_nul(s, i + 1);

	*ret = c;
	if (c == ':')
		return next == '=' ? 2 : 1;
	if (c == '=')
		return next == '=' ? 0 : next == '>' ? 2 : 1;
	*ret = '=';
	return c == '%' && next == '3' && (at_or_nul(s, i + 2) | 0x20) == 'd' ? 3 : 0;
}

/* What stands between the end of a name and its value. False where no value follows. */
static bool read_separator(struct slice s, size_t end, struct assignment *a)
{
	size_t i = skip_quote(s, end), n;

	while (i < end + 8 && is_blank(at_or_nul(s, i)))
		i++;
	a->tight = i == end;
	n = separator(s, i, &a->sep);
	if (n == 0 && at_or_nul(s, i) == '>' && a->name && s.p[a->name - 1] == '<')
		n = 1; /* <password>value</password> */
	if (n == 0 && !(a->option && i > end))
		return false;
	if (n == 0)
		a->sep = ' ';
	a->from = i + n;
	return true;
}

/* Up to the quote that closes it: one with no more backslashes than the one that opened it. */
static size_t quoted_end(struct slice s, size_t from, char quote, size_t slashes)
{
	size_t run = 0;

	for (size_t i = from; i < s.n && i < from + VALUE_MAX_BYTES; i++) {
		if (s.p[i] == quote && (run <= slashes && (slashes || run % 2 == 0)))
			return i - run;
		if (s.p[i] == '\n')
			return i;
		run = s.p[i] == '\\' ? run + 1 : 0;
	}
	return s.n < from + VALUE_MAX_BYTES ? s.n : from + VALUE_MAX_BYTES;
}

static bool ends_bare(char c)
{
	return (unsigned char)c <= ' ' || strchr(",;&\"'`<>()[]{}|\\", c);
}

static void read_value(struct slice s, struct assignment *a)
{
	size_t i = a->from, open;

	while (i < a->from + 8 && is_blank(at_or_nul(s, i)))
		i++;
	a->tight &= i == a->from && a->sep != ':';
	open = skip_quote(s, i);
	a->quoted = open > i;
	a->from = open;
	if (a->quoted) {
		a->to = quoted_end(s, open, s.p[open - 1], open - 1 - i);
		return;
	}
	for (a->to = i; a->to < s.n && !ends_bare(s.p[a->to]);)
		a->to++;
	/* The end of a sentence. */
	while (a->to > i && strchr(".:!?", s.p[a->to - 1]) && a->sep != '=')
		a->to--;
}

/* The rest of a header's line; where the header stands in quotes, up to them. */
static void read_header_value(struct slice s, struct assignment *a)
{
	char quote = '\0';

	if (a->name)
		quote = s.p[a->name - 1];
	while (is_blank(at_or_nul(s, a->from)))
		a->from++;
	for (a->to = a->from; a->to < s.n; a->to++) {
		char c = s.p[a->to];

		if (c == '\n' || c == '\r' || (is_quote(quote) && c == quote))
			break;
		/* \n or \" of text that is escaped */
		if (c == '\\' && strchr("nr\"'\\", at_or_nul(s, a->to + 1)))
			break;
	}
	while (a->to > a->from && is_blank(s.p[a->to - 1]))
		a->to--;
}

/* Whether a bare value is one, and no expression or prose. */
static bool bare_value(struct slice s, const struct assignment *a, enum redact_class class)
{
	struct slice v = { s.p + a->from, a->to - a->from };
	char next = at_or_nul(s, a->to);

	if (class == CLASS_HEADER)
		return false;
	if (next == '(' || next == '[' || (next == '{' && v.n == 0))
		return false;
	/* Prose and code have colons too; a header's name does not occur in them. */
	if ((class == CLASS_STRONG || class == CLASS_PWD) && !a->tight &&
	    !slice_istarts(slice_from(s, a->name), SLICE("x-")))
		return redact_looks_random(v, 6);
	/* "token = token2.next" is code as well. */
	if (class == CLASS_TOKEN && !a->tight && a->sep == '=')
		return redact_looks_random(v, 16);
	return redact_value(v, class);
}

static size_t name_begin(const struct redact_text *t, size_t at)
{
	size_t begin = at;

	while (begin > t->floor && at - begin < NAME_MAX_BYTES) {
		struct slice before = { t->s.p + begin - 1, 1 };

		if (!redact_run(before, SET_WORD))
			break;
		/* The n of an escaped line end is no part of it. */
		if (begin >= 2 && before.p[-1] == '\\' && strchr("nrt", before.p[0]))
			break;
		begin--;
	}
	return begin;
}

/* The value behind the separator, as names of that class have it. */
static void find_value(struct slice s, size_t name_end, enum redact_class class,
		       struct assignment *a)
{
	char c = at_or_nul(s, name_end);

	if (class != CLASS_HEADER || is_quote(c) || c == '\\') {
		read_value(s, a);
		return;
	}
	read_header_value(s, a);
	/* "cookie = parse(x)" is code. */
	a->quoted = a->sep == ':' || a->tight;
}

bool redact_match_name(const struct redact_text *t, size_t at, const struct redact_rule *rule,
		       struct redact_span *ret)
{
	struct slice s = t->s, name, value;
	size_t end = at + strlen(rule->literal);
	bool in_query = s.p[at] == '?' || s.p[at] == '&';
	struct assignment a = { .name = in_query ? at + 1 : name_begin(t, at) };
	enum redact_class class;

	name = (struct slice){ s.p + a.name, end - a.name };
	a.option = slice_starts(name, SLICE("--"));
	if (!read_separator(s, end, &a))
		return false;
	/* In a query names are shorter, and what they say is surer. */
	in_query = a.name && (s.p[a.name - 1] == '?' || s.p[a.name - 1] == '&') && a.sep == '=';
	class = in_query ? redact_parameter(name, &ret->kind) : redact_name(name, &ret->kind);
	if (class == CLASS_NONE || (class == CLASS_HEX && a.sep != '='))
		return false;
	find_value(s, end, class, &a);
	value = (struct slice){ s.p + a.from, a.to - a.from };
	ret->from = a.from;
	ret->to = a.to;
	if (slice_starts(value, SLICE(REDACT_MARK)))
		return false;
	return a.quoted ? redact_value(value, class) : bare_value(s, &a, class);
}
