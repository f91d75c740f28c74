// SPDX-License-Identifier: BSD-2-Clause
#include "probe/container_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

#define FILE_BYTES_MAX	(4u << 20)
#define NAMESPACES_MAX	64 /* of containerd */
#define CONTAINERS_MAX	4096
#define VALUE_BYTES_MAX 512

struct search {
	const char *root, *id;
	struct json_writer *w;
	bool told;
};

/* Never through a link, nor anything but a file: the folders are root's, what is in them was
 * written by many. */
static cJSON *read_json(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size < (off_t)FILE_BYTES_MAX)
		text = malloc((size_t)st.st_size + 1);
	if (text)
		n = read(fd, text, (size_t)st.st_size);
	return n > 0 ? json_parse((struct slice){ text, (size_t)n }) : NULL;
}

static cJSON *read_at(const struct search *s, const char *format_path)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", s->root, format_path) >= (int)sizeof(path))
		return NULL;
	return read_json(path);
}

static void put(struct search *s, const char *name, struct slice value)
{
	if (value.n == 0 || value.n > VALUE_BYTES_MAX)
		return;
	s->told = true;
	json_key(s->w, name);
	json_put_str(s->w, value);
}

/* "registry:5000/a/b:1.2@sha256:..." without tag and digest. */
static void put_image(struct search *s, struct slice image)
{
	const char *digest = image.n ? memchr(image.p, '@', image.n) : NULL, *slash, *colon;

	if (digest)
		image.n = (size_t)(digest - image.p);
	slash = image.n ? memrchr(image.p, '/', image.n) : NULL;
	colon = image.n ? memrchr(image.p, ':', image.n) : NULL;
	if (colon && (!slash || colon > slash))
		image.n = (size_t)(colon - image.p);
	put(s, "container.image.name", image);
}

static void docker(struct search *s)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	char path[PATH_MAX];
	struct slice name;

	snprintf(path, sizeof(path), "/var/lib/docker/containers/%s/config.v2.json", s->id);
	j = read_at(s, path);
	name = json_str(j, "Name");
	if (slice_starts(name, SLICE("/")))
		name = slice_from(name, 1);
	put(s, "container.name", name);
	put_image(s, json_str(j, "Config.Image"));
}

/* Annotations that engines make of a container, by what they stand for here. */
static void put_annotations(struct search *s, const cJSON *annotations)
{
	static const char *const names[][2] = {
		{ "io.kubernetes.cri.container-name", "k8s.container.name" },
		{ "io.kubernetes.cri.sandbox-name", "k8s.pod.name" },
		{ "io.kubernetes.cri.sandbox-namespace", "k8s.namespace.name" },
		{ "io.kubernetes.cri.sandbox-uid", "k8s.pod.uid" },
		{ "io.kubernetes.container.name", "k8s.container.name" },
		{ "io.kubernetes.pod.name", "k8s.pod.name" },
		{ "io.kubernetes.pod.namespace", "k8s.namespace.name" },
		{ "io.kubernetes.pod.uid", "k8s.pod.uid" },
		{ "nerdctl/name", "container.name" },
	};
	static const char *const images[] = { "io.kubernetes.cri.image-name",
					      "io.kubernetes.cri-o.ImageName",
					      "nerdctl/image-name" };
	const cJSON *one;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		one = cJSON_GetObjectItemCaseSensitive(annotations, names[i][0]);
		put(s, names[i][1], slice_of(cJSON_GetStringValue(one)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		one = cJSON_GetObjectItemCaseSensitive(annotations, images[i]);
		put_image(s, slice_of(cJSON_GetStringValue(one)));
	}
}

/* NAMESPACE/ID/config.json */
static void containerd(struct search *s)
{
	static const char folder[] = "/run/containerd/io.containerd.runtime.v2.task";
	char path[PATH_MAX];
	const struct dirent *e;
	DIR *d;

	if (snprintf(path, sizeof(path), "%s%s", s->root, folder) >= (int)sizeof(path))
		return;
	d = opendir(path);
	for (int n = 0; d && !s->told && n < NAMESPACES_MAX && (e = readdir(d)); n++) {
		_cleanup_(cJSON_Deletep) cJSON *j = NULL;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s/config.json", folder, e->d_name, s->id);
		j = read_at(s, path);
		put_annotations(s, cJSON_GetObjectItemCaseSensitive(j, "annotations"));
	}
	if (d)
		closedir(d);
}

static void crio(struct search *s)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path),
		 "/run/containers/storage/overlay-containers/%s/userdata/config.json", s->id);
	j = read_at(s, path);
	put_annotations(s, cJSON_GetObjectItemCaseSensitive(j, "annotations"));
}

