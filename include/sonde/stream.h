/* SPDX-License-Identifier: BSD-2-Clause */
/* Ordered bytes of one connection: what stream/ makes of DATA and GAP events and proto/ reads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "sonde/event.h"

/* Which process, for ever: pids repeat, the pair does not. */
struct process_key {
	uint32_t tgid;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
};

#define SERVER_NAME_SIZE 256

/* What is known of a connection; owned by stream/, the same pointer from open to close. */
struct connection {
	uint64_t id;
	struct process_key process;
	uint64_t open_ns; /* boot time at which it was first seen */
	uint32_t flags;	  /* SONDE_CONN_* */
	uint8_t source;	  /* enum sonde_source */
	uint8_t family;	  /* 0 where not known; a TLS stream takes it over from its socket */
	uint16_t local_port, remote_port;
	uint8_t local_addr[16], remote_addr[16];
	char path[108]; /* AF_UNIX */
	/* What a TLS client asked for (SNI), of its socket and the stream over it; or empty. */
	char server_name[SERVER_NAME_SIZE];
	uint64_t linked;   /* id of the socket under a TLS stream or the other way round, or 0 */
	uint8_t evidence;  /* enum sonde_link_evidence, where linked */
	uint64_t bytes[2]; /* that passed in each direction, copied or not (enum sonde_dir) */
	void *user;	   /* the reader's own */
};

/*
 * A piece of one direction. `gap` bytes are missing directly before `bytes`; a chunk may be a gap
 * only. `bytes` is lent for the callback.
 */
struct stream_chunk {
	struct connection *conn;
	enum sonde_dir dir;
	uint64_t pos; /* of bytes.p[0] */
	uint64_t ts_ns;
	struct slice bytes;
	uint64_t gap;
	uint8_t gap_reason; /* enum sonde_gap_reason, where gap > 0 */
	bool eof;	    /* nothing follows in this direction */
};
