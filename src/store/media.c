/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In kept content a picture is {"size":N,"digest":"xxh3:..."}: canonical JSON, of which no other
 * writing is looked for. What stands in a text has its quotes escaped, so it is never taken for
 * one.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "sonde/media.h"
#include "store/reader.h"

#define MARK	    SLICE("\"digest\":\"xxh3:")
#define DIGEST_SIZE 37 /* "xxh3:" and 32 digits */
#define EACH_MAX    1000

static const char sql[] =
	"SELECT m.state, m.sha256, m.type, m.size, b.id IS NOT NULL FROM main.media AS m"
	" LEFT JOIN main.blobs AS b ON b.id = substr(m.sha256, 1, 16)"
	" WHERE m.holder = ?1 AND m.digest = ?2";

static const char *const reasons[] = {
	[MEDIA_KEPT] = "it was removed", /* its blob is not there */
	[MEDIA_LEVEL] = "the content level keeps no pictures",
	[MEDIA_LARGE] = "it is larger than the limit",
	[MEDIA_BROKEN] = "it is not base64",
	[MEDIA_OTHER] = "it is no picture or document of a kind that is kept",
	[MEDIA_MISSING] = "it did not come whole, or there was no room for it",
};

static int add(struct buf *b, const char *text)
{
	return buf_add(b, slice_of(text), SIZE_MAX);
}

static int put_reason(struct buf *out, int64_t state)
{
	const bool known = state >= 0 && (size_t)state < ARRAY_SIZE(reasons);
	int rc = add(out, ",\"reason\":\"");

	if (rc == 0)
		rc = add(out, known ? reasons[state] : "it was not kept");
	return rc == 0 ? add(out, "\"") : rc;
}

static int put_kept(struct store_reader *r, sqlite3_stmt *s, struct buf *out)
{
	char hex[2 * ID_SHA256_SIZE + 1], members[256];
	const uint8_t *sha256 = sqlite3_column_blob(s, 1);
	struct id128 id;
	int rc;

	memcpy(id.b, sha256, sizeof(id.b));
	for (size_t i = 0; i < ID_SHA256_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	snprintf(members, sizeof(members),
		 ",\"media_type\":\"%.40s\",\"bytes\":%lld,\"sha256\":\"%s\",\"blob\":\"%.32s\"",
		 (const char *)sqlite3_column_text(s, 2), (long long)sqlite3_column_int64(s, 3),
		 hex, hex);
	rc = add(out, members);
	return rc == 0 ? viewer_grant(r, &id) : rc;
}

/* What is known of one picture; nothing where nothing is. */
static int put_media(struct store_reader *r, const struct id128 *holder, struct slice digest,
		     struct buf *out)
{
	sqlite3_stmt *s = r->media;
	int rc = sqlite3_bind_blob(s, 1, holder->b, sizeof(holder->b), SQLITE_STATIC), e = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text64(s, 2, digest.p, digest.n, SQLITE_STATIC, SQLITE_UTF8);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW && sqlite3_column_int(s, 4) &&
	    sqlite3_column_bytes(s, 1) == ID_SHA256_SIZE && sqlite3_column_text(s, 2))
		e = put_kept(r, s, out);
	else if (rc == SQLITE_ROW)
		e = put_reason(out, sqlite3_column_int64(s, 0));
	else if (rc != SQLITE_DONE)
		e = reader_errno(r, rc);
	sqlite3_reset(s);
	return e;
}

static int fill(struct store_reader *r, const struct id128 *holder, struct slice text,
		struct buf *out)
{
	int rc = 0;

	for (unsigned n = 0; rc == 0 && text.n && n < EACH_MAX; n++) {
		const char *at = memmem(text.p, text.n, MARK.p, MARK.n);
		const char *digest = at ? at + MARK.n - (sizeof("xxh3:") - 1) : NULL;
		const size_t left = at ? (size_t)(text.p + text.n - digest) : 0;
		size_t until = text.n;

		if (left > DIGEST_SIZE && digest[DIGEST_SIZE] == '"')
			until = (size_t)(digest - text.p) + DIGEST_SIZE + 1;
		else if (at)
			until = (size_t)(digest - text.p);
		rc = buf_add(out, (struct slice){ text.p, until }, SIZE_MAX);
		if (rc == 0 && until < text.n && text.p[until - 1] == '"')
			rc = put_media(r, holder, (struct slice){ digest, DIGEST_SIZE }, out);
		text = slice_from(text, until);
	}
	return rc == 0 ? buf_add(out, text, SIZE_MAX) : rc;
}

int media_fill(struct store_reader *r, const struct id128 *holder, struct buf *text, size_t from)
{
	const struct slice raw = slice_from(buf_slice(text), from);
	_cleanup_(buf_done) struct buf out = { 0 };
	int rc = SQLITE_OK;

	if (!raw.n || !memmem(raw.p, raw.n, MARK.p, MARK.n))
		return 0;
	if (!r->media)
		rc = sqlite3_prepare_v3(r->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &r->media, NULL);
	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	rc = fill(r, holder, raw, &out);
	if (rc < 0)
		return rc;
	text->n = from;
	return buf_add(text, buf_slice(&out), SIZE_MAX);
}

int store_content_read(struct store_reader *r, const struct id128 *id, struct buf *ret)
{
	const size_t from = ret->n;
	const int rc = store_blob_read(r, id, ret);

	return rc < 0 ? rc : media_fill(r, id, ret, from);
}
