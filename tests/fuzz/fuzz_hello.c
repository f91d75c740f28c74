/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a TLS client's first ones: what is taken for a server's name is one, and stands in
 * them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "stream/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char name[SERVER_NAME_SIZE] = "";
	size_t len;

	if (!peer_server_name((struct slice){ (const char *)data, n }, name)) {
		if (name[0])
			abort();
		return 0;
	}
	len = strlen(name);
	if (len == 0 || !memmem(data, n, name, len))
		abort();
	for (size_t i = 0; i < len; i++)
		if (isspace((unsigned char)name[i]) || !isprint((unsigned char)name[i]))
			abort();
	return 0;
}
