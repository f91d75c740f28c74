/* SPDX-License-Identifier: BSD-2-Clause */
/* What secrets look like: the table of literals, and the rules behind them. */
#include "base/util.h"
#include "trace/redact_names.h"
#include "trace/redact_scan.h"

#define PEM_MAX	     65536
#define USERINFO_MAX 512

static unsigned set_of(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return SET_DIGIT | SET_HEX;
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		return (c & 0x20 ? SET_LOWER : SET_UPPER) | ((c | 0x20) <= 'f' ? SET_HEX : 0);
	switch (c) {
	case '-':
	case '_':
		return SET_DASH;
	case '+':
	case '/':
	case '=':
		return SET_BASE64;
	case '.':
	case '~':
		return SET_DOT;
	default:
		return 0;
	}
}

size_t redact_run(struct slice s, unsigned set)
{
	size_t n = 0;

	while (n < s.n && (set_of((unsigned char)s.p[n]) & set))
		n++;
	return n;
}

bool redact_has(struct slice s, unsigned set)
{
	for (size_t i = 0; i < s.n; i++)
		if (set_of((unsigned char)s.p[i]) & set)
			return true;
	return false;
}

unsigned redact_hex(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* A colour of a terminal ends in a letter: ESC [ 32 m, however the ESC is written. */
static bool ends_colour(struct slice before)
{
	size_t n = before.n;

	if (before.p[--n] != 'm')
		return false;
	while (n && ((before.p[n - 1] >= '0' && before.p[n - 1] <= '9') || before.p[n - 1] == ';'))
		n--;
	return n && before.p[n - 1] == '[';
}

/* Whether a word may begin at @at: no letter or digit before it, but those of an escape. */
static bool begins_word(const struct redact_text *t, size_t at)
{
	const char *p = t->s.p + at;

	if (at == 0 || at == t->floor || !(set_of((unsigned char)p[-1]) & SET_ALNUM))
		return true;
	if (at >= 2 && p[-2] == '\\' && (p[-1] == 'n' || p[-1] == 'r' || p[-1] == 't'))
		return true;
	if (at >= 3 && p[-3] == '%' && (set_of((unsigned char)p[-2]) & SET_HEX) &&
	    (set_of((unsigned char)p[-1]) & SET_HEX))
		return true;
	return ends_colour((struct slice){ t->s.p, at });
}

static bool match_prefix(const struct redact_text *t, size_t at, const struct redact_rule *rule,
			 struct redact_span *ret)
{
	struct slice rest = slice_from(t->s, at + strlen(rule->literal));
	size_t n = redact_run(rest, rule->set);

	rest.n = n;
	if (n < rule->min || (rule->max && n > rule->max) || !begins_word(t, at))
		return false;
	if (rule->digit && !redact_has(rest, SET_DIGIT))
		return false;
	*ret = (struct redact_span){ at, at + strlen(rule->literal) + n, rule->kind };
	return true;
}

/* An access key id; where its secret stands right behind it, both. */
static bool match_aws(const struct redact_text *t, size_t at, const struct redact_rule *rule,
		      struct redact_span *ret)
{
	struct slice rest;
	size_t gap = 0;

	if (!match_prefix(t, at, rule, ret))
		return false;
	rest = slice_from(t->s, ret->to);
	while (gap < 4 && gap < rest.n && strchr(" \t,:;|\"'\n", rest.p[gap]))
		gap++;
	if (gap && redact_run(slice_from(rest, gap), SET_ALNUM | SET_BASE64) == 40)
		ret->to += gap + 40;
	return true;
}

/* Header, payload and signature, each base64url. */
static bool match_jwt(const struct redact_text *t, size_t at, const struct redact_rule *rule,
		      struct redact_span *ret)
{
	size_t end = at;

	if (!begins_word(t, at))
		return false;
	for (int part = 0; part < 3; part++) {
		size_t n = redact_run(slice_from(t->s, end), SET_WORD);

		if (n < 8 && part < 2)
			return false;
		end += n;
		if (part == 2)
			break;
		if (end >= t->s.n || t->s.p[end] != '.')
			return false;
		end++;
	}
	*ret = (struct redact_span){ at, end, rule->kind };
	return true;
}

/* "Bearer" and a token. */
static bool match_bearer(const struct redact_text *t, size_t at, const struct redact_rule *rule,
			 struct redact_span *ret)
{
	size_t from = at + strlen(rule->literal);
	size_t n = redact_run(slice_from(t->s, from), SET_WORD | SET_DOT | SET_BASE64);
	struct slice value = { t->s.p + from, n };

	if (!begins_word(t, at) || !redact_looks_random(value, 8))
		return false;
	*ret = (struct redact_span){ from, from + n, rule->kind };
	return true;
}

static int base64_digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Whether it decodes to printable text with a colon, as "user:password" does. */
static bool is_basic(struct slice v)
{
	unsigned bits = 0, n_bits = 0;
	bool colon = false;

	for (size_t i = 0; i < v.n && v.p[i] != '='; i++) {
		int digit = base64_digit((unsigned char)v.p[i]);
		unsigned char c;

		if (digit < 0)
			return false;
		bits = (bits << 6 | (unsigned)digit) & 0xfff;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		c = (unsigned char)(bits >> n_bits);
		if (c < ' ' || c == 0x7f)
			return false;
		colon |= c == ':';
	}
	return colon;
}

static bool match_basic(const struct redact_text *t, size_t at, const struct redact_rule *rule,
			struct redact_span *ret)
{
	size_t from = at + strlen(rule->literal);
	size_t n = redact_run(slice_from(t->s, from), SET_WORD | SET_BASE64);

	if (n < 4 || !begins_word(t, at) || !is_basic((struct slice){ t->s.p + from, n }))
		return false;
	*ret = (struct redact_span){ from, from + n, rule->kind };
	return true;
}

/* From BEGIN to END; where END is missing, as far as it looks like a key. */
static bool match_pem(const struct redact_text *t, size_t at, const struct redact_rule *rule,
		      struct redact_span *ret)
{
	struct slice rest = slice_from(t->s, at), line = rest, end;
	const char *tail;
	size_t n;

	line.n = line.n < 80 ? line.n : 80;
	if (!slice_has(line, SLICE("PRIVATE KEY")))
		return false;
	rest.n = rest.n < PEM_MAX ? rest.n : PEM_MAX;
	tail = memmem(rest.p, rest.n, "-----END", 8);
	if (tail) {
		end = slice_from(rest, (size_t)(tail - rest.p) + 8);
		tail = memmem(end.p, end.n < 80 ? end.n : 80, "-----", 5);
		n = tail ? (size_t)(tail - rest.p) + 5 : rest.n - end.n;
	} else {
		for (n = 0; n < rest.n; n++)
			if (!(set_of((unsigned char)rest.p[n]) &
			      (SET_WORD | SET_BASE64 | SET_DOT)) &&
			    !strchr(" \t\r\n\\:,", rest.p[n]))
				break;
	}
	*ret = (struct redact_span){ at, at + n, rule->kind };
	return true;
}

/* scheme://user:password@host, and a token in place of the user. */
static bool match_userinfo(const struct redact_text *t, size_t at, const struct redact_rule *rule,
			   struct redact_span *ret)
{
	size_t from = at + strlen(rule->literal), n = 0;
	struct slice rest = slice_from(t->s, from), user, password;

	while (n < rest.n && n < USERINFO_MAX && (unsigned char)rest.p[n] > ' ' &&
	       !strchr("/?#\"'`<>\\@,()|", rest.p[n]))
		n++;
	if (n == 0 || n >= rest.n || rest.p[n] != '@')
		return false;
	rest.n = n;
	if (slice_starts(rest, SLICE(REDACT_MARK)))
		return false;
	if (slice_cut(rest, ':', &user, &password)) {
		if (redact_is_placeholder(password))
			return false;
	} else if (!redact_looks_random(rest, 16)) {
		return false;
	}
	*ret = (struct redact_span){ from, from + n, rule->kind };
	return true;
}

/* curl's -u user:password, in a command line. */
static bool match_curl_user(const struct redact_text *t, size_t at, const struct redact_rule *rule,
			    struct redact_span *ret)
{
	size_t from = at + strlen(rule->literal), back = at < 400 ? at : 400, n = 0;
	struct slice before = { t->s.p + at - back, back }, rest = slice_from(t->s, from), user,
		     password;
	const char *line = before.n ? memrchr(before.p, '\n', before.n) : NULL;

	if (line)
		before = slice_from(before, (size_t)(line - before.p));
	if (!slice_has(before, SLICE("curl")))
		return false;
	while (rest.n && strchr("\\\"'", rest.p[0]) && rest.p[0])
		rest = slice_from(rest, 1);
	while (n < rest.n && (unsigned char)rest.p[n] > ' ' && !strchr("\"'\\", rest.p[n]))
		n++;
	from = t->s.n - rest.n;
	rest.n = n;
	if (!slice_cut(rest, ':', &user, &password) || redact_is_placeholder(password))
		return false;
	*ret = (struct redact_span){ from + user.n + 1, from + n, rule->kind };
	return true;
}

/* https://hooks.slack.com/services/T.../B.../secret and the like: the path is the key. */
static bool match_webhook(const struct redact_text *t, size_t at, const struct redact_rule *rule,
			  struct redact_span *ret)
{
	size_t from = at + strlen(rule->literal), n = 0;

	while (from + n < t->s.n &&
	       (set_of((unsigned char)t->s.p[from + n]) & SET_WORD ||
		strchr("/:", t->s.p[from + n])) &&
	       t->s.p[from + n])
		n++;
	if (n < rule->min)
		return false;
	*ret = (struct redact_span){ from, from + n, rule->kind };
	return true;
}

#define PREFIX(text, kind, set, min)                                \
	{                                                           \
		text, kind, match_prefix, set, min, 0, false, false \
	}
#define EXACT(text, kind, set, n)                                 \
	{                                                         \
		text, kind, match_prefix, set, n, n, false, false \
	}
/* Prefixes that words have too: a digit must follow. */
#define DIGIT(text, kind, set, min)                                \
	{                                                          \
		text, kind, match_prefix, set, min, 0, true, false \
	}
#define NAME(text)                                                  \
	{                                                           \
		text, NULL, redact_match_name, 0, 0, 0, false, true \
	}

/* The longer of two literals that begin alike comes first. */
const struct redact_rule redact_rules[] = {
	PREFIX("sk-ant-", "anthropic-key", SET_WORD, 16),
	PREFIX("sk-proj-", "openai-key", SET_WORD, 16),
	PREFIX("sk-svcacct-", "openai-key", SET_WORD, 16),
	PREFIX("sk-or-", "openrouter-key", SET_WORD, 16),
	DIGIT("sk-", "api-key", SET_WORD, 16),
	DIGIT("sk_live_", "stripe-key", SET_ALNUM, 12),
	DIGIT("sk_test_", "stripe-key", SET_ALNUM, 12),
	DIGIT("rk_live_", "stripe-key", SET_ALNUM, 12),
	DIGIT("pk-lf-", "api-key", SET_WORD, 16),
	PREFIX("whsec_", "webhook-secret", SET_ALNUM | SET_BASE64, 20),
	PREFIX("AIza", "google-key", SET_WORD, 30),
	PREFIX("ya29.", "google-token", SET_WORD | SET_DOT, 20),
	PREFIX("GOCSPX-", "google-secret", SET_WORD, 20),
	PREFIX("ghp_", "github-token", SET_ALNUM, 20),
	PREFIX("gho_", "github-token", SET_ALNUM, 20),
	PREFIX("ghu_", "github-token", SET_ALNUM, 20),
	PREFIX("ghs_", "github-token", SET_ALNUM, 20),
	PREFIX("ghr_", "github-token", SET_ALNUM, 20),
	PREFIX("github_pat_", "github-token", SET_WORD, 20),
	PREFIX("glpat-", "gitlab-token", SET_WORD | SET_DOT, 16),
	PREFIX("gldt-", "gitlab-token", SET_WORD, 16),
	PREFIX("glrt-", "gitlab-token", SET_WORD, 16),
	DIGIT("xoxb-", "slack-token", SET_WORD, 10),
	DIGIT("xoxp-", "slack-token", SET_WORD, 10),
	DIGIT("xoxa-", "slack-token", SET_WORD, 10),
	DIGIT("xoxr-", "slack-token", SET_WORD, 10),
	DIGIT("xoxs-", "slack-token", SET_WORD, 10),
	DIGIT("xoxe", "slack-token", SET_WORD | SET_DOT, 20),
	DIGIT("xapp-", "slack-token", SET_WORD, 10),
	{ "AKIA", "aws-key", match_aws, SET_UPPER | SET_DIGIT, 16, 16, false, false },
	{ "ASIA", "aws-key", match_aws, SET_UPPER | SET_DIGIT, 16, 16, false, false },
	DIGIT("hf_", "huggingface-token", SET_ALNUM, 20),
	DIGIT("npm_", "npm-token", SET_ALNUM, 30),
	PREFIX("pypi-AgE", "pypi-token", SET_WORD, 30),
	DIGIT("pypi-", "pypi-token", SET_WORD, 40),
	DIGIT("SG.", "sendgrid-key", SET_WORD | SET_DOT, 40),
	EXACT("key-", "mailgun-key", SET_HEX, 32),
	DIGIT("gsk_", "groq-key", SET_ALNUM, 30),
	DIGIT("xai-", "xai-key", SET_WORD, 40),
	DIGIT("pplx-", "perplexity-key", SET_ALNUM, 30),
	DIGIT("r8_", "replicate-token", SET_ALNUM, 30),
	DIGIT("tvly-", "tavily-key", SET_WORD, 20),
	DIGIT("nvapi-", "nvidia-key", SET_WORD, 40),
	DIGIT("lsv2_", "langsmith-key", SET_WORD, 30),
	DIGIT("ctx7sk-", "api-key", SET_WORD, 16),
	EXACT("fc-", "firecrawl-key", SET_HEX, 32),
	PREFIX("dckr_pat_", "docker-token", SET_WORD, 20),
	PREFIX("dop_v1_", "digitalocean-token", SET_HEX, 32),
	PREFIX("shpat_", "shopify-token", SET_HEX, 32),
	PREFIX("ATATT3", "atlassian-token", SET_WORD | SET_BASE64, 40),
	DIGIT("figd_", "figma-token", SET_WORD, 20),
	DIGIT("lin_api_", "linear-key", SET_ALNUM, 20),
	DIGIT("ntn_", "notion-token", SET_ALNUM, 40),
	DIGIT("hvs.", "vault-token", SET_WORD, 20),
	DIGIT("tskey-", "tailscale-key", SET_WORD, 16),
	DIGIT("glsa_", "grafana-token", SET_WORD, 20),
	DIGIT("sntrys_", "sentry-token", SET_WORD | SET_BASE64, 20),
	DIGIT("rubygems_", "rubygems-key", SET_HEX, 32),
	DIGIT("AGE-SECRET-KEY-1", "age-key", SET_UPPER | SET_DIGIT, 40),
	{ "eyJ", "jwt", match_jwt, 0, 0, 0, false, false },
	{ "-----BEGIN", "private-key", match_pem, 0, 0, 0, false, false },
	{ "bearer ", "bearer", match_bearer, 0, 0, 0, false, true },
	{ "basic ", "basic", match_basic, 0, 0, 0, false, true },
	{ "://", "userinfo", match_userinfo, 0, 0, 0, false, false },
	{ ":\\/\\/", "userinfo", match_userinfo, 0, 0, 0, false, false },
	{ " -u ", "password", match_curl_user, 0, 0, 0, false, false },
	{ " --user ", "password", match_curl_user, 0, 0, 0, false, false },
	{ "hooks.slack.com/services/", "webhook", match_webhook, 0, 20, 0, false, false },
	{ "/api/webhooks/", "webhook", match_webhook, 0, 40, 0, false, false },
	{ "api.telegram.org/bot", "webhook", match_webhook, 0, 30, 0, false, false },
	NAME("password"),
	NAME("passwd"),
	NAME("passphrase"),
	NAME("pwd"),
	NAME("secret"),
	NAME("token"),
	NAME("key"),
	NAME("_auth"),
	NAME("credential"),
	NAME("credentials"),
	NAME("authorization"),
	NAME("cookie"),
	NAME("signature"),
	NAME("account-id"),
	NAME("?sig"),
	NAME("&sig"),
};

const size_t redact_n_rules = ARRAY_SIZE(redact_rules);
