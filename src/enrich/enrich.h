/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The enricher: follows the pods of this node at the API server and tells the engine by CONTAINER
 * events (sonde/event.h). It knows nothing of runs, and the engine nothing of servers.
 */
#pragma once

#include "enrich/api.h"

struct enrich_config {
	struct api_config api;
	const char *node;
	const char *const *labels; /* of pods that go along; pod.h */
	size_t n_labels;
	const char *const *not_namespaces, *const *not_labels; /* excluded; pod.h */
	size_t n_not_namespaces, n_not_labels;
};

/*
 * Until SIGTERM, or until @engine (ipc.h) closes: whoever starts an engine anew starts this anew.
 * 0; -errno where it cannot begin. Says on stderr what does not work, once, and when it does again.
 */
int enrich_run(const struct enrich_config *c, int engine);
