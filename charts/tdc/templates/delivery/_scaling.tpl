{{/*
How many pods of delivery a load needs, as { budget, busy, floor, most, target }.

A pod attempts c copies at once (delivery.copiesPerPod), an attempt takes S seconds, and λ messages come at the peak: λ·S/c
pods are then busy (Little's law), and with a margin of 30 % as many as the autoscaler asks for. Until they are there, R seconds
go by, in which copies wait: R·(1 − pods/busy) at the most. A copy may wait T′ = life − two attempts − the pause before the
retry. So the pods that are always there must be at least busy·(1 − T′/R); without an autoscaler, all that are busy.
*/}}
{{- define "tdc.scaling" -}}
{{- $delivery := .Values.delivery -}}
{{- $load := $delivery.load -}}
{{- $budget := max 0 (sub .Values.maxQueueAgeSeconds (add (mul 2 $load.attemptCeilingSeconds) $delivery.retryDelaySeconds)) -}}
{{- $busy := divf (mulf $load.peakMessagesPerSecond $load.attemptSeconds) $delivery.copiesPerPod -}}
{{- $share := 1.0 -}}
{{- if ne $delivery.autoscaling.mode "none" -}}
{{- $share = maxf 0 (subf 1 (divf $budget $load.reactionSeconds)) -}}
{{- end -}}
budget: {{ $budget }}
busy: {{ round $busy 4 | ceil }}
floor: {{ max 1 (round (mulf $busy $share) 4 | ceil | int) }}
most: {{ max 1 (round (divf $busy 0.7) 4 | ceil | int) }}
target: {{ $delivery.autoscaling.targetCopiesPerPod | default (max 1 (div (mul 7 $delivery.copiesPerPod) 10)) }}
{{- end -}}

{{/* How pods are added and taken away: at once, and slowly. */}}
{{- define "tdc.scalingBehavior" -}}
{{- toYaml .Values.delivery.autoscaling.behavior -}}
{{- end -}}

{{/* The Redis that KEDA reads, as the metadata of a trigger. It is in another namespace: full names. */}}
{{- define "tdc.kedaRedisAddress" -}}
{{- $redis := .Values.externalRedis -}}
{{- if .Values.redis.bundled }}
address: {{ include "tdc.fullname" . }}-redis.{{ .Release.Namespace }}.svc:6379
{{- else if eq $redis.mode "standalone" }}
address: {{ first $redis.nodes }}
{{- else }}
addresses: {{ join "," $redis.nodes }}
{{- end }}
{{- if and (not .Values.redis.bundled) (eq $redis.mode "sentinel") }}
sentinelMaster: {{ $redis.sentinel.masterName }}
{{- with $redis.sentinel.username }}
sentinelUsername: {{ . }}
{{- end }}
{{- end }}
{{- if not .Values.redis.bundled }}
{{- with $redis.username }}
username: {{ . }}
{{- end }}
{{- if ne $redis.mode "cluster" }}
databaseIndex: {{ $redis.database | int | quote }}
{{- end }}
{{- if and $redis.tls.enabled (not (include "tdc.kedaRedisTls" .)) }}
enableTLS: "true"
{{- end }}
{{- end }}
{{- end -}}

{{/* Whether KEDA must be given certificates for Redis; '' if not. */}}
{{- define "tdc.kedaRedisTls" -}}
{{- $redis := .Values.externalRedis -}}
{{- if and (not .Values.redis.bundled) $redis.tls.enabled $redis.tls.existingSecret (or $redis.tls.caKey $redis.tls.certKey) -}}
true
{{- end -}}
{{- end -}}

{{/* What KEDA needs from Secrets to read Redis, as secretTargetRef; '' when nothing. */}}
{{- define "tdc.kedaRedisSecrets" -}}
{{- $redis := .Values.externalRedis -}}
{{- if .Values.redis.bundled }}
{{- with .Values.redis.auth }}
{{- if .existingSecret }}
- { parameter: password, name: {{ .existingSecret }}, key: {{ .existingSecretPasswordKey }} }
{{- end }}
{{- end }}
{{- else }}
{{- if $redis.existingSecret }}
- { parameter: password, name: {{ $redis.existingSecret }}, key: {{ $redis.existingSecretPasswordKey }} }
{{- end }}
{{- with $redis.sentinel }}
{{- if and (eq $redis.mode "sentinel") .existingSecret }}
- { parameter: sentinelPassword, name: {{ .existingSecret }}, key: {{ .existingSecretPasswordKey }} }
{{- end }}
{{- end }}
{{- if include "tdc.kedaRedisTls" . }}
{{- with $redis.tls }}
{{- if .caKey }}
- { parameter: ca, name: {{ .existingSecret }}, key: {{ .caKey }} }
{{- end }}
{{- if .certKey }}
- { parameter: cert, name: {{ .existingSecret }}, key: {{ .certKey }} }
- { parameter: key, name: {{ .existingSecret }}, key: {{ .keyKey }} }
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
