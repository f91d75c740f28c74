/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/reader.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "cmd/screen.h"
#include "cmd/served.h"

int reader_open(const char *db, struct store_reader **ret, char **ret_path)
{
	_cleanup_(freep) char *path = NULL;
	struct store_error err = { "" };
	struct viewer viewer;
	int r = served_viewer(&viewer);

	if (r < 0)
		return r;
	r = store_find(db, true, &path);
	if (r < 0) {
		log_err("no store found; --db FILE or $SONDE_DB name one");
		return r;
	}
	r = store_reader_open(path, ret, &err);
	if (r < 0) {
		if (*err.text)
			log_err("%s", err.text);
		else
			log_errno(r, "cannot read the store '%s'", path);
		return r;
	}
	r = store_reader_view(*ret, &viewer);
	if (r < 0) {
		store_reader_close(TAKE(*ret));
		return log_errno(r, "cannot tell whose runs may be shown");
	}
	if (ret_path)
		*ret_path = TAKE(path);
	return 0;
}

int reader_finish(int r)
{
	struct screen out = { .f = stdout };

	if (r < 0 && r != -EPIPE)
		log_errno(r, "cannot read the store");
	else
		r = screen_finish(&out);
	if (r < 0 && r != -EPIPE)
		log_errno(r, "cannot write the output");
	return r < 0;
}

/* Says why @ref means nothing; returns @err. */
static int not_found(int err, const char *ref, const char *what, const char *list)
{
	switch (err) {
	case -ENOENT:
		log_err("no %s '%s' in the store; 'sonde %s' lists them", what, ref, list);
		break;
	case -EEXIST:
		log_err("'%s' means more than one %s: give more digits", ref, what);
		break;
	case -EINVAL:
		log_err("'%s' is no %s: give the digits that 'sonde %s' shows, or 'last'", ref,
			what, list);
		break;
	default:
		if (err < 0)
			log_errno(err, "cannot look for %s '%s'", what, ref);
	}
	return err;
}

int reader_find_run(struct store_reader *r, const char *ref, struct id128 *ret)
{
	return not_found(store_run_find(r, ref, ret), ref, "run", "runs");
}

int reader_find_session(struct store_reader *r, const char *ref, struct id128 *ret)
{
	return not_found(store_session_find(r, ref, ret), ref, "session", "sessions");
}
