{{/* Where the document is: values, configMap, secret, or '' when the policy service is not of this release. */}}
{{- define "tdc.policySource" -}}
{{- if .Values.policy.address -}}
{{- else if .Values.policy.existingConfigMap -}}
configMap
{{- else if .Values.policy.existingSecret -}}
secret
{{- else -}}
values
{{- end -}}
{{- end -}}

{{/* The intake that `helm test` sends its message to; '' when there is none. */}}
{{- define "tdc.canaryIntake" -}}
{{- if .Values.tests.canaryIntake -}}
{{- .Values.tests.canaryIntake -}}
{{- else if and .Values.standIn.enabled (eq (include "tdc.policySource" .) "values") -}}
stand-in
{{- end -}}
{{- end -}}

{{/*
The document of the values, with what a trial and `helm test` add: the stand-in as an intake, and on top the policy that sends
the canary's copies to its intake. What the document has under these names stays.
*/}}
{{- define "tdc.policyDocument" -}}
{{- $document := deepCopy .Values.policy.document -}}
{{- $canary := include "tdc.canaryIntake" . -}}
{{- if .Values.standIn.enabled -}}
{{- $host := printf "%s-stand-in.%s.svc.%s" (include "tdc.fullname" .) .Release.Namespace .Values.clusterDomain -}}
{{- $standIn := dict "address" (printf "journal@%s" $host) "host" $host "port" 2527 "tls" (dict "caFile" "stand-in-ca.pem") -}}
{{- $_ := set $document "intakes" (merge (deepCopy ($document.intakes | default dict)) (dict "stand-in" $standIn)) -}}
{{- end -}}
{{- if $canary -}}
{{- $recipient := .Values.tests.canaryRecipient -}}
{{- $names := list -}}
{{- range $document.policies -}}{{- $names = append $names (lower .name) -}}{{- end -}}
{{- if not (has "canary" $names) -}}
{{- $policy := dict "name" "canary" "users" (list (dict "recipient" (dict "listed" (list $recipient)))) "connector" (dict "custom" $canary) -}}
{{- $_ := set $document "policies" (prepend ($document.policies | default list) $policy) -}}
{{- end -}}
{{- $local := dig "direction" "localDomains" list $document -}}
{{- /* Where domains are listed, mail for any other is none that comes in. */ -}}
{{- if $local -}}
{{- $domain := $recipient | splitList "@" | last -}}
{{- $_ := set $document.direction "localDomains" (append $local $domain | uniq) -}}
{{- end -}}
{{- end -}}
{{- toYaml $document -}}
{{- end -}}
