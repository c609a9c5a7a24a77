{{/* How a process finds its Redis, and who it is there. Secrets come as files. */}}
{{- define "tdc.redisEnv" -}}
{{- $redis := .Values.externalRedis -}}
{{- if .Values.redis.bundled }}
{{- if .Values.redis.auth.existingSecret }}
TDC_REDIS_NODES: {{ include "tdc.fullname" . }}-redis:6379
TDC_REDIS_PASSWORD_FILE: /redis/password
{{- else }}
TDC_REDIS_URL: redis://{{ include "tdc.fullname" . }}-redis:6379
{{- end }}
{{- else }}
{{- if ne $redis.mode "standalone" }}
TDC_REDIS_MODE: {{ $redis.mode }}
{{- end }}
TDC_REDIS_NODES: {{ join "," $redis.nodes | quote }}
{{- with $redis.database }}
TDC_REDIS_DATABASE: {{ . }}
{{- end }}
TDC_REDIS_USERNAME: {{ $redis.username | quote }}
{{- if and $redis.existingSecret (not $redis.existingSecretUrlKey) }}
TDC_REDIS_PASSWORD_FILE: /redis/password
{{- end }}
{{- if eq $redis.mode "sentinel" }}
TDC_REDIS_SENTINEL_MASTER: {{ $redis.sentinel.masterName | quote }}
TDC_REDIS_SENTINEL_USERNAME: {{ $redis.sentinel.username | quote }}
{{- if $redis.sentinel.existingSecret }}
TDC_REDIS_SENTINEL_PASSWORD_FILE: /redis/sentinel-password
{{- end }}
{{- end }}
{{- if $redis.tls.enabled }}
TDC_REDIS_TLS: "true"
TDC_REDIS_TLS_SERVER_NAME: {{ $redis.tls.serverName | quote }}
{{- if $redis.tls.existingSecret }}
{{- if $redis.tls.caKey }}
TDC_REDIS_TLS_CA_FILE: /redis/ca.crt
{{- end }}
{{- if $redis.tls.certKey }}
TDC_REDIS_TLS_CERT_FILE: /redis/tls.crt
TDC_REDIS_TLS_KEY_FILE: /redis/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The URL of a Redis, where a Secret holds it whole. */}}
{{- define "tdc.redisUrlEnv" -}}
{{- $redis := .Values.externalRedis -}}
{{- if and (not .Values.redis.bundled) $redis.existingSecret $redis.existingSecretUrlKey -}}
- name: TDC_REDIS_URL
  valueFrom:
    secretKeyRef: { name: {{ $redis.existingSecret }}, key: {{ $redis.existingSecretUrlKey }} }
{{- end -}}
{{- end -}}

{{/* Secrets for Redis, each key as the file that the environment names: sources of a projected volume. */}}
{{- define "tdc.redisFiles" -}}
{{- $redis := .Values.externalRedis -}}
{{- if .Values.redis.bundled }}
{{- with .Values.redis.auth }}
{{- if .existingSecret }}
- secret: { name: {{ .existingSecret }}, items: [{ key: {{ .existingSecretPasswordKey }}, path: password }] }
{{- end }}
{{- end }}
{{- else }}
{{- if and $redis.existingSecret (not $redis.existingSecretUrlKey) }}
- secret: { name: {{ $redis.existingSecret }}, items: [{ key: {{ $redis.existingSecretPasswordKey }}, path: password }] }
{{- end }}
{{- with $redis.sentinel }}
{{- if and (eq $redis.mode "sentinel") .existingSecret }}
- secret: { name: {{ .existingSecret }}, items: [{ key: {{ .existingSecretPasswordKey }}, path: sentinel-password }] }
{{- end }}
{{- end }}
{{- with $redis.tls }}
{{- if and .enabled .existingSecret (or .caKey .certKey) }}
- secret:
    name: {{ .existingSecret }}
    items:
      {{- if .caKey }}
      - { key: {{ .caKey }}, path: ca.crt }
      {{- end }}
      {{- if .certKey }}
      - { key: {{ .certKey }}, path: tls.crt }
      - { key: {{ .keyKey }}, path: tls.key }
      {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The certificate of a process among its own, where they know one another by certificates. */}}
{{- define "tdc.grpcTlsEnv" -}}
{{- if ne .Values.tls.grpc.mode "none" }}
TDC_GRPC_TLS_CERT_FILE: /grpc-tls/tls.crt
TDC_GRPC_TLS_KEY_FILE: /grpc-tls/tls.key
TDC_GRPC_TLS_CA_FILE: /grpc-tls/ca.crt
{{- end }}
{{- end -}}

{{/* The Secret with that certificate. Takes { root, component }. */}}
{{- define "tdc.grpcTlsSecret" -}}
{{- $tls := .root.Values.tls.grpc -}}
{{- if eq $tls.mode "existingSecret" -}}
{{- get $tls.existingSecrets .component | default $tls.existingSecret -}}
{{- else -}}
{{- include "tdc.fullname" .root }}-{{ .component }}-grpc-tls
{{- end -}}
{{- end -}}

{{/* The Secret with the certificate for STARTTLS. */}}
{{- define "tdc.smtpTlsSecret" -}}
{{- if eq .Values.tls.smtp.mode "existingSecret" -}}
{{- .Values.tls.smtp.existingSecret -}}
{{- else -}}
{{- include "tdc.fullname" . }}-intake-tls
{{- end -}}
{{- end -}}

{{/* Whole folders, never single files: the kubelet renews a folder only. Takes { root, component, known }. */}}
{{- define "tdc.connectionMounts" -}}
{{- if and .known.http (include "tdc.redisFiles" .root) }}
- { name: redis, mountPath: /redis, readOnly: true }
{{- end }}
{{- if and .known.grpc (ne .root.Values.tls.grpc.mode "none") }}
- { name: grpc-tls, mountPath: /grpc-tls, readOnly: true }
{{- end }}
{{- end -}}

{{- define "tdc.connectionVolumes" -}}
{{- with and .known.http (include "tdc.redisFiles" .root) }}
- name: redis
  projected:
    defaultMode: 288
    sources: {{- . | nindent 6 }}
{{- end }}
{{- if and .known.grpc (ne .root.Values.tls.grpc.mode "none") }}
- name: grpc-tls
  secret: { secretName: {{ include "tdc.grpcTlsSecret" . }}, defaultMode: 288 }
{{- end }}
{{- end -}}
