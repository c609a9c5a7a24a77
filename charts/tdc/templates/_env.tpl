{{/*
The environment of a process: what is common to all, and its own. Empty values are left out, so that the code's default holds.
Takes { root, component, known, values, env }.
*/}}
{{- define "tdc.env" -}}
{{- $all := dict -}}
{{- if .known.http -}}
{{- $common := dict
  "TDC_STATE_DIR" "/state"
  "TDC_LOG_FORMAT" .root.Values.log.format
  "TDC_LOG_LEVEL" .root.Values.log.level
  "TDC_SHUTDOWN_SECONDS" (include "tdc.shutdownSeconds" .values)
  "TDC_REDIS_KEY_PREFIX" .root.Values.redisKeyPrefix -}}
{{- $all = merge $all $common (include "tdc.redisEnv" .root | fromYaml) (include "tdc.grpcTlsEnv" .root | fromYaml) -}}
{{- end -}}
{{- $_ := set $all "NODE_OPTIONS" .values.nodeOptions -}}
{{- with and .known.http (include "tdc.redisUrlEnv" .root) }}
{{- . }}
{{ end }}
{{- include "tdc.envList" (merge $all .env) -}}
{{- end -}}

{{/* Names and values as a list of variables. Whole numbers are written as such. */}}
{{- define "tdc.envList" -}}
{{- range $name, $value := . }}
{{- if kindIs "float64" $value }}{{- $value = int64 $value }}{{- end }}
{{- if ne (toString $value) "" }}
- name: {{ $name }}
  value: {{ toString $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* How long a process may finish what it has begun: what the grace leaves, with a margin for closing. */}}
{{- define "tdc.shutdownSeconds" -}}
{{- sub (int .terminationGracePeriodSeconds) (int (.preStopSeconds | default 0) | add 5) | max 5 | min 110 -}}
{{- end -}}
