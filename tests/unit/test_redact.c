/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "base/json.h"
#include "base/util.h"
#include "trace/redact.h"

/* clang-format off */

/* Made up, in the shape of the real ones; written in two parts so that scanners of source code
 * leave them alone. */
#define ANT  "sk-ant-" "api03-Zx9kQ2mN4pR7tV1wY3bC5dF8gH0jK-LmPqRsTuVwXyZ"
#define SK   "sk-" "4fG7hJ9kL2mN5pQ8rS1tU4vW7xY0zA3b"
#define PROJ "sk-proj-" "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
#define AIZA "AIza" "SyD3f4G5h6J7k8L9m0N1p2Q3r4S5t6U7v8W"
#define GHP  "ghp_" "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
#define PAT  "github_pat_" "11ABCDEFG0aB3dE5fG7hJ9_kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"
#define XOXB "xoxb-" "123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx"
#define AKIA "AKIA" "Z7QX4NPLM2VRT9KD"
#define AWSS "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzA9bQ3cD5e"
#define JWT  "eyJ" "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
#define HEX  "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define PEM(nl) "-----BEGIN RSA PRIVATE KEY-----" nl "MIIEowIBAAKCAQEA7x" nl "q83hs==" nl \
		"-----END RSA PRIVATE KEY-----"
#define R(kind) "[redacted:" kind "]"

struct text_case {
	const char *in, *want;
};

