/* SPDX-License-Identifier: BSD-2-Clause */
/* Pictures and documents: found in every format, kept by what they are, gone with what has them. */
#include "base/media.h"
#include "llm/llm.h"
#include "store/reader.h"
#include "trace/content.h"
#include "trace/mcp.h"
#include "trace/state.h"
#include "viewer_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
/* The head of a PNG, of a GIF and of a PDF; what a page would run. */
#define PNG  "iVBORw0KGgoAAAANSUhEUg=="
#define GIF  "R0lGODlhAQABAA=="
#define PDF  "JVBERi0xLjQK"
#define HTML "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="

/* --- formats --- */

static const struct llm_format *format_named(const char *name)
{
	const struct llm_format *f;

	for (size_t i = 0; (f = llm_format_nth(i)); i++)
		if (strcmp(llm_format_name(f), name) == 0)
			return f;
	fail_msg("no format '%s'", name);
	return NULL;
}

static const struct llm_part *first_media(const struct llm_part *parts)
{
	for (const struct llm_part *p = parts; p; p = p->next) {
		const struct llm_part *in = first_media(p->inside);

		if (p->type == LLM_PART_MEDIA || in)
			return in ? in : p;
	}
	return NULL;
}

static void every_format_hands_on_its_base64(void **state)
{
	static const struct {
		const char *format, *item;
	} cases[] = {
		{ "openai.chat", "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
				 "\"image_url\":{\"url\":\"data:image/png;base64," PNG "\"}}]}" },
		{ "openai.chat", "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":["
				 "{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"image_url\","
				 "\"image_url\":{\"url\":\"data:image/png;base64," PNG "\"}}]}" },
		{ "openai.responses", "{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
				      "\"image_url\":\"data:image/png;base64," PNG "\"}]}" },
		{ "openai.responses",
		  "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":["
		  "{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64," PNG "\"}]}" },
		{ "anthropic.messages",
		  "{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
		  "\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"" PNG "\"}}]}" },
		{ "anthropic.messages",
		  "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\","
		  "\"content\":[{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"image\",\"source\":{"
		  "\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"" PNG "\"}}]}]}" },
		{ "google.gemini",
		  "{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\","
		  "\"data\":\"" PNG "\"}}]}" },
		{ "bedrock.converse",
		  "{\"role\":\"user\",\"content\":[{\"image\":{\"format\":\"png\","
		  "\"source\":{\"bytes\":\"" PNG "\"}}}]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
		const struct llm_part *p;
		struct llm_message m;

		llm_read_item(format_named(cases[i].format), slice_of(cases[i].item), mem, &m);
		p = first_media(m.parts);
		if (!p)
			fail_msg("%s: no picture in %s", cases[i].format, cases[i].item);
		assert_true(slice_eq(p->data, SLICE(PNG)));
		assert_int_equal(p->size, 16);
		assert_true(slice_starts(p->id, SLICE("xxh3:")));
	}
}

static void results_of_tool_servers_lose_their_bytes(void **state)
{
	static const struct slice image = SLICE(
		"{\"content\":[{\"type\":\"text\",\"text\":\"a\\\"b\"},{\"type\":\"image\","
		"\"data\":\"" PNG
		"\",\"mimeType\":\"image/png\"},{\"type\":\"resource\",\"resource\":{\"uri\":\"f\","
		"\"blob\":\"" PDF "\"}}],\"isError\":false}");
	static const struct slice none =
		SLICE("{\"content\":[{\"type\":\"text\",\"text\":\"data\"}]}");
	_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
	struct llm_message m = { 0 };
	struct slice text = mcp_without_bytes(image, mem, &m);

	(void)state;
	assert_true(json_valid(text));
	assert_false(slice_has(text, SLICE(PNG)));
	assert_false(slice_has(text, SLICE(PDF)));
	assert_true(slice_has(text, SLICE("\"text\":\"a\\\"b\"")));
	assert_true(slice_has(text, SLICE("\"isError\":false")));
	assert_int_equal(m.n_parts, 2);
	assert_true(slice_eq(m.parts->data, SLICE(PNG)));
	m = (struct llm_message){ 0 };
	text = mcp_without_bytes(none, mem, &m);
	assert_ptr_equal(text.p, none.p);
	assert_null(m.parts);
}

/* --- what is kept --- */

struct told {
	unsigned blobs, media, states[MEDIA_MISSING + 1];
	struct media last;
};

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	struct told *s = ctx;
	const struct id128 real = id_of_bytes(bytes);

	assert_true(id128_eq(id, &real));
	s->blobs += strcmp(kind, "media") == 0;
}

static void on_media(void *ctx, const struct media *m)
{
	struct told *s = ctx;

	s->media++;
	s->states[m->state]++;
	s->last = *m;
}

static const struct trace_sink sink = { .blob = on_blob, .media = on_media };

static void tell(struct told *s, enum content_level level, size_t limit, struct slice base64,
		 unsigned times)
{
	static const struct id128 holder = { { 1 } };
	_cleanup_(arena_freep) struct arena *mem = arena_new(64 << 20);
	struct llm_message m = { 0 };
	struct stats stats = { 0 };
	struct trace *t;

	*s = (struct told){ 0 };
	assert_int_equal(trace_new(&sink, s, NULL, NULL, &stats, &t), 0);
	t->config.content = level;
	t->config.media_limit = limit;
	for (unsigned i = 0; i < times; i++)
		llm_add_inline_media(&m, mem, SLICE("image/png"), base64);
	content_media(t, &holder, m.parts);
	s->last.digest = (struct slice){ 0 }; /* it was lent */
	trace_free(t);
}

static void bytes_decide_what_is_kept(void **state)
{
	static const struct {
		const char *base64, *type;
		enum content_level level;
		size_t limit;
		enum media_state want;
	} cases[] = {
		{ PNG, "image/png", CONTENT_FULL, 1000, MEDIA_KEPT },
		{ GIF, "image/gif", CONTENT_FULL, 1000, MEDIA_KEPT },
		{ PDF, "application/pdf", CONTENT_FULL, 1000, MEDIA_KEPT },
		{ PNG, NULL, CONTENT_FULL, 15, MEDIA_LARGE },
		{ PNG, NULL, CONTENT_FULL, 0, MEDIA_LARGE },
		{ PNG, NULL, CONTENT_STANDARD, 1000, MEDIA_LEVEL },
		{ HTML, NULL, CONTENT_FULL, 1000, MEDIA_OTHER },
		{ "https://example.com/a.png", NULL, CONTENT_FULL, 1000, MEDIA_BROKEN },
		{ "iVBOR", NULL, CONTENT_FULL, 1000, MEDIA_BROKEN },
		{ "", NULL, CONTENT_FULL, 1000, MEDIA_MISSING },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct told s;

		tell(&s, cases[i].level, cases[i].limit, slice_of(cases[i].base64), 3);
		assert_int_equal(s.media, 3);
		assert_int_equal(s.states[cases[i].want], 3);
		assert_int_equal(s.blobs, cases[i].type ? 1 : 0);
		if (cases[i].type)
			assert_string_equal(s.last.type, cases[i].type);
	}
}

static void what_is_hostile_is_bounded(void **state)
{
	const size_t n = 100u << 20;
	char *huge = malloc(n);
	struct told s;

	(void)state;
	assert_non_null(huge);
	memset(huge, 'A', n);
	tell(&s, CONTENT_FULL, 4 << 20, (struct slice){ huge, n }, 1);
	assert_int_equal(s.states[MEDIA_LARGE], 1);
	free(huge);
	tell(&s, CONTENT_FULL, 4 << 20, SLICE(PNG), 10000);
	assert_in_range(s.media, 1, 1000);
	assert_int_equal(s.blobs, 1);
}

static void a_type_is_known_by_its_first_bytes_alone(void **state)
{
	static const struct slice none[] = {
		{ "", 0 },
		{ "\x89PNG", 4 },
		{ "<svg xmlns='x'/>", 16 },
		{ "RIFF....WEB", 11 },
		{ " %PDF-1.4", 9 },
		{ "GIF88a", 6 },
		{ "BM\0\0", 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_null(media_type(none[i]));
	assert_string_equal(media_type(SLICE("RIFF....WEBPVP8 ")), "image/webp");
	assert_string_equal(media_type(SLICE("\xff\xd8\xff\xe0")), "image/jpeg");
	assert_true(media_is_picture("image/webp"));
	assert_false(media_is_picture("application/pdf"));
	assert_false(media_is_picture(NULL));
}

/* --- in the store --- */

#define DIGEST	"xxh3:0123456789abcdef0123456789abcdef"
#define MESSAGE "{\"parts\":[{\"type\":\"blob\",\"size\":12,\"digest\":\"" DIGEST "\"}]}"

static const struct slice picture = { "\x89PNG\r\n\x1a\n1234", 12 };

static void put_picture(struct store *s, uint64_t run, uint32_t uid, bool kept)
{
	const struct id128 message = id_of_bytes(SLICE(MESSAGE)), id = id_of_bytes(picture);
	const struct id128 node = content_node(&(struct id128){ 0 }, &message);
	struct media m = { .holder = message, .digest = SLICE(DIGEST), .state = MEDIA_LARGE };
	struct span span = make_call(run, 0);
	struct run r = make_run(run);

	r.uid = uid;
	r.status = RUN_COMPLETED;
	r.end_ns = r.start_ns + 1;
	store_run(s, &r);
	store_blob(s, &message, "message", SLICE(MESSAGE));
	if (kept) {
		m.state = MEDIA_KEPT;
		m.type = "image/png";
		m.size = picture.n;
		id_sha256(picture, m.sha256);
		store_blob(s, &id, "media", picture);
	}
	store_media(s, &m);
	store_node(s, &node, NULL, &message, 0);
	span.input_node = node;
	store_span(s, &span);
}

static void has_message(struct store_reader *r, const char *want)
{
	const struct id128 message = id_of_bytes(SLICE(MESSAGE));
	const struct id128 node = content_node(&(struct id128){ 0 }, &message);
	_cleanup_(buf_done) struct buf text = { 0 }, same = { 0 };

	assert_int_equal(store_message_read(r, &node, &text), 0);
	if (!slice_has(buf_slice(&text), slice_of(want)))
		fail_msg("%.*s", SLICE_ARG(buf_slice(&text)));
	assert_true(json_valid(buf_slice(&text)));
	assert_int_equal(store_content_read(r, &message, &same), 0);
	assert_true(slice_eq(buf_slice(&text), buf_slice(&same)));
	same.n = 0;
	assert_int_equal(store_blob_read(r, &message, &same), 0);
	assert_true(slice_eq(buf_slice(&same), SLICE(MESSAGE)));
}

static void a_message_says_what_became_of_its_picture(void **state)
{
	const char *path = in_dir(state, "db");
	const struct id128 id = id_of_bytes(picture);
	struct store *s = open_store(path);
	char hex[ID128_HEX_SIZE], want[64];
	struct store_reader *r;

	put_picture(s, 1, ALICE, false);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	has_message(r, ",\"reason\":\"it is larger than the limit\"");
	store_reader_close(r);
	s = open_store(path); /* kept now, and then less again */
	put_picture(s, 2, ALICE, true);
	put_picture(s, 3, ALICE, false);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	id128_hex(&id, hex);
	snprintf(want, sizeof(want), "\"blob\":\"%s\"", hex);
	has_message(r, want);
	has_message(r, "\"media_type\":\"image/png\",\"bytes\":12,");
	store_reader_close(r);
}

static int64_t count(const char *path, const char *sql)
{
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(path);
	int64_t n = -1;

	assert_int_equal(db_int(r->db, sql, &n), SQLITE_OK);
	return n;
}

static void a_picture_goes_with_the_last_that_has_it(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_options o = { 0 };
	struct store_gc_result res;
	struct store_error err = { "" };
	struct store *s = open_store(path);

	put_picture(s, 1, ALICE, true);
	assert_int_equal(store_close(s), 0);
	o.progress = NULL;
	o.runs_before_ns = 1;
	assert_int_equal(store_gc(path, &o, &res, &err), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM blobs WHERE kind = 'media'"), 1);
	assert_int_equal(count(path, "SELECT count(*) FROM media"), 1);
	o.runs_before_ns = UINT64_MAX >> 1;
	assert_int_equal(store_gc(path, &o, &res, &err), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM blobs"), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM media"), 0);
}

static void a_picture_is_seen_by_who_sees_what_has_it(void **state)
{
	const char *path = in_dir(state, "db");
	const struct id128 id = id_of_bytes(picture);
	_cleanup_(buf_done) struct buf bytes = { 0 };
	struct store *s = open_store(path);
	struct store_reader *r;

	put_picture(s, number(ALICE, 1), ALICE, true);
	assert_int_equal(store_close(s), 0);
	r = open_as(path, BOB);
	assert_int_equal(store_content_read(r, &id, &bytes), -ENOENT);
	store_reader_close(r);
	r = open_as(path, ALICE);
	assert_int_equal(store_content_read(r, &id, &bytes), 0);
	assert_true(slice_eq(buf_slice(&bytes), picture));
	store_reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_hands_on_its_base64),
		cmocka_unit_test(results_of_tool_servers_lose_their_bytes),
		cmocka_unit_test(bytes_decide_what_is_kept),
		cmocka_unit_test(what_is_hostile_is_bounded),
		cmocka_unit_test(a_type_is_known_by_its_first_bytes_alone),
		TEST(a_message_says_what_became_of_its_picture),
		TEST(a_picture_goes_with_the_last_that_has_it),
		TEST(a_picture_is_seen_by_who_sees_what_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
