#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""OTLP requests, strictly read with OpenTelemetry's own messages, as flat objects: one for each span, log record and metric.

  otlp_lines.py FILE	requests as JSON, one a line (what the Collector writes to files), become such lines
"""
import base64, json, sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

REQUESTS = {"/v1/traces": trace.ExportTraceServiceRequest, "/v1/logs": logs.ExportLogsServiceRequest,
            "/v1/metrics": metrics.ExportMetricsServiceRequest}
RESPONSES = {"/v1/traces": trace.ExportTraceServiceResponse, "/v1/logs": logs.ExportLogsServiceResponse,
             "/v1/metrics": metrics.ExportMetricsServiceResponse}


def ids_as_base64(value):
    """Ids are hexadecimal in OTLP's JSON, other than in protobuf's own."""
    if isinstance(value, list):
        return [ids_as_base64(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in ("traceId", "spanId", "parentSpanId") else ids_as_base64(v)
            for k, v in value.items()}


def value_of(v):
    kind = v.WhichOneof("value")
    assert kind, "a value of no type"
    if kind == "array_value":
        return {"type": "strings", "value": [x.string_value for x in v.array_value.values]}
    return {"type": kind.removesuffix("_value"), "value": getattr(v, kind)}


def attributes_of(list_):
    got = {}
    for a in list_:
        assert a.key and a.key not in got, "an attribute twice: " + a.key
        got[a.key] = value_of(a.value)
    return got


def point_of(metric, p):
    one = {"attributes": attributes_of(p.attributes), "start": p.start_time_unix_nano, "time": p.time_unix_nano}
    if metric.WhichOneof("data") == "histogram":
        assert sum(p.bucket_counts) == p.count and len(p.bucket_counts) == len(p.explicit_bounds) + 1
        assert list(p.explicit_bounds) == sorted(p.explicit_bounds)
        one.update(count=p.count, sum=p.sum, bounds=list(p.explicit_bounds), counts=list(p.bucket_counts))
    else:
        one["value"] = getattr(p, p.WhichOneof("value"))
    return one


def lines_of(path, request):
    """What a request has, one object each."""
    resources = []
    for r in getattr(request, {"/v1/traces": "resource_spans", "/v1/logs": "resource_logs", "/v1/metrics": "resource_metrics"}[path]):
        resource = attributes_of(r.resource.attributes)
        assert resource not in resources, "a resource twice"
        resources.append(resource)
        for s in getattr(r, {"/v1/traces": "scope_spans", "/v1/logs": "scope_logs", "/v1/metrics": "scope_metrics"}[path]):
            common = {"resource": resource, "scope": s.scope.name, "schema_url": s.schema_url}
            if path == "/v1/traces":
                for x in s.spans:
                    assert len(x.trace_id) == 16 and len(x.span_id) == 8 and len(x.parent_span_id) in (0, 8)
                    yield dict(common, signal="span", trace_id=x.trace_id.hex(), span_id=x.span_id.hex(), parent_span_id=x.parent_span_id.hex(),
                               name=x.name, kind=x.kind, start=x.start_time_unix_nano, end=x.end_time_unix_nano, status=x.status.code,
                               message=x.status.message, attributes=attributes_of(x.attributes))
            elif path == "/v1/logs":
                for x in s.log_records:
                    yield dict(common, signal="log", trace_id=x.trace_id.hex(), span_id=x.span_id.hex(), event=x.event_name, severity=x.severity_number,
                               time=x.time_unix_nano, attributes=attributes_of(x.attributes))
            else:
                for x in s.metrics:
                    data = getattr(x, x.WhichOneof("data"))
                    assert data.aggregation_temporality == 2
                    yield dict(common, signal="metric", name=x.name, unit=x.unit, type=x.WhichOneof("data"), points=[point_of(x, p) for p in data.data_points])


KEYS = {"resourceSpans": "/v1/traces", "resourceLogs": "/v1/logs", "resourceMetrics": "/v1/metrics"}


def from_json(value):
    """The path that such a request goes to, and the request."""
    path = KEYS[next(k for k in value if k in KEYS)]
    return path, json_format.ParseDict(ids_as_base64(value), REQUESTS[path]())


if __name__ == "__main__":
    for text in open(sys.argv[1]):
        for one in lines_of(*from_json(json.loads(text))):
            print(json.dumps(one))
