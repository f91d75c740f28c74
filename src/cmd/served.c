/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/served.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "api/served.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/sandbox.h"

bool served(void)
{
	return getenv(SERVED_ENV) != NULL;
}

static int refuse_files(void *ctx, const struct option_spec *spec, bool on, const char *value)
{
	(void)on, (void)value;
	if (!spec || spec->type != OPTION_FILE)
		return 0;
	*(const char **)ctx = spec->name;
	return -EACCES;
}

int served_check(const struct command *c, int argc, char **argv)
{
	struct options_error err;
	const char *option = "";

	if (!c->remote) {
		log_err("the daemon does not run '%s' for others", c->name);
		return -EACCES;
	}
	/* What is wrong with options otherwise is said where they are read. */
	if (options_walk(c->options, c->stop_at_operand, argc, (const char *const *)argv,
			 refuse_files, (void *)&option, &err) != -EACCES)
		return 0;
	log_err("%s: the daemon opens no file for others: '--%s' is not possible here", c->name,
		option);
	return -EACCES;
}

/* Whoever else has work to do comes first; where memory is short it is this that goes. */
static void step_back(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "we");

	if (f) {
		fputs("500", f);
		fclose(f);
	}
	setpriority(PRIO_PROCESS, 0, 5);
}

int served_enter(void)
{
	static const struct {
		__rlimit_resource_t what;
		rlim_t max;
	} limits[] = {
		{ RLIMIT_CPU, 120 }, /* seconds */
		{ RLIMIT_DATA, 512u << 20 },
		{ RLIMIT_NOFILE, 64 },
		{ RLIMIT_CORE, 0 },
	};
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	step_back();
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct rlimit l = { limits[i].max, limits[i].max };

		if (setrlimit(limits[i].what, &l) < 0)
			return log_errno(-errno, "cannot limit what this command may use");
	}
	r = sandbox_enter();
	return r < 0 ? log_errno(r, "cannot give up privileges") : 0;
}

int served_viewer(struct viewer *ret)
{
	const char *text = getenv(SERVED_UID_ENV);
	uint64_t uid;

	*ret = (struct viewer){ .all = !text };
	if (!text)
		return 0;
	if (!slice_u64(slice_of(text), &uid) || uid > UINT32_MAX) {
		log_err("%s is no user's number", SERVED_UID_ENV);
		return -EINVAL;
	}
	ret->uid = (uint32_t)uid;
	return 0;
}
