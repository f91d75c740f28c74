/* SPDX-License-Identifier: BSD-2-Clause */
/* Macros of libraries as cppcheck shall see them: it does not read system headers, and gives a file
 * up at an unknown one. */
#define LIBBPF_OPTS(type, name, ...) struct type name = { .sz = sizeof(struct type), __VA_ARGS__ }
#define cJSON_ArrayForEach(el, array) \
	for ((el) = (array) ? (array)->child : NULL; (el); (el) = (el)->next)
#define DL_FOREACH(head, el) for ((el) = (head); (el); (el) = (el)->next)
#define DL_FOREACH_SAFE(head, el, after) \
	for ((el) = (head); (el) && ((after) = (el)->next, 1); (el) = (after))
#define HASH_ITER(hh, head, el, after) \
	for ((el) = (head); (el) && ((after) = (el)->hh.next, 1); (el) = (after))
#define bpf_object__for_each_program(pos, obj)                     \
	for ((pos) = bpf_object__next_program((obj), NULL); (pos); \
	     (pos) = bpf_object__next_program((obj), (pos)))
