/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/util.h"
#include "llm/llm.h"

#define MEMORY_MAX	 (4u << 20)
#define ENDPOINTS_MAX	 256
#define SINKS_MAX	 16
#define LINE_MAX_BYTES	 4096
#define EGRESS_BYTES_MAX 8192	   /* of all rules: they go along in one event */
#define SECONDS_MAX	 100000000 /* of the largest unit: no product overflows */

struct parse {
	struct config *c;
	struct config_error *err;
	struct slice rest; /* of the text */
	unsigned line;	   /* that was given to the library last */
	bool failed;
	struct llm_endpoint **end;
	unsigned n_endpoints, n_sinks;
	size_t egress_bytes;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	if (p->failed)
		return 0;
	p->failed = true;
	p->err->line = p->line;
	va_start(ap, fmt);
	vsnprintf(p->err->text, sizeof(p->err->text), fmt, ap);
	va_end(ap);
	return 0;
}

/* --- [endpoint NAME] --- */

static int set_host(struct parse *p, struct llm_endpoint *e, struct slice value)
{
	(void)p;
	e->host = value;
	return 1;
}

static int set_path(struct parse *p, struct llm_endpoint *e, struct slice value)
{
	if (value.n && value.p[0] != '/' && value.p[0] != ':')
		return fail(p, "a path begins with a slash: '%.*s'", SLICE_ARG(value));
	e->path = value;
	return 1;
}

static int set_format(struct parse *p, struct llm_endpoint *e, struct slice value)
{
	e->format = llm_format_named(value);
	if (!e->format)
		return fail(p, "no format '%.*s'; 'sonde config show' names them",
			    SLICE_ARG(value));
	return 1;
}

static int set_provider(struct parse *p, struct llm_endpoint *e, struct slice value)
{
	(void)p;
	e->provider = value.p; /* ends with a NUL: copy() */
	return 1;
}

static const struct {
	const char *name;
	int (*set)(struct parse *p, struct llm_endpoint *e, struct slice value);
} endpoint_keys[] = {
	{ "host", set_host },
	{ "path", set_path },
	{ "format", set_format },
	{ "provider", set_provider },
};

/* It ends with a NUL. */
static struct slice copy_slice(struct parse *p, struct slice s)
{
	char *to = arena_alloc(p->c->mem, s.n + 1);

	if (!to)
		return (struct slice){ 0 };
	memcpy(to, s.p, s.n);
	to[s.n] = 0;
	return (struct slice){ to, s.n };
}

static struct slice copy(struct parse *p, const char *s)
{
	return copy_slice(p, slice_of(s));
}

static struct llm_endpoint *endpoint_get(struct parse *p, const char *name)
{
	struct llm_endpoint *e;

	for (e = p->c->endpoints; e; e = e->next)
		if (slice_eq(e->name, slice_of(name)))
			return e;
	if (++p->n_endpoints > ENDPOINTS_MAX)
		return NULL;
	e = ARENA_NEW(p->c->mem, struct llm_endpoint);
	if (!e)
		return NULL;
	e->name = copy(p, name);
	*p->end = e;
	p->end = &e->next;
	return e;
}

static int take_endpoint(struct parse *p, const char *name, const char *key, const char *value)
{
	struct llm_endpoint *e = endpoint_get(p, name);

	if (!e)
		return fail(p, "more than %d endpoints", ENDPOINTS_MAX);
	if (!*value)
		return fail(p, "'%s' has no value", key);
	for (size_t i = 0; i < ARRAY_SIZE(endpoint_keys); i++)
		if (strcmp(key, endpoint_keys[i].name) == 0)
			return endpoint_keys[i].set(p, e, copy(p, value));
	return fail(p, "an endpoint has no '%s': host, path, format, provider", key);
}

static void check_endpoints(struct parse *p)
{
	p->line = 0;
	for (const struct llm_endpoint *e = p->c->endpoints; e; e = e->next) {
		if (!e->host.n && !e->path.n)
			fail(p, "endpoint '%.*s' has neither host nor path", SLICE_ARG(e->name));
		else if (e->format && !e->path.n)
			fail(p, "endpoint '%.*s' has a format but no path", SLICE_ARG(e->name));
		else if (!e->format && !e->provider)
			fail(p, "endpoint '%.*s' has neither format nor provider",
			     SLICE_ARG(e->name));
	}
}

