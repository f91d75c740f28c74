/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The privileged process: loads BPF, puts probes on files, describes processes. It parses no
 * traffic and opens no network socket.
 */
#pragma once

/*
 * Runs until the launcher says that the command has ended or goes away; @launcher_fd speaks
 * sonde/control.h. Returns the exit status.
 */
int prober_main(int launcher_fd);