static const struct text_case secrets[] = {
	{ "key " ANT " end", "key " R("anthropic-key") " end" },
	{ SK, R("api-key") },
	{ "(" PROJ ")", "(" R("openai-key") ")" },
	{ "x=" AIZA "&y", "x=" R("google-key") "&y" },
	{ GHP "," PAT, R("github-token") "," R("github-token") },
	{ XOXB, R("slack-token") },
	{ "id " AKIA " used", "id " R("aws-key") " used" },
	{ AKIA ":" AWSS, R("aws-key") },
	{ "aws_secret_access_key = " AWSS, "aws_secret_access_key = " R("secret") },
	{ "glpat-" "Ab3dE5fG7hJ9kL1mN3pQ", R("gitlab-token") },
	{ "hf_" "aBcDeFgHiJ1234567890kLmNoPqR", R("huggingface-token") },
	{ "npm_" "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5", R("npm-token") },
	{ "SG." "aB3dE5fG7hJ9kL1mN3pQ5r.S7tU9vW1xY3zA5aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW", R("sendgrid-key") },
	{ "key-" "0123456789abcdef0123456789abcdef", R("mailgun-key") },
	{ "jwt: " JWT ".", "jwt: " R("jwt") "." },
	{ "Bearer abc123def456", "Bearer " R("bearer") },
	{ "bearer " "AbCdEfGhIjKlMnOpQrStUvWx", "bearer " R("bearer") },
	{ "Basic dXNlcjpodW50ZXIy", "Basic " R("basic") },
	{ PEM("\n") "\nrest", R("private-key") "\nrest" },
	{ PEM("\\n") "\\nrest", R("private-key") "\\nrest" },
	{ "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA7x\nq8", R("private-key") },
	{ "git clone https://bob:hunter2@host/x", "git clone https://" R("userinfo") "@host/x" },
	{ "https://" GHP "@github.com/x", "https://" R("userinfo") "@github.com/x" },
	{ "postgres://app:s3cr3t!@db:5432/x", "postgres://" R("userinfo") "@db:5432/x" },
	{ "redis://:pa55w0rd@h", "redis://" R("userinfo") "@h" },
	{ "password=letmein", "password=" R("password") },
	{ "DB_PASSWORD=letmein;x", "DB_PASSWORD=" R("password") ";x" },
	{ "dbPassword: \"let me in\"", "dbPassword: \"" R("password") "\"" },
	{ "Server=x;Uid=app;Pwd=letmein;", "Server=x;Uid=app;Pwd=" R("password") ";" },
	{ "password: hunter2x", "password: " R("password") },
	{ "'passwd': 'it\\'s me'", "'passwd': '" R("password") "'" },
	{ "{\\\"api_key\\\": \\\"abcd1234\\\"}", "{\\\"api_key\\\": \\\"" R("api-key") "\\\"}" },
	{ "export OPENAI_API_KEY=abcdef", "export OPENAI_API_KEY=" R("api-key") },
	{ "api-key=0123abcd&x", "api-key=" R("api-key") "&x" },
	{ "access_token=a1b2c3d4e5", "access_token=" R("token") },
	{ "token: a1b2c3d4e5f6", "token: " R("token") },
	{ "token%3Da1b2c3d4e5f6", "token%3D" R("token") },
	{ "client_secret => 'abcdef'", "client_secret => '" R("secret") "'" },
	{ "<password>abcd</password>", "<password>" R("password") "</password>" },
	{ "AccountKey=Zm9vYmFyYmF6cXV4Zm9v==;E", "AccountKey=" R("secret") ";E" },
	{ "Authorization: Bearer x\nnext", "Authorization: " R("authorization") "\nnext" },
	{ "-H 'Authorization: Token abcdef' u", "-H 'Authorization: " R("authorization") "' u" },
	{ "-H \\\"x-api-key: abcdef12\\\" u", "-H \\\"x-api-key: " R("api-key") "\\\" u" },
	{ "{'Authorization': 'Bearer zz'}", "{'Authorization': '" R("authorization") "'}" },
	{ "Cookie: sid=abc; t=\"1\"\r\nHost: h", "Cookie: " R("cookie") "\r\nHost: h" },
	{ "< set-cookie: sid=abcdef; Path=/\n", "< set-cookie: " R("cookie") "\n" },
	{ "X-Amz-Security-Token: FwoGZXIvYXdzEBYaDH", "X-Amz-Security-Token: " R("token") },
	{ "&X-Amz-Signature=" HEX, "&X-Amz-Signature=" R("signature") },
	{ "Credential=x/y, Signature=" HEX, "Credential=x/y, Signature=" R("signature") },
	{ "GET /v1?key=abcdef HTTP", "GET /v1?key=" R("api-key") " HTTP" },
	{ "https://x/y?a=b&sig=abc%2Fdef", "https://x/y?a=b&sig=" R("signature") },
	{ "curl -u bob:hunter2 http://h", "curl -u bob:" R("password") " http://h" },
	{ "tool --api-key ab12cd34 -v", "tool --api-key " R("api-key") " -v" },
	{ "https://hooks.slack.com/services/" "T0AAAAAAA/B0BBBBBBB/abcdefghijklmnop",
	  "https://hooks.slack.com/services/" R("webhook") },
	{ "\\n" GHP "\\n", "\\n" R("github-token") "\\n" },
	{ "key%3D" GHP, "key%3D" R("github-token") },
	{ "\033[32m" GHP "\033[0m", "\033[32m" R("github-token") "\033[0m" },
	{ "_authToken=a1b2c3d4e5f6", "_authToken=" R("token") },
	{ "_auth=dXNlcjpodW50ZXIy", "_auth=" R("secret") },
	/* two that touch: the second begins behind the first */
	{ AKIA "\"" GHP, R("aws-key") "\"" R("github-token") },
};

static const char *const harmless[] = {
	"",
	"a",
	"tokens: 500, max_tokens=4096, token: 500",
	"\"max_tokens\": 1024, \"total_tokens\": 5000",
	"{\"token\":\"Hello\",\"logprob\":-0.1,\"bytes\":[72]}",
	"commit 0f1e2d3c4b5a69788796a5b4c3d2e1f0a1b2c3d4",
	"550e8400-e29b-41d4-a716-446655440000",
	"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
	"the password must be long; password: required; password = getpass()",
	"const token = tokens[0]; if (token == other) return;",
	"def f(password: str, token: Optional[str] = None):",
	"api_key=os.environ[\"X\"] apiKey: process.env.KEY password=$PASS password=${P}",
	"password=<your password> token=YOUR_TOKEN api_key=None secret: true",
	"PWD=/home/user/project OLDPWD=/tmp {\"PWD\": \"/home/user/project\"}",
	"token = token2.next; typeToken = tt.eqeq1;",
	"webidl.Cookie = parse(a=b); const cookie = x.y(\"a=b\")",
	"class sk-learn-estimator, task-runner-1234567890123456, disk-0123456789abcdefghij",
	"bearer tokens are opaque; basic authentication; Basic usage",
	"https://example.com/a@b?x=1 git@github.com:a/b.git ssh://git@host/x",
	"primary_key=id foreign key: users keyboard: qwerty",
	"eyJ0aGlzIjoiaXMganVzdCBiYXNlNjQifQ==",
	"Authorization: required for this endpoint",
	"the cookie: it crumbles",
	"toolu_01A09q90qw90lq917835lq9 msg_01XFDUDYJgAACzvnptvVoYEL chatcmpl-9x8y7z6w5v4u3t2s",
	"key-value pairs, key-frames and SG.1 or xoxo",
	"docker run -u 1000:1000 image",
	"\"signature\": \"EqQBCkYIBxgCKkBzb21lIHNpZ25hdHVyZSBvZiBhIHRoaW5raW5nIGJsb2Nr\"",
	"[redacted:password]",
	"password=[redacted:password] Bearer [redacted:bearer] https://[redacted:userinfo]@h",
};

