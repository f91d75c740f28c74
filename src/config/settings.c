/* SPDX-License-Identifier: BSD-2-Clause */
/* Every setting that is one value: where it stands, what it is without a file, what it means. */
#include <stddef.h>

#include "base/util.h"
#include "config/config.h"

#define IN(member)   offsetof(struct config, member)
#define SINK(member) offsetof(struct sink_config, member)

static const char *const contents[] = { "off", "minimal", "standard", "full", NULL };
static const char *const protocols[] = { "protobuf", "json", NULL };
static const char *const labels[] = { "none", "place", "project", "user", NULL };
static const char *const names[] = { "1.41", "latest", "openinference", NULL };

/* clang-format off */
const struct config_setting config_settings[] = {
	{ "capture", "files", CONFIG_BOOL, IN(files), "yes",
	  "whether to look at what is done with files, also under 'sonde run'", NULL },

	{ "limits", "max_run_time", CONFIG_DURATION, IN(max_run_time_s), NULL,
	  "a run that takes longer is marked as timed out; it goes on", NULL },
	{ "limits", "memory", CONFIG_SIZE, IN(memory_bytes), "1G",
	  "of the daemon's engine; before it is reached, content is let go", NULL },
	{ "limits", "cpu", CONFIG_PERCENT, IN(cpu_percent), NULL,
	  "of one processor, of the daemon's engine", NULL },

	{ "daemon", "store", CONFIG_TEXT, IN(daemon.store), "/var/lib/sonde/sonde.db",
	  "where the daemon keeps what it sees", NULL },
	{ "daemon", "user", CONFIG_TEXT, IN(daemon.user), "sonde",
	  "whom the store belongs to, and as whom all but the prober runs", NULL },
	{ "daemon", "group", CONFIG_TEXT, IN(daemon.group), "sonde",
	  "its members see the runs of all users, as root does", NULL },
	{ "daemon", "socket", CONFIG_TEXT, IN(daemon.socket), "/run/sonde/sonde.sock",
	  "where commands ask the daemon", NULL },
	{ "daemon", "ring", CONFIG_SIZE, IN(daemon.ring_bytes), "32M",
	  "of the buffer between kernel and engine", NULL },
	{ "daemon", "content", CONFIG_CHOICE, IN(daemon.content), "standard",
	  "what is kept of prompts and answers", contents },
	{ "daemon", "content_limit", CONFIG_COUNT, IN(daemon.content_limit), "5000",
	  "characters of each input and output at level standard", NULL },
	{ "daemon", "media_limit", CONFIG_SIZE, IN(daemon.media_limit), "4M",
	  "of a picture or document that is kept at level full; 0: none is", NULL },

	{ "api", "listen", CONFIG_TEXT, IN(api.listen), "127.0.0.1:7780",
	  "address and port of the web interface; beyond loopback only with a token; off: none", NULL },
	{ "api", "host", CONFIG_LIST, IN(api.hosts), NULL,
	  "names that it is asked by besides localhost: sonde.example.com", NULL },

	{ "scope", "host", CONFIG_BOOL, IN(scope.host), "no",
	  "agents and model calls of all processes of this machine", NULL },
	{ "scope", "cgroup", CONFIG_LIST, IN(scope.cgroups), NULL,
	  "all that runs in these (version 2)", NULL },
	{ "scope", "unit", CONFIG_LIST, IN(scope.units), NULL,
	  "all that runs in these systemd units: build*.service", NULL },
	{ "scope", "container", CONFIG_LIST, IN(scope.containers), NULL,
	  "all that runs in these containers, by name or id", NULL },
	{ "scope", "user", CONFIG_LIST, IN(scope.users), NULL,
	  "agents and model calls of these users, by name or number", NULL },
	{ "scope", "program", CONFIG_LIST, IN(scope.programs), NULL,
	  "programs of these names or paths, and what they start: claude*", NULL },
	{ "scope", "pid", CONFIG_LIST, IN(scope.pids), NULL,
	  "these processes, and what they start", NULL },
	{ "scope", "not_user", CONFIG_LIST, IN(scope.not_users), NULL,
	  "never what runs as these users", NULL },
	{ "scope", "not_program", CONFIG_LIST, IN(scope.not_programs), NULL,
	  "never these programs, nor what they start", NULL },
	{ "scope", "not_unit", CONFIG_LIST, IN(scope.not_units), NULL,
	  "never what runs in these systemd units", NULL },
	{ "scope", "not_namespace", CONFIG_LIST, IN(scope.not_namespaces), NULL,
	  "never what runs in pods of these Kubernetes namespaces", NULL },
	{ "scope", "not_label", CONFIG_LIST, IN(scope.not_labels), NULL,
	  "never what runs in pods that have this label: name=value", NULL },

	{ "retention", "runs", CONFIG_DURATION, IN(retention.runs_s), "30d",
	  "older runs are removed; sums per minute stay", NULL },
	{ "retention", "content", CONFIG_DURATION, IN(retention.content_s), "7d",
	  "what was said is removed from older runs", NULL },
	{ "retention", "size", CONFIG_SIZE, IN(retention.max_bytes), "10G",
	  "the oldest runs are removed until the store is no larger", NULL },
	{ "retention", "disk", CONFIG_PERCENT, IN(retention.disk_percent), "95%",
	  "where the disk is fuller, content goes first, then runs", NULL },

	{ "prometheus", "listen", CONFIG_TEXT, IN(prometheus.listen), NULL,
	  "address and port to serve /metrics, /healthz and /readyz on: 127.0.0.1:9464", NULL },
	{ "prometheus", "max_series", CONFIG_COUNT, IN(prometheus.max_series), "2000",
	  "label combinations of a metric; what is more counts as \"other\"", NULL },
	{ "prometheus", "labels", CONFIG_CHOICE, IN(prometheus.labels), "place",
	  "labels besides agent, provider, model; each adds to those before it; place: namespace and container",
	  labels },

	{ "kubernetes", "enabled", CONFIG_BOOL, IN(kubernetes.enabled), "no",
	  "whether to ask the API server which pods run on this node", NULL },
	{ "kubernetes", "api_server", CONFIG_TEXT, IN(kubernetes.api_server), NULL,
	  "its address; without it, that of the pod that sonde runs in", NULL },
	{ "kubernetes", "token_file", CONFIG_TEXT, IN(kubernetes.token_file),
	  "/var/run/secrets/kubernetes.io/serviceaccount/token", "the token to ask with", NULL },
	{ "kubernetes", "ca_file", CONFIG_TEXT, IN(kubernetes.ca_file),
	  "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
	  "certificates that its own is checked by", NULL },
	{ "kubernetes", "node", CONFIG_TEXT, IN(kubernetes.node), NULL,
	  "the name of this node; without it $NODE_NAME, else the host's name", NULL },
	{ "kubernetes", "label", CONFIG_LIST, IN(kubernetes.labels), NULL,
	  "labels of pods that are kept: team, app.kubernetes.io/*; without any: app, k8s-app and "
	  "app.kubernetes.io/*", NULL },
};
const size_t config_n_settings = ARRAY_SIZE(config_settings);

