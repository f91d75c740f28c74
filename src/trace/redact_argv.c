/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets where their place tells: command lines and URLs. */
#include <errno.h>

#include "base/argv.h"
#include "base/util.h"
#include "trace/redact_scan.h"

/* --- URLs --- */

/* A name in a query may be written with escapes. */
static struct slice decode_name(struct slice name, char room[64])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n < 64; i++) {
		unsigned v = 0;

		if (name.p[i] == '%' && name.n - i > 2 &&
		    redact_run(slice_from(name, i + 1), SET_HEX) >= 2) {
			v = redact_hex(name.p[i + 1]) << 4 | redact_hex(name.p[i + 2]);
			room[n++] = (char)v;
			i += 2;
		} else {
			room[n++] = name.p[i];
		}
	}
	return (struct slice){ room, n };
}

/* One "name=value" of a query or fragment. */
static int put_parameter(struct redactor *r, struct slice part, struct buf *out)
{
	struct slice name, value;
	const char *kind;
	char room[64];
	int err;

	if (!slice_cut(part, '=', &name, &value) || value.n == 0 ||
	    slice_starts(value, SLICE(REDACT_MARK)) ||
	    !redact_parameter(decode_name(name, room), &kind))
		return buf_add(out, part, REDACT_MAX);
	redactor_learn(r, value);
	err = buf_add(out, (struct slice){ part.p, name.n + 1 }, REDACT_MAX);
	return err < 0 ? err : redact_put_mark(out, kind);
}

static int put_query(struct redactor *r, struct slice url, struct buf *out)
{
	size_t at = 0, from;
	int err = 0;

	while (at < url.n && !strchr("?#", url.p[at]))
		at++;
	err = buf_add(out, (struct slice){ url.p, at }, REDACT_MAX);
	while (at < url.n && err == 0) {
		err = buf_add(out, (struct slice){ url.p + at, 1 }, REDACT_MAX);
		from = ++at;
		while (at < url.n && !strchr("?#&;", url.p[at]))
			at++;
		if (err == 0)
			err = put_parameter(r, (struct slice){ url.p + from, at - from }, out);
	}
	return err;
}

int redact_url(struct redactor *r, struct slice url, struct buf *out)
{
	struct buf tmp = { 0 };
	int n = put_query(r, url, &tmp);

	if (n == 0)
		n = redact(r, buf_slice(&tmp), out);
	/* Where only parameters were removed the text scan found nothing. */
	if (n == 0 && !slice_eq(buf_slice(&tmp), url))
		n = 1;
	buf_done(&tmp);
	return n < 0 ? -ENOMEM : n;
}

/* --- command lines --- */

/* An option that takes a secret only with this program. */
struct program_option {
	const char *program, *option, *kind;
	bool attached;	  /* -pSECRET */
	bool user;	  /* user:SECRET */
	const char *with; /* only where this argument stands before it, or NULL */
};

static const struct program_option program_options[] = {
	{ "curl", "-u", "password", true, true, NULL },
	{ "curl", "--user", "password", false, true, NULL },
	{ "curl", "-U", "password", true, true, NULL },
	{ "curl", "--proxy-user", "password", false, true, NULL },
	{ "curl", "-b", "cookie", true, false, NULL },
	{ "curl", "--cookie", "cookie", false, false, NULL },
	{ "http", "-a", "password", true, true, NULL },
	{ "https", "-a", "password", true, true, NULL },
	{ "sshpass", "-p", "password", true, false, NULL },
	{ "mysql", "-p", "password", true, false, NULL },
	{ "mysqldump", "-p", "password", true, false, NULL },
	{ "mysqladmin", "-p", "password", true, false, NULL },
	{ "mongo", "-p", "password", false, false, NULL },
	{ "mongosh", "-p", "password", false, false, NULL },
	{ "redis-cli", "-a", "password", false, false, NULL },
	{ "ldapsearch", "-w", "password", true, false, NULL },
	{ "docker", "-p", "password", false, false, "login" },
	{ "podman", "-p", "password", false, false, "login" },
	{ "helm", "-p", "password", false, false, "login" },
	{ "openssl", "-passin", "password", false, false, NULL },
	{ "openssl", "-passout", "password", false, false, NULL },
	{ "openssl", "-pass", "password", false, false, NULL },
	{ "zip", "-P", "password", true, false, NULL },
	{ "unzip", "-P", "password", true, false, NULL },
};

