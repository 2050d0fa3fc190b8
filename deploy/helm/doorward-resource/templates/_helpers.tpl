{{- define "doorward.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "doorward.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "doorward.labels" -}}
{{ include "doorward.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: doorward
{{- end -}}

{{- /* Whether pods have a common store; empty if not. */ -}}
{{- define "doorward.sharesStore" -}}
{{- if or (hasKey .Values.secretSettings "DOORWARD_RESOURCE_STORE") (hasKey .Values.settings "DOORWARD_RESOURCE_STORE") }}yes{{ end -}}
{{- end -}}

{{- /* A setting is either in `settings` or in `secretSettings`, where its file is named. */ -}}
{{- define "doorward.environment" -}}
{{- range $name, $value := .Values.settings }}
{{- if hasKey $.Values.secretSettings $name }}
{{- fail (printf "%s is in settings and in secretSettings; remove one of them" $name) }}
{{- end }}
{{- if not (hasPrefix "DOORWARD_" $name) }}
{{- fail (printf "settings.%s: names of settings begin with DOORWARD_" $name) }}
{{- end }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- range $name, $reference := .Values.secretSettings }}
{{- if not $reference.secret }}
{{- fail (printf "secretSettings.%s.secret: the name of a Secret is required" $name) }}
{{- end }}
- name: {{ $name }}_FILE
  value: /run/secrets/doorward/{{ $name }}
{{- end }}
{{- end -}}
