{{- define "tdc.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "tdc.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "tdc.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "tdc.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a component; never changes. Takes { root, component }. */}}
{{- define "tdc.selectorLabels" -}}
{{ include "tdc.releaseLabels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* What selects every pod of the release. */}}
{{- define "tdc.releaseLabels" -}}
app.kubernetes.io/name: {{ include "tdc.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object. Takes { root, component }. */}}
{{- define "tdc.labels" -}}
{{ include "tdc.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: tdc
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The service account of a component. Takes { root, component, values }. */}}
{{- define "tdc.serviceAccountName" -}}
{{- if .values.serviceAccount.name -}}
{{- .values.serviceAccount.name -}}
{{- else if .values.serviceAccount.create -}}
{{- include "tdc.fullname" .root }}-{{ .component }}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{/* An image's name. Takes { root, image, tag }. */}}
{{- define "tdc.image" -}}
{{- $registry := .root.Values.global.imageRegistry | default .image.registry -}}
{{- $name := .image.repository -}}
{{- if $registry -}}{{- $name = printf "%s/%s" $registry $name -}}{{- end -}}
{{- $name = printf "%s:%s" $name (.image.tag | default .tag) -}}
{{- if .image.digest -}}{{- $name = printf "%s@%s" $name .image.digest -}}{{- end -}}
{{- $name -}}
{{- end -}}

{{/* The product's own image. */}}
{{- define "tdc.ownImage" -}}
{{- include "tdc.image" (dict "root" . "image" .Values.image "tag" .Chart.AppVersion) -}}
{{- end -}}

{{/* The names under which a Service is reached, as a list. Takes { root, component }. */}}
{{- define "tdc.serviceNames" -}}
{{- $name := printf "%s-%s" (include "tdc.fullname" .root) .component -}}
{{- $space := .root.Release.Namespace -}}
- {{ $name }}
- {{ $name }}.{{ $space }}
- {{ $name }}.{{ $space }}.svc
- {{ $name }}.{{ $space }}.svc.{{ .root.Values.clusterDomain }}
{{- end -}}

{{- define "tdc.policyAddress" -}}
{{- .Values.policy.address | default (printf "%s-policy:50051" (include "tdc.fullname" .)) -}}
{{- end -}}

{{- define "tdc.monitorAddress" -}}
{{ include "tdc.fullname" . }}-monitor:50052
{{- end -}}

{{- define "tdc.smtpAddress" -}}
{{ include "tdc.fullname" . }}-intake:{{ .Values.intake.service.port }}
{{- end -}}