static const struct text_case json_cases[] = {
	{ "{\"a\":\"" GHP "\",\"n\":1}", "{\"a\":\"" R("github-token") "\",\"n\":1}" },
	{ "{\"password\":\"hunter2\"}", "{\"password\":\"" R("password") "\"}" },
	{ "{\"password\" : \"with \\\"quotes\\\" and \\u00e4\"}", "{\"password\" : \"" R("password") "\"}" },
	{ "{\"token\":\"Hello\",\"max_tokens\":5}", "{\"token\":\"Hello\",\"max_tokens\":5}" },
	{ "{\"Authorization\":[\"Bearer x\",\"Bearer y\"],\"b\":\"Bearer\"}",
	  "{\"Authorization\":[\"" R("authorization") "\",\"" R("authorization") "\"],\"b\":\"Bearer\"}" },
	{ "[\"line\\n" GHP "\\nnext\"]", "[\"line\\n" R("github-token") "\\nnext\"]" },
	{ "[\"sk\\u002dant\\u002dapi03-Zx9kQ2mN4pR7tV1wY3bC5dF8\"]", "[\"" R("anthropic-key") "\"]" },
	{ "[\"" PEM("\\n") "\\n\"]", "[\"" R("private-key") "\\n\"]" },
	{ "{\"arguments\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}",
	  "{\"arguments\":\"{\\\"password\\\":\\\"" R("password") "\\\"}\"}" },
	{ "{\"arguments\":\"{\\\"k\\\":\\\"sk\\\\u002dant\\\\u002dapi03-Zx9kQ2mN4pR7tV1wY3\\\"}\"}",
	  "{\"arguments\":\"{\\\"k\\\":\\\"" R("anthropic-key") "\\\"}\"}" },
	{ "{\"u\":\"https:\\/\\/bob:hunter2@h\\/x\"}", "{\"u\":\"https:\\/\\/" R("userinfo") "@h\\/x\"}" },
	{ "{\"t\":\"Authorization: Bearer abc\\nHost: h\"}", "{\"t\":\"Authorization: " R("authorization") "\\nHost: h\"}" },
	{ "[\"\\ud83d\\ude00" GHP "\\ud83d\\ude00\"]", "[\"\\ud83d\\ude00" R("github-token") "\\ud83d\\ude00\"]" },
	{ "{\"" GHP "\":1}", "{\"" R("github-token") "\":1}" },
	{ "{\"cut\":\"" GHP, "{\"cut\":\"" R("github-token") },
	{ "plain password=letmein", "plain password=" R("password") },
	{ "{}", "{}" },
	{ "[\"bad \\x escape \\", "[\"bad \\x escape \\" },
};

static const struct text_case url_cases[] = {
	{ "/v1/models?key=abc&alt=sse", "/v1/models?key=" R("api-key") "&alt=sse" },
	{ "https://u:p@h/x?token=a#access_token=b", "https://" R("userinfo") "@h/x?token=" R("token") "#access_token=" R("token") },
	{ "/x?api%5Fkey=abc", "/x?api%5Fkey=" R("api-key") },
	{ "/v1/messages?beta=true", "/v1/messages?beta=true" },
	{ "/x?page_size=3&pagekey=", "/x?page_size=3&pagekey=" },
};

