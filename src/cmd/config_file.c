/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/config_file.h"

#include <errno.h>

#include "base/log.h"
#include "cmd/own_file.h"

static const struct own_file own = { .env = "SONDE_CONFIG",
				     .name = "sonde.conf",
				     .host = "/etc/sonde/sonde.conf" };

static int explain(int r, const char *path, const struct config_error *err)
{
	if (r == -ENOMEM || !path)
		return log_errno(r, "cannot read the configuration");
	if (err->line)
		log_err("%s:%u: %s", path, err->line, err->text);
	else
		log_err("%s: %s", path, err->text);
	return r;
}

int config_load(const char *option, struct config **ret)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	_cleanup_(freep) char *path = NULL;
	struct config_error err;
	int r = own_file_find(&own, option, &path);

	if (r < 0)
		return log_errno(r, "cannot look for the configuration");
	r = path ? own_file_read(path, CONFIG_MAX, &text) : 0;
	if (r < 0)
		return log_errno(r, "cannot read the configuration in '%s'", path);
	r = config_parse(buf_slice(&text), path, ret, &err);
	return r < 0 ? explain(r, path, &err) : 0;
}
