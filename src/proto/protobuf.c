/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/protobuf.h"

#define VARINT_MAX 10 /* bytes */

static bool take_varint(struct slice *rest, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < rest->n && i < VARINT_MAX; i++) {
		const uint8_t byte = (uint8_t)rest->p[i];

		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		*rest = slice_from(*rest, i + 1);
		*ret = v;
		return true;
	}
	return false;
}

static bool take_fixed(struct slice *rest, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (rest->n < n)
		return false;
	for (size_t i = n; i-- > 0;)
		v = v << 8 | (uint8_t)rest->p[i];
	*rest = slice_from(*rest, n);
	*ret = v;
	return true;
}

static bool take_bytes(struct slice *rest, struct slice *ret)
{
	uint64_t n;

	if (!take_varint(rest, &n) || n > rest->n)
		return false;
	*ret = (struct slice){ rest->p, (size_t)n };
	*rest = slice_from(*rest, (size_t)n);
	return true;
}

static bool take_value(struct slice *rest, struct protobuf_field *f)
{
	switch (f->type) {
	case PROTOBUF_VARINT:
		return take_varint(rest, &f->value);
	case PROTOBUF_FIXED64:
		return take_fixed(rest, 8, &f->value);
	case PROTOBUF_BYTES:
		return take_bytes(rest, &f->bytes);
	case PROTOBUF_FIXED32:
		return take_fixed(rest, 4, &f->value);
	}
	return false;
}

bool protobuf_next(struct slice *rest, struct protobuf_field *ret)
{
	struct slice left = *rest;
	uint64_t tag;

	*ret = (struct protobuf_field){ 0 };
	if (!take_varint(&left, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
		return false;
	ret->number = (uint32_t)(tag >> 3);
	ret->type = (enum protobuf_type)(tag & 7);
	if (!take_value(&left, ret))
		return false;
	*rest = left;
	return true;
}

struct slice protobuf_bytes(struct slice message, uint32_t number)
{
	struct protobuf_field f;

	while (protobuf_next(&message, &f))
		if (f.number == number && f.type == PROTOBUF_BYTES)
			return f.bytes;
	return (struct slice){ 0 };
}

bool protobuf_number(struct slice message, uint32_t number, uint64_t *ret)
{
	struct protobuf_field f;
	bool found = false;

	while (protobuf_next(&message, &f))
		if (f.number == number && f.type != PROTOBUF_BYTES) {
			*ret = f.value;
			found = true;
		}
	return found;
}
