/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HAR 1.2: HTTP exchanges that a browser, a proxy or an SDK's recorder wrote to a file as JSON.
 * http://www.softwareishard.com/blog/har-12-spec/
 *
 * Nothing is copied until a body is asked for: everything here are ranges of the file. Files are
 * hostile: what is missing, of another type or broken is told as such and never fails the rest.
 *
 *	har_open(text, &har, &why);
 *	while (har_next(&har, &json))
 *		if (har_read(json, &entry)) ...
 *
 * Private members are read as their inventors write them: _webSocketMessages, _eventSourceMessages
 * and _error (Chrome, then others), _file and _sha1 (Playwright), request._content (HTTP Toolkit).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "sonde/http.h"

struct har {
	struct slice creator, creator_version; /* JSON strings; empty where not told */
	struct json_iter it;		       /* the entries that are left */
};

/* Finds the entries. False where @text is no HAR; *ret_why says what it is instead. */
bool har_open(struct slice text, struct har *ret, const char **ret_why);
/* The next entry's JSON. False at the end; har->it.bad where the list does not end in order. */
bool har_next(struct har *h, struct slice *ret);

struct har_entry {
	struct slice method, url;	/* JSON strings */
	struct slice request, response; /* JSON objects; the response empty where there was none */
	struct slice server_address;	/* JSON string */
	struct slice messages;		/* JSON array of a WebSocket's messages, or empty */
	struct slice events;		/* likewise of an event stream's */
	int status;			/* 0: no response */
	bool broken_off;		/* the recorder says that it did not end in order */
	uint64_t start_ns;		/* Unix time; 0: not told */
	int64_t duration_ns, first_byte_ns; /* after the start; -1: not told */
};

/* False where it names no request. */
bool har_read(struct slice json, struct har_entry *ret);

/* A time as RFC 3339 and ISO 8601 write it, with any number of digits and any offset (none: UTC),
 * as Unix time in ns. False where it is none, or before 1970. */
bool har_time(struct slice text, uint64_t *ret_ns);

/* --- har_message.c --- */

/* Headers in @mem, in their order; names that begin with a colon (HTTP/2) are kept. There is room
 * for one more. */
void har_headers(struct slice message, struct arena *mem, struct http_message *ret);

/* What the file has of a body. */
enum har_body {
	HAR_BODY_NONE,	    /* there was none */
	HAR_BODY_HERE,	    /* ret->text has it */
	HAR_BODY_MISSING,   /* there was one, and the recorder left it out */
	HAR_BODY_ELSEWHERE, /* likewise: in a file of its own */
	HAR_BODY_TOO_LARGE,
	HAR_BODY_BAD, /* no base64 */
};

struct har_content {
	struct slice bytes;	/* in @mem or the file; content codings may still be on it */
	struct slice mime_type; /* JSON string */
	int64_t wire_bytes;	/* that crossed the wire; -1: not told */
};

#define HAR_BODY_MAX (96u << 20) /* bytes of a body's JSON */

enum har_body har_request_body(const struct har_entry *e, struct arena *mem,
			       struct har_content *ret);
enum har_body har_response_body(const struct har_entry *e, struct arena *mem,
				struct har_content *ret);

/* --- har_socket.c --- */

struct har_message {
	uint64_t ns;	   /* Unix time; 0: not told */
	struct slice data; /* JSON string */
	bool from_client, text;
};

/* One element of entry.messages. False where it is none. */
bool har_socket_message(struct slice json, struct har_message *ret);
