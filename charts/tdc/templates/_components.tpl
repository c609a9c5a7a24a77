{{/*
The processes of this release, by component: the one place that says what there is. From it come Deployments, service
accounts, disruption budgets, certificates, network policies and what is scraped.

values: their block in the values. ports: what they listen on, by name, beside http. calls: whom they call, of redis, policy,
monitor, intake and intakes (message intakes, outside). grpc: what their certificate is for. A component without http is none
of our processes' (metrics, probes).
*/}}
{{- define "tdc.components" -}}
{{- $values := .Values -}}
intake:
  values: intake
  http: true
  ports:
    smtp: 2525
    {{- if $values.intake.lmtp.enabled }}
    lmtp: 2424
    {{- end }}
    {{- if $values.intake.proxyProtocol.enabled }}
    smtp-proxy: 2526
    {{- end }}
  calls: [redis, policy]
  grpc: [client auth]
delivery:
  values: delivery
  http: true
  ports: {}
  calls: [redis, policy, intakes]
  grpc: [client auth]
{{- if not $values.policy.address }}
policy:
  values: policy
  http: true
  ports: { grpc: 50051 }
  calls: [redis]
  grpc: [server auth, client auth]
{{- end }}
monitor:
  values: monitor
  http: true
  ports: { grpc: 50052 }
  calls: [redis, policy, monitor, intake]
  grpc: [server auth, client auth]
{{- if $values.standIn.enabled }}
stand-in:
  values: standIn
  ports: { smtp: 2527, view: 8025 }
  calls: []
{{- end }}
{{- if $values.redis.bundled }}
redis:
  values: redis
  ports: { redis: 6379 }
  calls: []
{{- end }}
{{- end -}}

{{/* How many pods of a component there are at least. Takes { root, component, values }. */}}
{{- define "tdc.leastReplicas" -}}
{{- if and (eq .component "delivery") (ne .values.autoscaling.mode "none") -}}
{{- .values.autoscaling.minReplicas -}}
{{- else -}}
{{- .values.replicas | default 1 -}}
{{- end -}}
{{- end -}}