/* Arguments are separated by '|' here. */
static const struct text_case argv_cases[] = {
	{ "ls|-l|a b", "ls -l 'a b'" },
	{ "tool|--api-key|hunter|-v", "tool --api-key [redacted:api-key] -v" },
	{ "tool|--api-key=hunter|it's", "tool --api-key=[redacted:api-key] 'it'\\''s'" },
	{ "curl|-H|Authorization: Bearer x|http://h", "curl -H 'Authorization: [redacted:header]' http://h" },
	{ "curl|-HX-Api-Key: abc|http://h", "curl '-HX-Api-Key: [redacted:header]' http://h" },
	{ "curl|-H|Content-Type: text/plain|h", "curl -H 'Content-Type: text/plain' h" },
	{ "/usr/bin/curl|-u|bob:pw|h", "/usr/bin/curl -u bob:[redacted:password] h" },
	{ "curl|-ubob:pw|h", "curl -ubob:[redacted:password] h" },
	{ "sudo|mysql|-psecret|db", "sudo mysql -p[redacted:password] db" },
	{ "mkdir|-p|a/b", "mkdir -p a/b" },
	{ "claude|-p|say hi", "claude -p 'say hi'" },
	{ "docker|login|-u|bob|-p|pw", "docker login -u bob -p [redacted:password]" },
	{ "docker|run|-p|80:80", "docker run -p 80:80" },
	{ "env|OPENAI_API_KEY=x|PWD=/tmp|A=b", "env OPENAI_API_KEY=[redacted:api-key] PWD=/tmp A=b" },
	{ "sh|-c|export GH_TOKEN=a1b2c3d4; ls", "sh -c 'export GH_TOKEN=[redacted:token]; ls'" },
	{ "x|--max-token|500|--token|abc", "x --max-token 500 --token [redacted:token]" },
	{ "x||y", "x '' y" },
	{ "x|--password", "x --password" },
};
/* clang-format on */

static struct redactor *new_redactor(void)
{
	struct redactor *r;

	assert_int_equal(redactor_new(&r), 0);
	return r;
}

typedef int (*redact_fn)(struct redactor *r, struct slice in, struct buf *out);

static void expect_slice(redact_fn fn, struct redactor *r, struct slice in, const char *want)
{
	struct buf out = { 0 };
	int n = fn(r, in, &out);

	assert_true(n >= 0);
	assert_int_equal(buf_add(&out, (struct slice){ "", 1 }, SIZE_MAX / 2), 0);
	assert_string_equal(out.p, want);
	if (fn != redact_argv)
		assert_int_equal(n > 0, !slice_eq(in, slice_of(want)));
	buf_done(&out);
}

static void expect(redact_fn fn, struct redactor *r, const char *in, const char *want)
{
	expect_slice(fn, r, slice_of(in), want);
}

static void redact_removes_secrets(void **state)
{
	struct redactor *r = new_redactor();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		expect(redact, r, secrets[i].in, secrets[i].want);
		expect(redact, r, secrets[i].want, secrets[i].want);
	}
	redactor_free(r);
}

static void redact_leaves_the_rest_alone(void **state)
{
	struct redactor *r = new_redactor();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		expect(redact, r, harmless[i], harmless[i]);
		expect(redact_json, r, harmless[i], harmless[i]);
	}
	redactor_free(r);
}

static void redact_json_reads_what_strings_say(void **state)
{
	struct redactor *r = new_redactor();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(json_cases); i++) {
		expect(redact_json, r, json_cases[i].in, json_cases[i].want);
		expect(redact_json, r, json_cases[i].want, json_cases[i].want);
		if (json_valid(slice_of(json_cases[i].in)))
			assert_true(json_valid(slice_of(json_cases[i].want)));
	}
	redactor_free(r);
}

static void redact_url_knows_parameters(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(url_cases); i++) {
		struct redactor *r = new_redactor();

		expect(redact_url, r, url_cases[i].in, url_cases[i].want);
		redactor_free(r);
	}
}