struct command_line {
	struct redactor *r;
	struct slice all; /* NUL-separated */
	struct buf *out;
	const char *kind; /* the argument that follows is a secret of that kind, or NULL */
	bool user;	  /* but only behind its colon */
	bool header;	  /* the argument that follows is a header */
	int n;
};

/* Whether an argument before @arg is @name, or the path of it. */
static bool stands_before(const struct command_line *c, struct slice arg, const char *name)
{
	struct slice rest = { c->all.p, (size_t)(arg.p - c->all.p) }, before;

	while (argv_next(&rest, &before))
		if (slice_eq(slice_base(before), slice_of(name)))
			return true;
	return false;
}

/* Appends what stands before the secret and the mark. */
static int put_secret(struct command_line *c, struct slice before, struct slice secret,
		      const char *kind, struct buf *arg)
{
	int err = buf_add(arg, before, REDACT_MAX);

	redactor_learn(c->r, secret);
	c->n++;
	return err < 0 ? err : redact_put_mark(arg, kind);
}

/* @s follows @before directly. */
static int put_user(struct command_line *c, struct slice before, struct slice s, const char *kind,
		    struct buf *arg)
{
	struct slice user, password;

	before.n += s.n;
	if (!slice_cut(s, ':', &user, &password) || password.n == 0)
		return buf_add(arg, before, REDACT_MAX);
	before.n -= password.n;
	return put_secret(c, before, password, kind, arg);
}

static bool is_number(struct slice s)
{
	return redact_run(s, SET_DIGIT) == s.n;
}

/* "Name: value" where the name says that the value is secret. */
static bool is_secret_header(const struct command_line *c, struct slice arg,
			     struct slice *ret_value)
{
	struct slice name, value;
	const char *kind;

	if (!slice_cut(arg, ':', &name, &value) || redact_run(name, SET_WORD) != name.n)
		return false;
	if (!(c->header ? redact_header_is_secret(name)
			: redact_name(name, &kind) != CLASS_NONE && value.n && value.p[0] == ' '))
		return false;
	*ret_value = slice_trim(value);
	return ret_value->n > 0 && !redact_is_placeholder(*ret_value);
}

/* "--name=value" and "NAME=value". */
static bool is_secret_assignment(struct slice arg, struct slice *ret_value, const char **ret_kind)
{
	struct slice name;
	bool option = slice_starts(arg, SLICE("--"));
	enum redact_class class;

	if (!slice_cut(arg, '=', &name, ret_value) ||
	    redact_run(name, SET_WORD | SET_DOT) != name.n)
		return false;
	class = option ? redact_parameter(slice_from(name, 2), ret_kind)
		       : redact_name(name, ret_kind);
	if (class == CLASS_NONE || redact_is_placeholder(*ret_value))
		return false;
	if (class == CLASS_TOKEN)
		return ret_value->n >= 6 && !is_number(*ret_value);
	return class != CLASS_PWD || redact_value(*ret_value, class);
}

/* Options of known programs. True where @arg was written. */
static bool try_program(struct command_line *c, struct slice arg, struct buf *out, int *ret_err)
{
	for (size_t i = 0; i < ARRAY_SIZE(program_options); i++) {
		const struct program_option *o = &program_options[i];
		struct slice option = slice_of(o->option), value;

		if (!slice_starts(arg, option) || (arg.n > option.n && !o->attached) ||
		    !stands_before(c, arg, o->program) ||
		    (o->with && !stands_before(c, arg, o->with)))
			continue;
		value = slice_from(arg, option.n);
		option = (struct slice){ arg.p, option.n };
		if (value.n == 0) {
			c->kind = o->kind;
			c->user = o->user;
			return false;
		}
		*ret_err = o->user ? put_user(c, option, value, o->kind, out)
				   : put_secret(c, option, value, o->kind, out);
		return true;
	}
	return false;
}