bool config_duration(struct slice text, uint64_t *ret_s)
{
	static const struct {
		char name;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (text.n < 2 || text.p[text.n - 1] != units[i].name)
			continue;
		if (!slice_u64((struct slice){ text.p, text.n - 1 }, &n) || n == 0 ||
		    n > SECONDS_MAX)
			return false;
		*ret_s = n * units[i].seconds;
		return true;
	}
	return false;
}

/* --- settings.c --- */

/* "512M" in bytes; false where it is none. */
static bool parse_size(struct slice text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit = text.n ? strchr(units, text.p[text.n - 1]) : NULL;
	unsigned shift = 0;

	if (unit && *unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		text.n--;
	}
	if (!slice_u64(text, ret) || *ret > (uint64_t)INT64_MAX >> shift)
		return false;
	*ret <<= shift;
	return true;
}

static bool parse_percent(struct slice text, uint64_t *ret)
{
	if (text.n && text.p[text.n - 1] == '%')
		text.n--;
	return slice_u64(text, ret) && *ret > 0 && *ret <= 100;
}

static bool parse_bool(struct slice text, bool *ret)
{
	*ret = slice_eq(text, SLICE("yes"));
	return *ret || slice_eq(text, SLICE("no"));
}

static bool parse_choice(struct slice text, const char *const *choices, int *ret)
{
	for (int i = 0; choices[i]; i++)
		if (slice_eq(text, slice_of(choices[i]))) {
			*ret = i;
			return true;
		}
	return false;
}

/* "a, b" and "a" and then "b" are the same; headers have commas of their own. */
static void add_to_list(struct parse *p, const struct config_setting *s, struct slice value,
			struct config_list **list)
{
	const bool whole = strcmp(s->key, "header") == 0;
	struct slice item, rest = value;
	bool more = true;

	while (*list)
		list = &(*list)->next;
	while (more) {
		struct config_list *l;

		more = !whole && slice_cut(rest, ',', &item, &rest);
		item = slice_trim(more ? item : rest);
		l = item.n ? ARENA_NEW(p->c->mem, struct config_list) : NULL;
		if (!l)
			continue;
		l->text = copy_slice(p, item).p;
		*list = l;
		list = &l->next;
	}
}

static const char *const formats[] = {
	[CONFIG_BOOL] = "yes or no",
	[CONFIG_COUNT] = "a number",
	[CONFIG_PERCENT] = "a percentage such as 95%",
	[CONFIG_SIZE] = "a size such as 512M or 10G",
	[CONFIG_DURATION] = "a time such as 90s, 30m, 2h, 1d",
};

/* @to: the struct that the setting's offset is of. */
static bool set(struct parse *p, const struct config_setting *s, struct slice value, void *to)
{
	void *member = (char *)to + s->offset;

	switch (s->type) {
	case CONFIG_TEXT:
		*(const char **)member = value.n ? copy_slice(p, value).p : NULL;
		return true;
	case CONFIG_LIST:
		add_to_list(p, s, value, member);
		return true;
	case CONFIG_BOOL:
		return parse_bool(value, member);
	case CONFIG_COUNT:
		return slice_u64(value, member);
	case CONFIG_PERCENT:
		return parse_percent(value, member);
	case CONFIG_SIZE:
		return parse_size(value, member);
	case CONFIG_DURATION:
		return config_duration(value, member);
	case CONFIG_CHOICE:
		return parse_choice(value, s->choices, member);
	}
	return false;
}

/* What a list has had so far, and this. */
static const char *longer(struct parse *p, const char *so_far, const char *value)
{
	const size_t n = strlen(so_far) + strlen(value) + 3;
	char *to = arena_alloc(p->c->mem, n);

	if (to)
		snprintf(to, n, "%s, %s", so_far, value);
	return to;
}