static void redact_argv_knows_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(argv_cases); i++) {
		struct redactor *r = new_redactor();
		char argv[256];
		size_t n = strlen(argv_cases[i].in);

		memcpy(argv, argv_cases[i].in, n);
		for (size_t k = 0; k < n; k++)
			if (argv[k] == '|')
				argv[k] = '\0';
		argv[n] = '\0';
		expect_slice(redact_argv, r, (struct slice){ argv, n + 1 }, argv_cases[i].want);
		expect_slice(redact_argv, r, (struct slice){ argv, n }, argv_cases[i].want);
		redactor_free(r);
	}
}

static void redact_learned_values_in_any_spelling(void **state)
{
	struct redactor *r = new_redactor();

	(void)state;
	redactor_learn(r, SLICE("Tr0ub4dor&3/horse"));
	redactor_learn(r, SLICE("short"));
	redactor_learn(r, SLICE("ordinary"));
	expect(redact, r, "x Tr0ub4dor&3/horse y", "x [redacted:secret] y");
	expect(redact, r, "xTr0ub4dor&3/horsey", "x[redacted:secret]y");
	expect(redact, r, "a=Tr0ub4dor%263%2Fhorse", "a=[redacted:secret]");
	expect(redact, r, "a=Tr0ub4dor%263%2fhorse", "a=[redacted:secret]");
	expect(redact, r, "Tr0ub4dor\n&3/ho\r\nrse", "[redacted:secret]");
	expect(redact_json, r, "[\"Tr0ub4dor\\n&3\\/horse\"]", "[\"[redacted:secret]\"]");
	/* base64 of "u:", "us:" and "use:" before it; digits that hold other bytes too stay */
	expect(redact, r, "dTpUcjB1YjRkb3ImMy9ob3JzZQ==", "dTpU[redacted:secret]ZQ==");
	expect(redact, r, "dXM6VHIwdWI0ZG9yJjMvaG9yc2U=", "dXM6[redacted:secret]c2U=");
	expect(redact, r, "dXNlOlRyMHViNGRvciYzL2hvcnNl", "dXNlOlRy[redacted:secret]");
	expect(redact, r, "a short ordinary text", "a short ordinary text");
	redactor_free(r);
}