/* Remembers what an option says of the argument behind it. */
static void read_option(struct command_line *c, struct slice arg)
{
	const char *kind;

	c->header = slice_eq(arg, SLICE("-H")) || slice_eq(arg, SLICE("--header"));
	if (slice_starts(arg, SLICE("--")) && arg.n > 2 && !memchr(arg.p, '=', arg.n) &&
	    redact_parameter(slice_from(arg, 2), &kind))
		c->kind = kind;
}

/* @arg with what its place tells removed. */
static int put_arg(struct command_line *c, struct slice arg, struct buf *out)
{
	const char *kind = c->kind;
	bool user = c->user;
	struct slice none = { arg.p, 0 }, value, header = arg;
	int err = 0;

	c->kind = NULL;
	c->user = false;
	if (kind && arg.n && arg.p[0] != '-' && !redact_is_placeholder(arg)) {
		if (user)
			return put_user(c, none, arg, kind, out);
		if (!is_number(arg) || strcmp(kind, "token") != 0)
			return put_secret(c, none, arg, kind, out);
	}
	if (slice_starts(arg, SLICE("-H")) && arg.n > 2) {
		header = slice_from(arg, 2);
		c->header = true;
	}
	if (is_secret_header(c, header, &value)) {
		c->header = false;
		return put_secret(c, (struct slice){ arg.p, (size_t)(value.p - arg.p) }, value,
				  "header", out);
	}
	c->header = false;
	if (is_secret_assignment(arg, &value, &kind) && value.n)
		return put_secret(c, (struct slice){ arg.p, (size_t)(value.p - arg.p) }, value,
				  kind, out);
	read_option(c, arg);
	if (try_program(c, arg, out, &err))
		return err;
	return buf_add(out, arg, REDACT_MAX);
}

static bool needs_quotes(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!redact_run((struct slice){ s.p + i, 1 }, SET_WORD | SET_BASE64 | SET_DOT) &&
		    (!strchr("@%:,[]", s.p[i]) || !s.p[i]))
			return true;
	return s.n == 0;
}

/* As a shell would have to be told. */
static int put_quoted(struct slice s, struct buf *out)
{
	struct slice part;
	int err;

	if (!needs_quotes(s))
		return buf_add(out, s, REDACT_MAX);
	err = buf_add(out, SLICE("'"), REDACT_MAX);
	while (err == 0 && slice_cut(s, '\'', &part, &s)) {
		err = buf_add(out, part, REDACT_MAX);
		if (err == 0)
			err = buf_add(out, SLICE("'\\''"), REDACT_MAX);
	}
	if (err == 0)
		err = buf_add(out, s, REDACT_MAX);
	return err < 0 ? err : buf_add(out, SLICE("'"), REDACT_MAX);
}

static int put_args(struct command_line *c)
{
	struct slice rest = c->all, arg;
	int err = 0;

	while (err >= 0 && argv_next(&rest, &arg)) {
		struct buf known = { 0 }, clean = { 0 };

		if (arg.p != c->all.p)
			err = buf_add(c->out, SLICE(" "), REDACT_MAX);
		if (err >= 0)
			err = put_arg(c, arg, &known);
		if (err >= 0)
			err = redact(c->r, buf_slice(&known), &clean);
		if (err > 0)
			c->n += err;
		if (err >= 0)
			err = put_quoted(buf_slice(&clean), c->out);
		buf_done(&known);
		buf_done(&clean);
	}
	return err;
}

int redact_argv(struct redactor *r, struct slice argv, struct buf *out)
{
	struct buf joined = { 0 };
	struct command_line c = { .r = r, .all = argv, .out = &joined };
	int err = put_args(&c), n = 0;

	/* Once more over all of it: a secret may need its neighbour to be seen. */
	if (err >= 0)
		n = redact(r, buf_slice(&joined), out);
	buf_done(&joined);
	return err < 0 || n < 0 ? -ENOMEM : c.n + n;
}