/* @text: where the value's own text is kept. */
static int set_or_fail(struct parse *p, const struct config_setting *s, const char *value, void *to,
		       const char **text)
{
	if (set(p, s, slice_of(value), to)) {
		*text = s->type == CONFIG_LIST && *text ? longer(p, *text, value)
							: copy(p, value).p;
		return 1;
	}
	if (s->type == CONFIG_CHOICE)
		return fail(p, "%s is none of those that 'sonde config show' names: '%s'", s->key,
			    value);
	return fail(p, "'%s' is not %s", value, formats[s->type]);
}

/* The values of one section, or of all where @section is NULL. */
static void set_builtin(struct parse *p, const struct config_setting *s, size_t n,
			const char *section, void *to)
{
	for (size_t i = 0; i < n; i++)
		if (s[i].builtin && (!section || strcmp(s[i].section, section) == 0))
			set(p, &s[i], slice_of(s[i].builtin), to);
}

/* NULL: there is none. */
static const struct config_setting *find_setting(const struct config_setting *s, size_t n,
						 const char *section, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s[i].section, section) == 0 && strcmp(s[i].key, key) == 0)
			return &s[i];
	return NULL;
}

static bool is_settings_section(const char *section)
{
	for (size_t i = 0; i < config_n_settings; i++)
		if (strcmp(config_settings[i].section, section) == 0)
			return true;
	return false;
}

static int take_setting(struct parse *p, const char *section, const char *key, const char *value)
{
	const struct config_setting *s =
		find_setting(config_settings, config_n_settings, section, key);

	if (!s)
		return fail(p, "[%s] has no '%s': see 'sonde config show'", section, key);
	return set_or_fail(p, s, value, p->c, &p->c->texts[s - config_settings]);
}

/* --- [otlp NAME], [ndjson NAME] --- */

static struct sink_config *sink_get(struct parse *p, enum sink_kind kind, const char *name)
{
	struct sink_config **end = &p->c->sinks, *sink;

	for (; (sink = *end); end = &sink->next)
		if (sink->kind == kind && strcmp(sink->name, name) == 0)
			return sink;
	if (++p->n_sinks > SINKS_MAX)
		return NULL;
	sink = ARENA_NEW(p->c->mem, struct sink_config);
	if (sink)
		sink->texts = arena_alloc(p->c->mem, config_n_sink_settings * sizeof(char *));
	if (!sink || !sink->texts)
		return NULL;
	sink->kind = kind;
	sink->name = copy(p, name).p;
	set_builtin(p, config_sink_settings, config_n_sink_settings, config_sink_sections[kind],
		    sink);
	*end = sink;
	return sink;
}

static int take_sink(struct parse *p, enum sink_kind kind, const char *name, const char *key,
		     const char *value)
{
	const struct config_setting *s = find_setting(config_sink_settings, config_n_sink_settings,
						      config_sink_sections[kind], key);
	struct sink_config *sink = sink_get(p, kind, name);

	if (!sink)
		return fail(p, "more than %d places to send spans to", SINKS_MAX);
	if (!s)
		return fail(p, "[%s NAME] has no '%s': see 'sonde config show'",
			    config_sink_sections[kind], key);
	return set_or_fail(p, s, value, sink, &sink->texts[s - config_sink_settings]);
}

static int take_otlp(struct parse *p, const char *name, const char *key, const char *value)
{
	return take_sink(p, SINK_OTLP, name, key, value);
}

static int take_ndjson(struct parse *p, const char *name, const char *key, const char *value)
{
	return take_sink(p, SINK_NDJSON, name, key, value);
}

static void check_sinks(struct parse *p)
{
	p->line = 0;
	for (const struct sink_config *s = p->c->sinks; s; s = s->next)
		if (s->kind == SINK_OTLP ? !s->endpoint : !s->path)
			fail(p, "[%s %s] has no %s", config_sink_sections[s->kind], s->name,
			     s->kind == SINK_OTLP ? "endpoint" : "path");
}

/* --- [egress] --- */