static void storage_container(struct search *s, const cJSON *c)
{
	const struct slice metadata = json_str(c, "metadata"); /* JSON as a text */
	_cleanup_(cJSON_Deletep) cJSON *more = metadata.n ? json_parse(metadata) : NULL;

	put(s, "container.name",
	    slice_of(cJSON_GetStringValue(cJSON_GetArrayItem(json_at(c, "names"), 0))));
	put_image(s, json_str(more, "image-name"));
}

static void podman(struct search *s)
{
	static const char *const lists[] = {
		"/var/lib/containers/storage/overlay-containers/containers.json",
		"/var/lib/containers/storage/overlay-containers/volatile-containers.json",
		"/var/lib/containers/storage/vfs-containers/containers.json",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists) && !s->told; i++) {
		_cleanup_(cJSON_Deletep) cJSON *j = read_at(s, lists[i]);
		const cJSON *c;
		int n = 0;

		cJSON_ArrayForEach (c, j) {
			if (n++ == CONTAINERS_MAX)
				break;
			if (slice_eq(json_str(c, "id"), slice_of(s->id)))
				storage_container(s, c);
		}
	}
}

/* An id becomes part of a path only where it is one part. */
static bool is_part(struct slice s)
{
	if (s.n == 0 || s.n > CGROUP_CONTAINER_MAX || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && !strchr("._-+@", s.p[i]))
			return false;
	return true;
}

const char *container_files_root(void)
{
	return access("/proc/1/root/.", F_OK) == 0 ? "/proc/1/root" : "";
}

bool container_files_describe(const char *root, const char *id, struct json_writer *w)
{
	static void (*const engines[])(struct search * s) = { docker, containerd, crio, podman };
	struct search s = { .root = root, .id = id, .w = w };

	for (size_t i = 0; is_part(slice_of(id)) && i < ARRAY_SIZE(engines) && !s.told; i++)
		engines[i](&s);
	return s.told;
}

static bool is_there(const char *root, const char *folder, struct slice name, const char *file)
{
	char path[PATH_MAX];
	struct stat st;

	return snprintf(path, sizeof(path), "%s%s/%.*s/%s", root, folder, SLICE_ARG(name), file) <
		       (int)sizeof(path) &&
	       lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool container_files_find(const char *root, struct slice cgroup, struct cgroup_place *ret)
{
	static const struct {
		const char *runtime, *folder, *file;
	} low_level[] = { { "crun", "/run/crun", "status" },
			  { "runc", "/run/runc", "state.json" } };
	struct slice part;
	bool found = false;

	for (bool more = true; more;) {
		more = slice_cut(cgroup, '/', &part, &cgroup);
		part = more ? part : cgroup;
		for (size_t i = 0; is_part(part) && i < ARRAY_SIZE(low_level); i++) {
			if (!is_there(root, low_level[i].folder, part, low_level[i].file))
				continue;
			found = true; /* the innermost counts */
			snprintf(ret->container, sizeof(ret->container), "%.*s", SLICE_ARG(part));
			ret->runtime = low_level[i].runtime;
		}
	}
	return found;
}
