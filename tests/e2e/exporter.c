/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's exporter alone: `exporter CONFIG [UID]`, until SIGTERM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/daemon.h"
#include "cmd/sandbox.h"

static int read_config(const char *path, struct config **ret)
{
	static char text[CONFIG_MAX];
	struct config_error err = { 0 };
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (!f || config_parse((struct slice){ text, n }, path, ret, &err) < 0) {
		fprintf(stderr, "%s:%u: %s\n", path, err.line, f ? err.text : "cannot be read");
		return -1;
	}
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	struct config *c = NULL;
	const uid_t uid = argc > 2 ? (uid_t)atoi(argv[2]) : 0;

	if (argc < 2 || read_config(argv[1], &c) < 0)
		return 2;
	if (uid && sandbox_become(uid, uid, NULL) < 0)
		return 2;
	return exporter_main(c);
}
