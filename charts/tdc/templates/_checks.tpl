{{- define "tdc.redisProblems" -}}
{{- $redis := .Values.externalRedis -}}
{{- $named := or $redis.nodes $redis.existingSecretUrlKey -}}
{{- if .Values.redis.bundled }}
{{- if $named }}
- "externalRedis.nodes: nobody would use them, as long as redis.bundled is true"
{{- end }}
{{- else }}
{{- if not $named }}
- "externalRedis.nodes: name your Redis, host:port, or set redis.bundled for a trial"
{{- end }}
{{- if and $redis.nodes $redis.existingSecretUrlKey }}
- "externalRedis.existingSecretUrlKey: a URL says where Redis is, and externalRedis.nodes does, too; give one of them"
{{- end }}
{{- if and $redis.existingSecretUrlKey (not $redis.existingSecret) }}
- "externalRedis.existingSecret: name the Secret that has the key of externalRedis.existingSecretUrlKey"
{{- end }}
{{- if and $redis.existingSecretUrlKey (ne $redis.mode "standalone") }}
- "externalRedis.existingSecretUrlKey: a URL is for a single server; list externalRedis.nodes for {{ $redis.mode }}"
{{- end }}
{{- if and (eq $redis.mode "standalone") (gt (len $redis.nodes) 1) }}
- "externalRedis.nodes: a standalone Redis is one node; set externalRedis.mode to sentinel or cluster for several"
{{- end }}
{{- if and (eq $redis.mode "sentinel") (not $redis.sentinel.masterName) }}
- "externalRedis.sentinel.masterName: name the master that the sentinels watch"
{{- end }}
{{- if and (eq $redis.mode "cluster") (ne (int $redis.database) 0) }}
- "externalRedis.database: a cluster has none but 0"
{{- end }}
{{- if ne (empty $redis.tls.certKey) (empty $redis.tls.keyKey) }}
- "externalRedis.tls.certKey: a client certificate needs both certKey and keyKey"
{{- end }}
{{- if and $redis.tls.existingSecret (not $redis.tls.enabled) }}
- "externalRedis.tls.enabled: a Secret is named under externalRedis.tls, and TLS is off"
{{- end }}
{{- end }}
{{- end -}}

{{- define "tdc.tlsProblems" -}}
{{- range $use := list "smtp" "grpc" }}
{{- $tls := get $.Values.tls $use }}
{{- $secret := or $tls.existingSecret (and (eq $use "grpc") $tls.existingSecrets) }}
{{- if and (eq $tls.mode "existingSecret") (not $secret) }}
- "tls.{{ $use }}.existingSecret: name a Secret of type kubernetes.io/tls{{ if eq $use "grpc" }} with ca.crt{{ end }}"
{{- end }}
{{- if and $secret (ne $tls.mode "existingSecret") }}
- "tls.{{ $use }}.mode: a Secret is named, so it must be existingSecret; it is {{ $tls.mode }}"
{{- end }}
{{- if and (eq $tls.mode "certManager") (not $tls.issuerRef.name) }}
- "tls.{{ $use }}.issuerRef.name: name the issuer of cert-manager"
{{- end }}
{{- end }}
{{- with .Values.tls.grpc }}
{{- if and (eq .mode "existingSecret") .existingSecrets (not .existingSecret) }}
{{- range $component, $known := include "tdc.components" $ | fromYaml }}
{{- if and $known.grpc (not (get $.Values.tls.grpc.existingSecrets $component)) }}
- "tls.grpc.existingSecrets.{{ $component }}: name its Secret, or one for all under tls.grpc.existingSecret"
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "tdc.exposureProblems" -}}
{{- $intake := .Values.intake -}}
{{- $services := dict "intake.service" $intake.service -}}
{{- if $intake.proxyProtocol.enabled -}}
{{- $_ := set $services "intake.proxyProtocol.service" $intake.proxyProtocol.service -}}
{{- if not $intake.proxyProtocol.trustedCIDRs }}
- "intake.proxyProtocol.trustedCIDRs: list the addresses of your proxies; whoever may send a PROXY header may name any client"
{{- end }}
{{- range $intake.proxyProtocol.trustedCIDRs }}
{{- if hasSuffix "/0" . }}
- "intake.proxyProtocol.trustedCIDRs: {{ . }} is everybody, who could then name any client"
{{- end }}
{{- end }}
{{- end }}
{{- range $path, $service := $services }}
{{- if and $service.externalTrafficPolicy (eq $service.type "ClusterIP") }}
- "{{ $path }}.externalTrafficPolicy: a ClusterIP has no traffic from outside; set {{ $path }}.type to LoadBalancer or NodePort"
{{- end }}
{{- if and $service.nodePort (eq $service.type "ClusterIP") }}
- "{{ $path }}.nodePort: a ClusterIP has none"
{{- end }}
{{- if and $service.healthCheckNodePort (not (and (eq $service.type "LoadBalancer") (eq $service.externalTrafficPolicy "Local"))) }}
- "{{ $path }}.healthCheckNodePort: only for a LoadBalancer with externalTrafficPolicy Local"
{{- end }}
{{- range $key := list "loadBalancerClass" "loadBalancerSourceRanges" }}
{{- if and (get $service $key) (ne $service.type "LoadBalancer") }}
- "{{ $path }}.{{ $key }}: only for type LoadBalancer"
{{- end }}
{{- end }}
{{- end }}
{{- with $intake.gateway }}
{{- if and .enabled (not .parentRefs) }}
- "intake.gateway.parentRefs: name the Gateway, and its listener as sectionName"
{{- end }}
{{- if and .enabled .proxyProtocol (not $intake.proxyProtocol.enabled) }}
- "intake.gateway.proxyProtocol: needs intake.proxyProtocol.enabled"
{{- end }}
{{- end }}
{{- if and .Values.metrics.podMonitor.enabled .Values.metrics.serviceMonitor.enabled }}
- "metrics.serviceMonitor.enabled: metrics.podMonitor is enabled, too, and everything would be scraped twice"
{{- end }}
{{- with .Values.networkPolicy }}
{{- if and .enabled (eq .flavour "cilium") (not .cilium.intakeHosts) }}
- "networkPolicy.cilium.intakeHosts: list the hosts of your message intakes, those that the MX records name"
{{- end }}
{{- end }}
{{- end -}}