const char *const config_sink_sections[] = { "otlp", "ndjson" };

const struct config_setting config_sink_settings[] = {
	{ "otlp", "endpoint", CONFIG_TEXT, SINK(endpoint), NULL,
	  "base address; /v1/traces, /v1/metrics and /v1/logs are added", NULL },
	{ "otlp", "protocol", CONFIG_CHOICE, SINK(protocol), "protobuf",
	  "how it is written, over HTTP", protocols },
	{ "otlp", "names", CONFIG_CHOICE, SINK(names), "1.41",
	  "whose names attributes have: OpenTelemetry's GenAI conventions, or OpenInference's",
	  names },
	{ "otlp", "gzip", CONFIG_BOOL, SINK(gzip), "yes", "compressed", NULL },
	{ "otlp", "traces", CONFIG_BOOL, SINK(traces), "yes", "spans", NULL },
	{ "otlp", "metrics", CONFIG_BOOL, SINK(metrics), "yes", "tokens, durations, costs", NULL },
	{ "otlp", "logs", CONFIG_BOOL, SINK(logs), "no", "what happened, as events", NULL },
	{ "otlp", "content", CONFIG_BOOL, SINK(content), "no", "what was said goes along", NULL },
	{ "otlp", "header", CONFIG_LIST, SINK(headers), NULL, "sent with each request: Name: value",
	  NULL },
	{ "otlp", "headers_file", CONFIG_LIST, SINK(headers_file), NULL,
	  "a file of such lines, for keys", NULL },
	{ "otlp", "ca_file", CONFIG_TEXT, SINK(ca_file), NULL,
	  "certificates that the receiver's is checked by; without it the system's", NULL },
	{ "otlp", "cert_file", CONFIG_TEXT, SINK(cert_file), NULL, "our own certificate", NULL },
	{ "otlp", "key_file", CONFIG_TEXT, SINK(key_file), NULL, "and its key", NULL },
	{ "otlp", "timeout", CONFIG_DURATION, SINK(timeout_s), "10s", "of a request", NULL },
	{ "otlp", "retry", CONFIG_DURATION, SINK(retry_s), "60s",
	  "longest pause between tries, where the receiver does not ask for a longer one", NULL },
	{ "otlp", "interval", CONFIG_DURATION, SINK(interval_s), "10s", "of metrics", NULL },
	{ "ndjson", "path", CONFIG_TEXT, SINK(path), NULL, "the file that spans are added to", NULL },
	{ "ndjson", "size", CONFIG_SIZE, SINK(max_bytes), "100M",
	  "a larger one becomes PATH.1, and that PATH.2", NULL },
	{ "ndjson", "keep", CONFIG_COUNT, SINK(keep), "5", "so many of those", NULL },
	{ "ndjson", "content", CONFIG_BOOL, SINK(content), "no", "what was said goes along", NULL },
};
const size_t config_n_sink_settings = ARRAY_SIZE(config_sink_settings);
/* clang-format on */
