/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic.c for NSS, one end: bytes of known content to echo.py and back.
 *
 *	traffic_nss PORT SIZE...	for each size and each way to send and receive one
 *					connection
 *	traffic_nss PORT cycles N	N connections one after the other, each saying its number
 */
#include <nspr.h>
#include <nss.h>
#include <ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum way { PLAIN, FLAGS, VECTORS, WAYS };

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, PR_ErrorToName(PR_GetError()));
	exit(1);
}

static char *bytes(size_t n)
{
	char *p = malloc(n);

	/* As traffic.c has it. */
	for (size_t i = 0; p && i < n; i++)
		p[i] = (char)(i % 251 ^ i / 251 % 241);
	if (!p)
		exit(1);
	return p;
}

static SECStatus any_certificate(void *arg, PRFileDesc *fd, PRBool check, PRBool server)
{
	(void)arg;
	(void)fd;
	(void)check;
	(void)server;
	return SECSuccess;
}

static void send_all(PRFileDesc *fd, char *p, size_t n, enum way way)
{
	for (size_t at = 0; at < n;) {
		PRInt32 left = (PRInt32)(n - at), r;
		PRIOVec v[2] = { { p + at, left / 2 }, { p + at + left / 2, left - left / 2 } };

		if (way == VECTORS)
			r = PR_Writev(fd, v, 2, PR_INTERVAL_NO_TIMEOUT);
		else if (way == FLAGS)
			r = PR_Send(fd, p + at, left, 0, PR_INTERVAL_NO_TIMEOUT);
		else
			r = PR_Write(fd, p + at, left);
		if (r <= 0)
			die("send");
		at += (size_t)r;
	}
}

static void recv_all(PRFileDesc *fd, char *p, size_t n, enum way way)
{
	for (size_t at = 0; at < n;) {
		PRInt32 left = (PRInt32)(n - at), r;

		/* What is only looked at has not been received. */
		if (way == FLAGS &&
		    PR_Recv(fd, p + at, left, PR_MSG_PEEK, PR_INTERVAL_NO_TIMEOUT) <= 0)
			die("peek");
		r = way == FLAGS ? PR_Recv(fd, p + at, left, 0, PR_INTERVAL_NO_TIMEOUT)
				 : PR_Read(fd, p + at, left);
		if (r <= 0)
			die("recv");
		at += (size_t)r;
	}
}

static void run(PRUint16 port, char *sent, size_t size, enum way way)
{
	char *got = malloc(size);
	PRFileDesc *fd = SSL_ImportFD(NULL, PR_NewTCPSocket());
	PRNetAddr a;

	PR_InitializeNetAddr(PR_IpAddrLoopback, port, &a);
	if (!fd || PR_Connect(fd, &a, PR_INTERVAL_NO_TIMEOUT) != PR_SUCCESS)
		die("connect");
	SSL_AuthCertificateHook(fd, any_certificate, NULL);
	SSL_SetURL(fd, "localhost");
	SSL_ResetHandshake(fd, PR_FALSE);
	send_all(fd, sent, size, way);
	recv_all(fd, got, size, way);
	if (memcmp(sent, got, size) != 0)
		die("echo");
	PR_Close(fd);
	free(got);
}

static void cycles(PRUint16 port, int n)
{
	char text[32];

	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "connection %06d;", i);
		run(port, text, strlen(text), (enum way)(i % WAYS));
	}
}

int main(int argc, char **argv)
{
	if (argc < 2 || NSS_NoDB_Init(NULL) != SECSuccess)
		return 2;
	if (argc == 4 && strcmp(argv[2], "cycles") == 0) {
		cycles((PRUint16)atoi(argv[1]), atoi(argv[3]));
		return 0;
	}
	for (int i = 2; i < argc; i++) {
		size_t n = strtoul(argv[i], NULL, 10);
		char *sent = bytes(n);

		for (int way = PLAIN; way < WAYS; way++)
			run((PRUint16)atoi(argv[1]), sent, n, (enum way)way);
		free(sent);
	}
	return 0;
}
