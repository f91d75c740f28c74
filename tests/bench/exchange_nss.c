/* SPDX-License-Identifier: BSD-2-Clause */
/* The exchange of exchange.py with NSS: exchange_nss PORT COUNT */
#include <nspr.h>
#include <nss.h>
#include <ssl.h>

#include "exchange.h"

static long put(void *tls, const char *p, size_t n)
{
	return PR_Write(tls, p, (PRInt32)n);
}

static long get(void *tls, char *p, size_t n)
{
	return PR_Read(tls, p, (PRInt32)n);
}

static SECStatus any_certificate(void *arg, PRFileDesc *fd, PRBool check, PRBool server)
{
	(void)arg;
	(void)fd;
	(void)check;
	(void)server;
	return SECSuccess;
}

static PRFileDesc *dial(const char *port)
{
	const PRSocketOptionData no_delay = { .option = PR_SockOpt_NoDelay,
					      .value.no_delay = PR_TRUE };
	PRFileDesc *fd = PR_NewTCPSocket();
	PRNetAddr to;

	PR_InitializeNetAddr(PR_IpAddrLoopback, (PRUint16)strtoul(port, NULL, 10), &to);
	if (!fd || PR_Connect(fd, &to, PR_INTERVAL_NO_TIMEOUT) != PR_SUCCESS)
		exit(1);
	PR_SetSocketOption(fd, &no_delay);
	return SSL_ImportFD(NULL, fd);
}

int main(int argc, char **argv)
{
	struct exchange_link l = { .write = put, .read = get };
	PRFileDesc *fd;

	if (argc != 3 || NSS_NoDB_Init(NULL) != SECSuccess)
		return 2;
	NSS_SetDomesticPolicy();
	fd = dial(argv[1]);
	SSL_AuthCertificateHook(fd, any_certificate, NULL);
	SSL_SetURL(fd, "localhost");
	SSL_ResetHandshake(fd, PR_FALSE);
	if (SSL_ForceHandshake(fd) != SECSuccess)
		return 1;
	l.tls = fd;
	exchange_run(&l, strtoul(argv[2], NULL, 10));
	PR_Close(fd);
	return 0;
}
