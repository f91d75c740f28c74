/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AWS event streams in files that people can read: one message a line, its type and its payload.
 *	messageStop {"stopReason":"end_turn"}
 *	chunk: {"outputText":"a"}	the payload is {"bytes":base64 of that}
 *	!throttlingException {...}	an exception
 *	?code text			an error without payload
 */
#pragma once

#include <endian.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "base/buf.h"

static void put_u32(struct buf *b, size_t n)
{
	const uint32_t v = htobe32((uint32_t)n);

	buf_add(b, (struct slice){ (const char *)&v, sizeof(v) }, SIZE_MAX);
}

static void put_crc(struct buf *b, size_t from)
{
	put_u32(b, crc32(0, (const unsigned char *)b->p + from, (unsigned)(b->n - from)));
}

static void put_header(struct buf *b, struct slice name, struct slice value)
{
	const unsigned char name_n = (unsigned char)name.n;
	const unsigned char rest[] = { 7, (unsigned char)(value.n >> 8), (unsigned char)value.n };

	buf_add(b, (struct slice){ (const char *)&name_n, 1 }, SIZE_MAX);
	buf_add(b, name, SIZE_MAX);
	buf_add(b, (struct slice){ (const char *)rest, sizeof(rest) }, SIZE_MAX);
	buf_add(b, value, SIZE_MAX);
}

static void put_bytes_payload(struct buf *b, struct slice bytes)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < bytes.n / 3 * 4 + 8; i++)
		buf_add(&text, SLICE("="), SIZE_MAX);
	text.n = (size_t)EVP_EncodeBlock((unsigned char *)text.p, (const unsigned char *)bytes.p,
					 (int)bytes.n);
	buf_add(b, SLICE("{\"bytes\":\""), SIZE_MAX);
	buf_add(b, buf_slice(&text), SIZE_MAX);
	buf_add(b, SLICE("\",\"p\":\"abcdefgh\"}"), SIZE_MAX);
	buf_done(&text);
}

static void put_message(struct slice line, struct buf *ret)
{
	struct slice type = line, payload = { 0 };
	struct buf headers = { 0 }, body = { 0 };
	const size_t from = ret->n;
	const char kind = line.p[0];

	slice_cut(line, ' ', &type, &payload);
	if (kind == '!' || kind == '?')
		type = slice_from(type, 1);
	if (!type.n || type.n > UINT8_MAX || (kind == '?' && payload.n > INT16_MAX))
		return; /* no type that a header can hold */
	if (kind == '?') {
		put_header(&headers, SLICE(":error-code"), type);
		put_header(&headers, SLICE(":error-message"), payload);
	} else if (type.p[type.n - 1] == ':') {
		type.n--;
		put_bytes_payload(&body, payload);
	} else {
		buf_add(&body, payload, SIZE_MAX);
	}
	if (kind != '?') {
		put_header(&headers, kind == '!' ? SLICE(":exception-type") : SLICE(":event-type"),
			   type);
		put_header(&headers, SLICE(":content-type"), SLICE("application/json"));
	}
	put_header(&headers, SLICE(":message-type"),
		   kind == '!'	 ? SLICE("exception")
		   : kind == '?' ? SLICE("error")
				 : SLICE("event"));
	put_u32(ret, 16 + headers.n + body.n);
	put_u32(ret, headers.n);
	put_crc(ret, from);
	buf_add(ret, buf_slice(&headers), SIZE_MAX);
	buf_add(ret, buf_slice(&body), SIZE_MAX);
	put_crc(ret, from);
	buf_done(&headers);
	buf_done(&body);
}

static void event_stream(struct slice text, struct buf *ret)
{
	struct slice line;

	while (text.n) {
		line = text;
		if (!slice_cut(text, '\n', &line, &text))
			text.n = 0;
		if (line.n)
			put_message(line, ret);
	}
}
