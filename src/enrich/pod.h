/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pod of the API server comes to: names by OpenTelemetry's conventions, for the pod and for
 * each of its containers. No I/O; what is read was written by others and is bounded here.
 */
#pragma once

#include "base/json.h"

#define POD_CONTAINERS_MAX 64
#define POD_UID_MAX	   36
#define POD_ID_MAX	   128
#define POD_TEXT_MAX	   6144 /* bytes of JSON of one container */

/* What goes along with every pod of a node, and which labels do. */
struct pod_context {
	const char *node;
	/* "app", "app.kubernetes.io/" followed by a star for all that begin so */
	const char *const *labels;
	size_t n_labels;
	/* whose pods nobody may look at: namespaces; labels, "name" or "name=value" */
	const char *const *not_namespaces, *const *not_labels;
	size_t n_not_namespaces, n_not_labels;
	struct slice node_resource; /* members of a JSON object (pod_node()); may be empty */
};

/*
 * @kind: 'p' for what all containers of the pod have in common, @id its uid as cgroups have it; 'c'
 * for one container, @id its own. @resource is a JSON object, lent.
 */
typedef void (*pod_fn)(void *ctx, char kind, struct slice id, struct slice resource);

/* Whether @c says that nothing of it is to be kept. */
bool pod_is_excluded(const cJSON *pod, const struct pod_context *c);
/* Calls @fn for the pod and each container of it that was started; false where it is no pod. */
bool pod_read(const cJSON *pod, const struct pod_context *c, pod_fn fn, void *ctx);
/* The pod's uid, which names it in the API; empty where it is none. */
struct slice pod_uid(const cJSON *pod);
/* Labels of a node that say where it stands, as members without braces, into @ret. */
void pod_node(const cJSON *node, struct buf *ret);
