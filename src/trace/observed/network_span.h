/* SPDX-License-Identifier: BSD-2-Clause */
/* Between network.c, which knows what belongs to one peer, and network_span.c, which shows it. */
#pragma once

#include "trace/observed/network.h"
#include "trace/observed/place.h"

#define PEER_ERRORS_MAX 4 /* of different kinds; more are counted as the last one */
#define PEER_NAME_MAX	192

struct peer_state {
	UT_hash_handle hh;
	struct id128 key; /* of owner and address */
	struct peer_state *prev, *next;
	struct id64 id;
	struct owner owner;
	struct process_key process; /* the first that had to do with it */
	uint64_t start_ns, last_ns;
	uint8_t family;
	uint16_t port;
	uint8_t addr[16];
	char *path; /* of a Unix socket */
	char *host; /* that the client asked for, or NULL */
	unsigned attempts, connected;
	unsigned pending; /* attempts whose end nobody has told */
	struct {
		int number;
		unsigned n;
	} errors[PEER_ERRORS_MAX];
	unsigned n_errors;
	unsigned requests; /* that are no steps */
	uint64_t bytes[2]; /* enum sonde_dir */
	bool tls;
	bool is_step; /* some exchange with it is one */
	const char *unasked;
	uint64_t due_ns; /* of what is dirty */
	bool told, dirty, final, flagged;
};

/* "192.0.2.1:443", or a path; false where the family is none that is known. */
bool peer_address(const struct peer_state *p, char ret[PEER_NAME_MAX]);
void network_emit(struct run_state *r, struct peer_state *p);
