/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void host_name(char ret[HOST_NAME_SIZE])
{
	const char *node = getenv("KUBERNETES_SERVICE_HOST") ? getenv("NODE_NAME") : NULL;

	if (node && *node) {
		snprintf(ret, HOST_NAME_SIZE, "%s", node);
		return;
	}
	if (gethostname(ret, HOST_NAME_SIZE) < 0)
		ret[0] = '\0';
	ret[HOST_NAME_SIZE - 1] = '\0';
}
