// SPDX-License-Identifier: BSD-2-Clause
/*
 * A library with TLS of its own, for programs that load it while they run: late_ask() makes a model
 * call, all of them over one connection. With -DADDON it is an add-on for Node as well, with
 * -DPROGRAM a program that makes one.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD_MAX 8192

int late_ask(const char *port, const char *ca, const char *body);

static SSL *connect_to(const char *port, const char *ca)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port)),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl;

	if (!ctx || SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	return SSL_connect(ssl) == 1 ? ssl : NULL;
}

/* Reads one answer; its status, or -1. */
static int read_answer(SSL *ssl)
{
	char text[HEAD_MAX + 1];
	const char *end = NULL, *length;
	int n = 0, status;
	long left;

	while (!end && n < HEAD_MAX) {
		int r = SSL_read(ssl, text + n, HEAD_MAX - n);

		if (r <= 0)
			return -1;
		n += r;
		text[n] = 0;
		end = strstr(text, "\r\n\r\n");
	}
	length = end ? strcasestr(text, "\r\nContent-Length:") : NULL;
	if (!length || sscanf(text, "HTTP/1.1 %d", &status) != 1)
		return -1;
	left = strtol(length + 17, NULL, 10) - (n - (end + 4 - text));
	while (left > 0) {
		int r = SSL_read(ssl, text, left < HEAD_MAX ? (int)left : HEAD_MAX);

		if (r <= 0)
			return -1;
		left -= r;
	}
	return status;
}

int late_ask(const char *port, const char *ca, const char *body)
{
	static SSL *ssl;
	char text[2 * HEAD_MAX];
	int n;

	if (!ssl)
		ssl = connect_to(port, ca);
	if (!ssl)
		return -1;
	n = snprintf(text, sizeof(text),
		     "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:%s\r\n"
		     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		     port, strlen(body), body);
	return SSL_write(ssl, text, n) == n ? read_answer(ssl) : -1;
}

#ifdef PROGRAM
int main(int argc, char **argv)
{
	return argc == 4 && late_ask(argv[1], argv[2], argv[3]) == 200 ? 0 : 1;
}
#endif

#ifdef ADDON
/* Of Node's stable interface for add-ons, what is needed here. */
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_info__ *napi_info;
typedef napi_value (*napi_callback)(napi_env env, napi_info info);
int napi_get_cb_info(napi_env env, napi_info info, size_t *n, napi_value *values, napi_value *that,
		     void **data);
int napi_get_value_string_utf8(napi_env env, napi_value v, char *ret, size_t size, size_t *n);
int napi_create_int32(napi_env env, int32_t number, napi_value *ret);
int napi_create_function(napi_env env, const char *name, size_t n, napi_callback fn, void *data,
			 napi_value *ret);
int napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value v);
napi_value napi_register_module_v1(napi_env env, napi_value exports);

static napi_value ask(napi_env env, napi_info info)
{
	char words[3][4096] = { { 0 } };
	napi_value values[3], status;
	size_t n = 3;

	napi_get_cb_info(env, info, &n, values, NULL, NULL);
	for (size_t i = 0; i < 3; i++)
		napi_get_value_string_utf8(env, values[i], words[i], sizeof(words[i]), NULL);
	napi_create_int32(env, late_ask(words[0], words[1], words[2]), &status);
	return status;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
	napi_value fn;

	napi_create_function(env, "ask", 3, ask, NULL, &fn);
	napi_set_named_property(env, exports, "ask", fn);
	return exports;
}
#endif
