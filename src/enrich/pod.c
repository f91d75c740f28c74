/* SPDX-License-Identifier: BSD-2-Clause */
#include "enrich/pod.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "base/util.h"

#define LABELS_MAX	32
#define VALUE_BYTES_MAX 256
#define NAME_BYTES_MAX	180 /* of a label's name */
#define STARTS_MAX_S	86400

/* --- members --- */

static const cJSON *at(const cJSON *j, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(j, name);
}

/* Names in here have dots and slashes, which are no path. */
static struct slice text_at(const cJSON *j, const char *name)
{
	return slice_of(cJSON_GetStringValue(at(j, name)));
}

static void put(struct json_writer *w, const char *name, struct slice value)
{
	if (value.n == 0 || value.n > VALUE_BYTES_MAX)
		return;
	json_key(w, name);
	json_put_str(w, value);
}

/* --- who made it --- */

/* What a ReplicaSet is called: its Deployment, and the hash of what it stands for. */
static struct slice deployment_of(struct slice replica_set, const cJSON *labels)
{
	const struct slice hash = text_at(labels, "pod-template-hash");

	if (hash.n == 0 || replica_set.n <= hash.n + 1 || !slice_ends(replica_set, hash))
		return (struct slice){ 0 };
	replica_set.n -= hash.n;
	if (replica_set.p[replica_set.n - 1] != '-')
		return (struct slice){ 0 };
	replica_set.n--;
	return replica_set;
}

/* RFC 3339, always in UTC here; -1 where it is none. */
static int64_t unix_time(struct slice text)
{
	char copy[32];
	struct tm tm = { 0 };

	if (text.n >= sizeof(copy))
		return -1;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : -1;
}

/*
 * What a CronJob's Job is called: its name and the minute it was due, since 1970. A Job of another
 * make may look like it; that minute is hardly near the pod's beginning then.
 */
static struct slice cron_job_of(struct slice job, const cJSON *metadata)
{
	const char *dash = job.n ? memrchr(job.p, '-', job.n) : NULL;
	const struct slice digits =
		dash ? slice_from(job, (size_t)(dash - job.p) + 1) : (struct slice){ 0 };
	const int64_t created = unix_time(text_at(metadata, "creationTimestamp"));
	uint64_t minutes = 0;
	int64_t apart;

	if (digits.n < 8 || digits.n > 10 || dash == job.p || created < 0 ||
	    !slice_u64(digits, &minutes))
		return (struct slice){ 0 };
	apart = created - (int64_t)minutes * 60;
	if (apart < -STARTS_MAX_S || apart > STARTS_MAX_S)
		return (struct slice){ 0 };
	job.n = (size_t)(dash - job.p);
	return job;
}

static void put_owner(struct json_writer *w, const cJSON *metadata)
{
	static const char *const kinds[][2] = {
		{ "ReplicaSet", "k8s.replicaset.name" },
		{ "StatefulSet", "k8s.statefulset.name" },
		{ "DaemonSet", "k8s.daemonset.name" },
		{ "Job", "k8s.job.name" },
	};
	const cJSON *owner;

	cJSON_ArrayForEach (owner, at(metadata, "ownerReferences")) {
		const struct slice kind = text_at(owner, "kind"), name = text_at(owner, "name");

		if (!cJSON_IsTrue(at(owner, "controller")))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (slice_eq(kind, slice_of(kinds[i][0])))
				put(w, kinds[i][1], name);
		if (slice_eq(kind, SLICE("ReplicaSet")))
			put(w, "k8s.deployment.name", deployment_of(name, at(metadata, "labels")));
		if (slice_eq(kind, SLICE("Job")))
			put(w, "k8s.cronjob.name", cron_job_of(name, metadata));
		return;
	}
}

/* --- labels --- */

static bool is_wanted(const char *name, const struct pod_context *c)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < c->n_labels; i++) {
		const size_t len = strlen(c->labels[i]);

		if (len && c->labels[i][len - 1] == '*' ? strncmp(name, c->labels[i], len - 1) == 0
							: strcmp(name, c->labels[i]) == 0)
			return n <= NAME_BYTES_MAX;
	}
	return false;
}

static bool has_label(const cJSON *labels, const char *wanted)
{
	const size_t n = strcspn(wanted, "=");
	const cJSON *label;

	cJSON_ArrayForEach (label, labels) {
		const char *value = cJSON_GetStringValue(label);

		if (label->string && strlen(label->string) == n &&
		    strncmp(label->string, wanted, n) == 0)
			return !wanted[n] || (value && strcmp(value, wanted + n + 1) == 0);
	}
	return false;
}

bool pod_is_excluded(const cJSON *pod, const struct pod_context *c)
{
	const cJSON *metadata = at(pod, "metadata");
	const struct slice space = text_at(metadata, "namespace");

	for (size_t i = 0; i < c->n_not_namespaces; i++)
		if (slice_eq(space, slice_of(c->not_namespaces[i])))
			return true;
	for (size_t i = 0; i < c->n_not_labels; i++)
		if (has_label(at(metadata, "labels"), c->not_labels[i]))
			return true;
	return false;
}