static int take_egress(struct parse *p, const char *name, const char *key, const char *value)
{
	struct config *c = p->c;
	char text[EGRESS_RULE_SIZE];
	const char *why;

	(void)name;
	if (strcmp(key, "allow") != 0 && strcmp(key, "deny") != 0)
		return fail(p, "egress has no '%s': allow, deny", key);
	if (!c->egress)
		c->egress = arena_alloc(c->mem, EGRESS_RULES_MAX * sizeof(*c->egress));
	if (!c->egress)
		return 1; /* memory is asked for once, at the end */
	if (c->n_egress == EGRESS_RULES_MAX)
		return fail(p, "more than %d egress rules", EGRESS_RULES_MAX);
	if (snprintf(text, sizeof(text), "%s %s", key, value) >= (int)sizeof(text))
		return fail(p, "the rule is too long");
	if (egress_parse(slice_of(text), &c->egress[c->n_egress], &why) < 0)
		return fail(p, "'%s': %s", value, why);
	p->egress_bytes += strlen(text);
	if (p->egress_bytes > EGRESS_BYTES_MAX)
		return fail(p, "more than %d bytes of egress rules", EGRESS_BYTES_MAX);
	c->n_egress++;
	return 1;
}

/* --- the file --- */

static const struct section {
	const char *name; /* with a blank at its end: what follows is a name of the user's */
	int (*take)(struct parse *p, const char *name, const char *key, const char *value);
} sections[] = {
	{ "endpoint ", take_endpoint },
	{ "egress", take_egress },
	{ "otlp ", take_otlp },
	{ "ndjson ", take_ndjson },
};

static bool is_section(const struct section *s, const char *section)
{
	const size_t n = strlen(s->name);

	return s->name[n - 1] == ' ' ? strncmp(section, s->name, n) == 0
				     : strcmp(section, s->name) == 0;
}

static int on_value(void *user, const char *section, const char *key, const char *value)
{
	struct parse *p = user;

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (is_section(&sections[i], section))
			return sections[i].take(p, section + strlen(sections[i].name), key, value);
	if (is_settings_section(section))
		return take_setting(p, section, key, value);
	if (!*section)
		return fail(p, "'%s' stands before any [section]", key);
	return fail(p, "no section [%s]: see 'sonde config show'", section);
}

/* As fgets(): the library does not say which line a value is of, so it is counted here. */
static char *next_line(char *to, int size, void *stream)
{
	struct parse *p = stream;
	const char *end = p->rest.n ? memchr(p->rest.p, '\n', p->rest.n) : NULL;
	size_t n = end ? (size_t)(end - p->rest.p) + 1 : p->rest.n;

	if (!n || p->failed)
		return NULL;
	p->line++;
	if (n >= (size_t)size) {
		fail(p, "the line is too long: at most %d bytes", size - 1);
		return NULL;
	}
	if (memchr(p->rest.p, 0, n)) {
		fail(p, "this is no text");
		return NULL;
	}
	memcpy(to, p->rest.p, n);
	to[n] = 0;
	p->rest = slice_from(p->rest, n);
	return to;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	arena_free(c->mem);
	free(c);
}

int config_parse(struct slice text, const char *path, struct config **ret, struct config_error *err)
{
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof(*c));
	struct parse p = { .c = c, .err = err, .rest = text };
	int r;

	*err = (struct config_error){ 0 };
	if (!c)
		return -ENOMEM;
	c->mem = arena_new(MEMORY_MAX);
	if (!c->mem)
		return -ENOMEM;
	c->texts = arena_alloc(c->mem, config_n_settings * sizeof(char *));
	if (!c->texts)
		return -ENOMEM;
	p.end = &c->endpoints;
	set_builtin(&p, config_settings, config_n_settings, NULL, c);
	if (path)
		c->path = copy(&p, path).p;
	ini_max_line = LINE_MAX_BYTES;
	ini_use_stack = false;
	ini_allow_multiline = false; /* an indented line would silently change the value before */
	r = ini_parse_stream(next_line, &p, on_value, &p);
	if (r != 0)
		fail(&p, "neither [section], nor 'key = value', nor a comment");
	if (p.failed && r > 0 && !err->line)
		err->line = (unsigned)r;
	check_endpoints(&p);
	check_sinks(&p);
	if (arena_failed(c->mem))
		return -ENOMEM;
	if (p.failed)
		return -EINVAL;
	*ret = TAKE(c);
	return 0;
}