{{- define "tdc.scalingProblems" -}}
{{- $delivery := .Values.delivery -}}
{{- $load := $delivery.load -}}
{{- $scaling := $delivery.autoscaling -}}
{{- $sizes := include "tdc.scaling" . | fromYaml -}}
{{- $peak := printf "a peak of %v messages/s with attempts of %v s and %v copies per pod" $load.peakMessagesPerSecond $load.attemptSeconds $delivery.copiesPerPod -}}
{{- if gt (int $delivery.copiesPerPod) (int $delivery.maxJobs) }}
- "delivery.copiesPerPod: a pod has {{ $delivery.maxJobs }} copies in hand at most (delivery.maxJobs)"
{{- end }}
{{- if eq $scaling.mode "none" }}
{{- if lt (int $delivery.replicas) (int $sizes.floor) }}
- "delivery.replicas: {{ $peak }} keeps {{ $sizes.floor }} pods busy, and without an autoscaler that many must be there; it is {{ $delivery.replicas }}"
{{- end }}
{{- else }}
{{- if lt (int $scaling.maxReplicas) (int $scaling.minReplicas) }}
- "delivery.autoscaling.maxReplicas: {{ $scaling.maxReplicas }} is less than minReplicas, {{ $scaling.minReplicas }}"
{{- end }}
{{- if lt (int $scaling.minReplicas) (int $sizes.floor) }}
- "delivery.autoscaling.minReplicas: {{ $peak }} needs {{ $sizes.floor }} pods that are always there, since new ones take {{ $load.reactionSeconds }} s and a copy may wait {{ $sizes.budget }} s; it is {{ $scaling.minReplicas }}"
{{- end }}
{{- if lt (int $scaling.maxReplicas) (int $sizes.most) }}
- "delivery.autoscaling.maxReplicas: {{ $peak }} calls for {{ $sizes.most }} pods, a margin of 30 % included; it is {{ $scaling.maxReplicas }}"
{{- end }}
{{- end }}
{{- if and (eq $scaling.mode "keda-prometheus") (not $scaling.prometheus.serverAddress) }}
- "delivery.autoscaling.prometheus.serverAddress: name your Prometheus, http://…:9090"
{{- end }}
{{- if and (eq $scaling.mode "keda-redis") (not .Values.redis.bundled) .Values.externalRedis.existingSecretUrlKey }}
- "delivery.autoscaling.mode: KEDA cannot read a URL from a Secret; list externalRedis.nodes, or use keda-metrics-api"
{{- end }}
{{- end -}}

{{- define "tdc.policyProblems" -}}
{{- $policy := .Values.policy -}}
{{- range $key := list "existingConfigMap" "existingSecret" }}
{{- if and $policy.address (get $policy $key) }}
- "policy.{{ $key }}: policy.address names a service outside of this release, which reads its own document"
{{- end }}
{{- end }}
{{- if and $policy.existingConfigMap $policy.existingSecret }}
- "policy.existingSecret: policy.existingConfigMap has the document, too; name one of them"
{{- end }}
{{- $canary := .Values.tests.canaryIntake }}
{{- if and $canary (eq (include "tdc.policySource" .) "values") }}
{{- if not (hasKey (include "tdc.policyDocument" . | fromYaml).intakes $canary) }}
- "tests.canaryIntake: policy.document.intakes has no {{ $canary }}"
{{- end }}
{{- end }}
{{- end -}}

{{/* What must end before something else does. */}}
{{- define "tdc.lifeProblems" -}}
{{- range $component, $known := include "tdc.components" . | fromYaml }}
{{- $values := get $.Values $known.values }}
{{- if and $known.http (lt (int $values.terminationGracePeriodSeconds) (int (add ($values.preStopSeconds | default 0) 10))) }}
- "{{ $known.values }}.terminationGracePeriodSeconds: preStopSeconds and 10 s to finish are more than {{ $values.terminationGracePeriodSeconds }}"
{{- end }}
{{- end }}
{{- if ge (int .Values.delivery.terminationGracePeriodSeconds) (int .Values.maxQueueAgeSeconds) }}
- "delivery.terminationGracePeriodSeconds: {{ .Values.delivery.terminationGracePeriodSeconds }} is as long as a copy lives (maxQueueAgeSeconds)"
{{- end }}
{{- end -}}
