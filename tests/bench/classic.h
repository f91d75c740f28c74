/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The baseline that tracers are measured against: four empty probes in the usual places, entry and
 * return of SSL_write and SSL_read.
 */
#pragma once

/* Puts them on the calling process's libssl.so.3. 0, or -1 with errno (root is needed). */
int classic_attach(void);
