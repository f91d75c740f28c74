/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/launcher.h"

#include "base/util.h"

/* Options are skipped, with the next argument where they are `valued`. */
struct launcher {
	struct slice name;
	struct slice valued; /* options, a blank after each */
	unsigned words;	     /* arguments of its own before the command: timeout's duration */
	bool assigns;	     /* NAME=VALUE may stand before the command */
	bool dashes;	     /* only "--" tells where its options end */
};

#define S(lit)                       \
	{                            \
		lit, sizeof(lit) - 1 \
	}
#define ROW(program, options, ...)                                      \
	{                                                               \
		.name = S(program), .valued = S(options), ##__VA_ARGS__ \
	}

static const struct launcher launchers[] = {
	ROW("env", "-u -C --unset --chdir ", .assigns = true),
	ROW("timeout", "-k -s --kill-after --signal ", .words = 1),
	ROW("nice", "-n "),
	ROW("ionice", "-c -n "),
	ROW("chrt", "", .words = 1),
	ROW("taskset", "", .words = 1),
	ROW("nohup", ""),
	ROW("setsid", ""),
	ROW("stdbuf", "-i -o -e "),
	ROW("time", "-f -o "),
	ROW("sudo", "-u -g -h -p -C -D -R -T -U --user --group --chdir ", .assigns = true),
	ROW("setpriv", "--reuid --regid --groups --securebits --pdeathsig "),
	ROW("unshare", "-R -w -S -G "),
	ROW("chroot", "", .words = 1),
	ROW("systemd-inhibit", "-i --what --who --why --mode "),
	ROW("systemd-run", "-p -u -E --unit --property --setenv "),
	/* sandboxes */
	ROW("bwrap", "", .dashes = true),
	ROW("codex-linux-sandbox", "", .dashes = true),
	ROW("firejail", ""),
	ROW("sandbox-exec", "-f -n -p -D "),
	ROW("landrun", "--rox --ro --rw --rwx --env --bind-tcp --connect-tcp "),
	/* what runs a script is not what was asked for */
	ROW("sh", ""),
	ROW("bash", ""),
	ROW("dash", ""),
	ROW("python", "-W -X "),
	ROW("python3", "-W -X "),
	ROW("node", "-r --require --import --loader "),
	ROW("perl", ""),
	ROW("ruby", ""),
};

#undef ROW
#undef S

static const struct launcher *find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(launchers); i++)
		if (slice_eq(name, launchers[i].name))
			return &launchers[i];
	return NULL;
}

static bool next(struct slice *argv, struct slice *ret)
{
	if (argv->n == 0)
		return false;
	if (!slice_cut(*argv, '\0', ret, argv)) {
		*ret = *argv;
		argv->n = 0;
	}
	return true;
}

static bool is_valued(const struct launcher *l, struct slice option)
{
	struct slice one, rest = l->valued;

	while (slice_cut(rest, ' ', &one, &rest))
		if (slice_eq(one, option))
			return true;
	return false;
}

static bool is_assignment(struct slice arg)
{
	return memchr(arg.p, '=', arg.n) && arg.p[0] != '=';
}

static bool skip_to_dashes(struct slice *argv)
{
	struct slice arg;

	while (next(argv, &arg))
		if (slice_eq(arg, SLICE("--")))
			return argv->n > 0;
	return false;
}

bool launcher_skip(struct slice *argv)
{
	struct slice rest = *argv, before, arg;
	const struct launcher *l;
	unsigned words = 0;

	if (!next(&rest, &arg) || !(l = find(slice_base(arg))))
		return false;
	if (l->dashes) {
		if (!skip_to_dashes(&rest))
			return false;
		*argv = rest;
		return true;
	}
	for (before = rest; next(&rest, &arg); before = rest) {
		if (slice_eq(arg, SLICE("--")))
			continue;
		if (arg.n > 1 && arg.p[0] == '-') {
			if (is_valued(l, arg))
				next(&rest, &arg);
			continue;
		}
		if ((l->assigns && is_assignment(arg)) || words++ < l->words)
			continue;
		*argv = before;
		return true;
	}
	return false;
}
