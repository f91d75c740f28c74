{{- define "sonde.labels" -}}
app.kubernetes.io/name: sonde
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
{{- define "sonde.selector" -}}
app.kubernetes.io/name: sonde
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- /* Where the API listens; what other pods reach needs tokens. */ -}}
{{- define "sonde.listen" -}}
{{- if not .Values.api.enabled -}}
off
{{- else if include "sonde.loopback" . -}}
{{ .Values.api.listen }}
{{- else -}}
{{ $_ := required "api.listen: what other pods reach needs api.tokens, a Secret with tokens.json" .Values.api.tokens -}}
{{ .Values.api.listen }}
{{- end -}}
{{- end }}
{{- define "sonde.loopback" -}}
{{- if regexMatch "^(127\\.[0-9.]+|localhost|\\[::1\\]):[0-9]+$" .Values.api.listen }}yes{{ end -}}
{{- end }}
{{- /* Whether pods answer others on the API's port. */ -}}
{{- define "sonde.reached" -}}
{{- if and .Values.api.enabled (not (include "sonde.loopback" .)) }}yes{{ end -}}
{{- end }}
{{- define "sonde.port" -}}
{{ regexFind "[0-9]+$" .Values.api.listen }}
{{- end }}
{{- define "sonde.hosts" -}}
{{- $hosts := .Values.api.enabled | ternary .Values.api.hosts list -}}
{{- if and .Values.api.enabled .Values.api.service -}}
{{- $name := printf "%s-api.%s.svc:%s" .Release.Name .Release.Namespace (include "sonde.port" .) -}}
{{- $hosts = append $hosts $name -}}
{{- end -}}
{{ join ", " $hosts }}
{{- end }}
