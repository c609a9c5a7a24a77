{{/* Who may reach which ports of a component, as rules of a NetworkPolicy. Takes { root, component, known }. */}}
{{- define "tdc.ingressRules" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $own := include "tdc.ownPods" .root | fromYaml -}}
{{- $scaling := .root.Values.delivery.autoscaling.mode -}}
{{- $rules := list -}}
{{- range $name, $port := .known.ports -}}
  {{- $from := list $own -}}
  {{- if and (eq $.component "intake") (has $name (list "smtp" "lmtp")) -}}
    {{- $from = ternary (concat $policy.smtpPeers (list $own)) list (not (empty $policy.smtpPeers)) -}}
  {{- else if eq $name "smtp-proxy" -}}
    {{- $from = list -}}
    {{- range $.root.Values.intake.proxyProtocol.trustedCIDRs -}}
      {{- $from = append $from (dict "ipBlock" (dict "cidr" (ternary . (printf "%s/%s" . (ternary "128" "32" (contains ":" .))) (contains "/" .)))) -}}
    {{- end -}}
  {{- else if and (eq $.component "monitor") (eq $name "grpc") -}}
    {{- $from = concat $from $policy.monitorPeers -}}
  {{- else if and (eq $.component "redis") (eq $scaling "keda-redis") -}}
    {{- $from = concat $from $policy.scalingPeers -}}
  {{- end -}}
  {{- $rule := dict "ports" (list (dict "port" $port "protocol" "TCP")) -}}
  {{- if $from -}}{{- $_ := set $rule "from" $from -}}{{- end -}}
  {{- $rules = append $rules $rule -}}
{{- end -}}
{{- if .known.http -}}
  {{- $from := $policy.metricsPeers -}}
  {{- if and (eq .component "monitor") (eq $scaling "keda-metrics-api") -}}{{- $from = concat $from $policy.scalingPeers -}}{{- end -}}
  {{- if $from -}}{{- $rules = append $rules (dict "from" $from "ports" (list (dict "port" 9090 "protocol" "TCP"))) -}}{{- end -}}
{{- end -}}
{{- concat $rules $policy.extraIngress | default list | toYaml -}}
{{- end -}}

{{/* Whom a component may call. Takes { root, component, known }. */}}
{{- define "tdc.egressRules" -}}
{{- $root := .root -}}
{{- $policy := $root.Values.networkPolicy -}}
{{- $own := include "tdc.ownPods" $root | fromYaml -}}
{{- $byName := and (eq $policy.flavour "cilium") (has "intakes" .known.calls) -}}
{{- $rules := list -}}
{{- if and .known.http (not $byName) -}}
  {{- $rules = append $rules (include "tdc.dnsRule" . | fromYaml) -}}
{{- end -}}
{{- range $call := .known.calls -}}
  {{- $to := list $own -}}
  {{- $ports := list -}}
  {{- if eq $call "redis" -}}
    {{- $ports = list (dict "port" 6379 "protocol" "TCP") -}}
    {{- if not $root.Values.redis.bundled -}}
      {{- $to = $policy.redisPeers -}}
      {{- $ports = $policy.redisPorts -}}
      {{- range $root.Values.externalRedis.nodes -}}
        {{- $ports = append $ports (dict "port" (splitList ":" . | last | int) "protocol" "TCP") -}}
      {{- end -}}
      {{- $ports = uniq $ports -}}
    {{- end -}}
  {{- else if eq $call "policy" -}}
    {{- $address := include "tdc.policyAddress" $root -}}
    {{- $ports = list (dict "port" ($address | splitList ":" | last | int) "protocol" "TCP") -}}
    {{- if $root.Values.policy.address -}}{{- $to = $policy.policyPeers -}}{{- end -}}
  {{- else if eq $call "monitor" -}}
    {{- $ports = list (dict "port" 50052 "protocol" "TCP") -}}
  {{- else if eq $call "intake" -}}
    {{- $ports = list (dict "port" 2525 "protocol" "TCP") -}}
  {{- else if not $byName -}}
    {{- $to = list -}}
    {{- $ports = $policy.deliveryPorts -}}
  {{- end -}}
  {{- if $ports -}}
    {{- $rule := dict "ports" $ports -}}
    {{- if $to -}}{{- $_ := set $rule "to" $to -}}{{- end -}}
    {{- $rules = append $rules $rule -}}
  {{- end -}}
  {{- if and (eq $call "intakes") $root.Values.standIn.enabled -}}
    {{- $rules = append $rules (dict "to" (list $own) "ports" (list (dict "port" 2527 "protocol" "TCP"))) -}}
  {{- end -}}
{{- end -}}
{{- concat $rules $policy.extraEgress | default list | toYaml -}}
{{- end -}}

{{- define "tdc.dnsRule" -}}
ports:
  - { port: 53, protocol: UDP }
  - { port: 53, protocol: TCP }
{{- end -}}

{{/* Every pod of the release, `helm test` included, as a peer. */}}
{{- define "tdc.ownPods" -}}
podSelector:
  matchLabels: {{- include "tdc.releaseLabels" . | nindent 4 }}
{{- end -}}
