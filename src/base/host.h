/* SPDX-License-Identifier: BSD-2-Clause */
/* What the machine is called that all this happens on. */
#pragma once

#define HOST_NAME_SIZE 256

/* In a pod the host's own name is the pod's: there the node's, where NODE_NAME tells it. "" where
 * nobody knows. */
void host_name(char ret[HOST_NAME_SIZE]);