static void redact_header_names(void **state)
{
	static const char *const secret[] = { "Authorization",	    "proxy-authorization",
					      "x-api-key",	    "api-key",
					      "X-Goog-Api-Key",	    "cookie",
					      "Set-Cookie",	    "x-amz-security-token",
					      "chatgpt-account-id", "X-Auth-Token",
					      "x-hub-secret" };
	static const char *const open[] = { "content-type",
					    "x-request-id",
					    "host",
					    "idempotency-key",
					    "x-ratelimit-key",
					    "anthropic-ratelimit-tokens-limit",
					    "sec-websocket-key",
					    "x-ratelimit-remaining-tokens" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
		assert_true(redact_header_is_secret(slice_of(secret[i])));
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		assert_false(redact_header_is_secret(slice_of(open[i])));
}

/* However a text is filled up around it, the secret goes. */
static void redact_finds_secrets_anywhere(void **state)
{
	struct redactor *r = new_redactor();
	static char text[3000];

	(void)state;
	for (size_t at = 0; at + 64 < sizeof(text) - 1; at += 7) {
		struct buf out = { 0 };

		memset(text, ' ', sizeof(text) - 1);
		memcpy(text + at, GHP, strlen(GHP));
		assert_int_equal(redact(r, slice_of(text), &out), 1);
		assert_false(slice_has(buf_slice(&out), slice_of(GHP)));
		buf_done(&out);
	}
	redactor_free(r);
}

/* Every key in every place in which agents carry them. */
static void redact_planted_keys(void **state)
{
	static const char *const keys[] = {
		ANT,
		SK,
		PROJ,
		AIZA,
		GHP,
		PAT,
		XOXB,
		AKIA,
		JWT,
		"glpat-"
		"Ab3dE5fG7hJ9kL1mN3pQ",
		"hf_"
		"aBcDeFgHiJ1234567890kLmNoPqR",
		"npm_"
		"aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5",
		"gsk_"
		"aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5",
		"key-"
		"0123456789abcdef0123456789abcdef",
		"sk_live_"
		"51aBcDeFgHiJkLmN",
		"xai-"
		"aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5aB3dE5",
		"ya29."
		"a0AfH6SMBx3dE5fG7hJ9kL1mN3pQ",
	};
	/* @ is the key, % the key with each character as \u00xx */
	static const struct {
		redact_fn fn;
		const char *text;
	} places[] = {
		{ redact, "the key is @, keep it" },
		{ redact, "/home/u/backup-@.txt" },
		{ redact, "/tmp/x_@/file" },
		{ redact, "curl https://h/x?q=1&k=@#top" },
		{ redact, "GET /v1/@/x HTTP/1.1\r\nX: y" },
		{ redact, "line\r\n@\r\nline" },
		{ redact, "\033[1;32m@\033[0m" },
		{ redact, "a=1;b=\"@\";c" },
		{ redact, "`@`" },
		{ redact_json, "{\"a\":\"@\"}" },
		{ redact_json, "{\"a\":[{\"text\":\"x\\n@\\ty\"}]}" },
		{ redact_json, "{\"a\":\"%\"}" },
		{ redact_json, "{\"arguments\":\"{\\\"cmd\\\":\\\"echo @\\\\n\\\"}\"}" },
		{ redact_json, "{\"cut\":\"before @" },
		{ redact_url, "https://h/x?alt=sse&access_token=@" },
		{ redact_url, "/x/@?y" },
		{ redact_argv, "tool|--key|@" },
		{ redact_argv, "sh|-c|echo '@' >f" },
		{ redact_argv, "env|A_TOKEN=@|x" },
	};
	size_t n = 0;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(places); i++, n++) {
			struct redactor *r = new_redactor();
			struct buf text = { 0 }, out = { 0 };

			for (const char *c = places[i].text; *c; c++) {
				if (*c == '@')
					buf_add(&text, slice_of(keys[k]), 10000);
				else if (*c == '|')
					buf_add(&text, (struct slice){ "", 1 }, 10000);
				else if (*c != '%')
					buf_add(&text, (struct slice){ c, 1 }, 10000);
				for (const char *p = keys[k]; *c == '%' && *p; p++) {
					char u[8];

					snprintf(u, sizeof(u), "\\u%04x", (unsigned char)*p);
					buf_add(&text, slice_of(u), 10000);
				}
			}
			assert_true(places[i].fn(r, buf_slice(&text), &out) > 0);
			/* Neither the key nor the part of it that is secret. */
			if (slice_has(buf_slice(&out), slice_from(slice_of(keys[k]), 8)) ||
			    slice_has(buf_slice(&out), SLICE("\\u00")))
				fail_msg("%s in %s: %.*s", keys[k], places[i].text,
					 SLICE_ARG(buf_slice(&out)));
			buf_done(&text);
			buf_done(&out);
			redactor_free(r);
		}
	}
	assert_true(n > 200);
}

static void redact_survives_refused_memory(void **state)
{
	const char *in = "{\"a\\n\":\"b\\n" GHP "\",\"password\":\"x\\u0041bcdef\"}";
	bool refused = true;

	(void)state;
	for (long n = 1; refused; n++) {
		struct redactor *r = NULL;
		struct buf out = { 0 };
		int err;

		assert_int_equal(buf_add(&out, SLICE("kept"), 100), 0);
		alloc_refuse(n);
		err = redactor_new(&r);
		if (err == 0) {
			redactor_learn(r, SLICE("a1b2c3d4e5f6"));
			err = redact_json(r, slice_of(in), &out);
			if (err < 0)
				assert_int_equal(out.n, 4);
			if (err > 0)
				err = redact_url(r, SLICE("/?key=abc"), &out);
			if (err > 0)
				err = redact_argv(r, SLICE("a\0--token\0b"), &out);
		}
		refused = alloc_allow();
		assert_true(err > 0 || err == -ENOMEM);
		redactor_free(r);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redact_removes_secrets),
		cmocka_unit_test(redact_leaves_the_rest_alone),
		cmocka_unit_test(redact_json_reads_what_strings_say),
		cmocka_unit_test(redact_url_knows_parameters),
		cmocka_unit_test(redact_argv_knows_options),
		cmocka_unit_test(redact_learned_values_in_any_spelling),
		cmocka_unit_test(redact_header_names),
		cmocka_unit_test(redact_finds_secrets_anywhere),
		cmocka_unit_test(redact_planted_keys),
		cmocka_unit_test(redact_survives_refused_memory),
	};

	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