static void put_labels(struct json_writer *w, const cJSON *labels, const struct pod_context *c)
{
	const cJSON *label;
	int n = 0;

	cJSON_ArrayForEach (label, labels) {
		char name[sizeof("k8s.pod.label.") + NAME_BYTES_MAX];

		if (!label->string || !is_wanted(label->string, c) || n++ == LABELS_MAX)
			continue;
		snprintf(name, sizeof(name), "k8s.pod.label.%s", label->string);
		put(w, name, slice_of(cJSON_GetStringValue(label)));
	}
}

void pod_node(const cJSON *node, struct buf *ret)
{
	static const char *const names[][2] = {
		{ "topology.kubernetes.io/zone", "cloud.availability_zone" },
		{ "topology.kubernetes.io/region", "cloud.region" },
		{ "node.kubernetes.io/instance-type", "host.type" },
	};
	const cJSON *metadata = at(node, "metadata");
	struct json_writer w = { .out = ret, .max = POD_TEXT_MAX / 4 };

	ret->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put(&w, names[i][1], text_at(at(metadata, "labels"), names[i][0]));
	put(&w, "k8s.node.uid", text_at(metadata, "uid"));
	if (w.r < 0)
		ret->n = 0;
}

/* --- containers --- */

/* "registry:5000/a/b:1.2@sha256:..." without tag and digest. */
static struct slice image_name(struct slice image)
{
	const char *digest = image.n ? memchr(image.p, '@', image.n) : NULL, *slash, *colon;

	if (digest)
		image.n = (size_t)(digest - image.p);
	slash = image.n ? memrchr(image.p, '/', image.n) : NULL;
	colon = image.n ? memrchr(image.p, ':', image.n) : NULL;
	if (colon && (!slash || colon > slash))
		image.n = (size_t)(colon - image.p);
	return image;
}

/* "containerd://ID" */
static struct slice id_of(const cJSON *status)
{
	const struct slice url = text_at(status, "containerID");
	const char *sep = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
	const struct slice id =
		sep ? slice_from(url, (size_t)(sep - url.p) + 3) : (struct slice){ 0 };

	for (size_t i = 0; i < id.n; i++)
		if (!isalnum((unsigned char)id.p[i]) && !strchr("._-", id.p[i]))
			return (struct slice){ 0 };
	return id.n <= POD_ID_MAX ? id : (struct slice){ 0 };
}

struct reading {
	const struct pod_context *c;
	pod_fn fn;
	void *ctx;
	struct buf common; /* members of every container of the pod */
	struct buf text;   /* of one */
	unsigned n;
};

static void tell(struct reading *r, char kind, struct slice id, struct json_writer *w)
{
	json_end(w, '}');
	if (w->r == 0)
		r->fn(r->ctx, kind, id, buf_slice(&r->text));
	r->text.n = 0;
}

static struct json_writer begin(struct reading *r)
{
	struct json_writer w = { .out = &r->text, .max = POD_TEXT_MAX };

	r->text.n = 0;
	json_begin(&w, '{');
	if (r->common.n)
		json_put_raw(&w, buf_slice(&r->common));
	return w;
}

static void read_statuses(struct reading *r, const cJSON *statuses)
{
	const cJSON *status;

	cJSON_ArrayForEach (status, statuses) {
		const struct slice id = id_of(status);
		struct json_writer w;

		if (id.n == 0 || r->n++ >= POD_CONTAINERS_MAX)
			continue;
		w = begin(r);
		put(&w, "k8s.container.name", text_at(status, "name"));
		put(&w, "container.image.name", image_name(text_at(status, "image")));
		put(&w, "container.image.id", text_at(status, "imageID"));
		tell(r, 'c', id, &w);
	}
}

struct slice pod_uid(const cJSON *pod)
{
	const struct slice uid = text_at(at(pod, "metadata"), "uid");

	return uid.n <= POD_UID_MAX ? uid : (struct slice){ 0 };
}

/* Of a static pod the kubelet's own uid, which cgroups have, and not that of its mirror. */
static struct slice local_uid(const cJSON *pod)
{
	const cJSON *annotations = at(at(pod, "metadata"), "annotations");
	const struct slice hash = text_at(annotations, "kubernetes.io/config.hash");

	return hash.n && hash.n <= POD_UID_MAX ? hash : pod_uid(pod);
}

static void put_common(struct reading *r, const cJSON *pod)
{
	const cJSON *metadata = at(pod, "metadata");
	struct json_writer w = { .out = &r->common, .max = POD_TEXT_MAX - 1024 };

	put(&w, "k8s.namespace.name", text_at(metadata, "namespace"));
	put(&w, "k8s.pod.name", text_at(metadata, "name"));
	put(&w, "k8s.pod.uid", pod_uid(pod));
	put(&w, "k8s.node.name", slice_of(r->c->node));
	put_owner(&w, metadata);
	if (r->c->node_resource.n)
		json_put_raw(&w, r->c->node_resource);
	put_labels(&w, at(metadata, "labels"), r->c);
}

bool pod_read(const cJSON *pod, const struct pod_context *c, pod_fn fn, void *ctx)
{
	static const char *const lists[] = { "containerStatuses", "initContainerStatuses",
					     "ephemeralContainerStatuses" };
	struct reading r = { .c = c, .fn = fn, .ctx = ctx };
	struct json_writer w;

	if (pod_uid(pod).n == 0)
		return false;
	put_common(&r, pod);
	w = begin(&r);
	tell(&r, 'p', local_uid(pod), &w);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		read_statuses(&r, at(at(pod, "status"), lists[i]));
	buf_done(&r.common);
	buf_done(&r.text);
	return true;
}
