{{/*
One process as a Deployment. Takes { root, component, env, volumes, mounts }: what differs between the processes; everything
else is the same for all of them.
*/}}
{{- define "tdc.deployment" -}}
{{- $root := .root -}}
{{- $known := get (include "tdc.components" $root | fromYaml) .component -}}
{{- $values := get $root.Values $known.values -}}
{{- $labels := dict "root" $root "component" .component -}}
{{- $context := dict "root" $root "component" .component "known" $known "values" $values -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "tdc.fullname" $root }}-{{ .component }}
  labels: {{- include "tdc.labels" $labels | nindent 4 }}
spec:
  {{- if eq (dig "autoscaling" "mode" "none" $values) "none" }}
  replicas: {{ $values.replicas }}
  {{- end }}
  {{- with $values.minReadySeconds }}
  minReadySeconds: {{ . }}
  {{- end }}
  selector:
    matchLabels: {{- include "tdc.selectorLabels" $labels | nindent 6 }}
  strategy: {{- include "tdc.strategy" $values.strategy | nindent 4 }}
  template:
    metadata:
      labels:
        {{- include "tdc.labels" $labels | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with include "tdc.podAnnotations" $context }}
      annotations: {{- . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "tdc.podBasics" $context | nindent 6 }}
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- with $values.initContainers }}
      initContainers: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "tdc.ownImage" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .component | quote }}]
          env:
            {{- include "tdc.env" (merge (dict "env" .env) $context) | nindent 12 }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- with $values.extraEnvFrom }}
          envFrom: {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- if $known.http }}
            - { name: http, containerPort: 9090, protocol: TCP }
            {{- end }}
            {{- range $name, $port := $known.ports }}
            - { name: {{ $name }}, containerPort: {{ $port }}, protocol: TCP }
            {{- end }}
          {{- if $known.http }}
          {{- include "tdc.httpProbes" . | nindent 10 }}
          {{- else }}
          {{- include "tdc.portProbes" "smtp" | nindent 10 }}
          {{- end }}
          {{- with $values.preStopSeconds }}
          lifecycle:
            preStop:
              sleep: { seconds: {{ . }} }
          {{- end }}
          securityContext: {{- include "tdc.containerSecurityContext" $context | nindent 12 }}
          resources: {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - { name: state, mountPath: /state }
            - { name: tmp, mountPath: /tmp }
            {{- with .mounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
            {{- include "tdc.connectionMounts" $context | nindent 12 }}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
        {{- with $values.sidecars }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        {{- range $name := list "state" "tmp" }}
        - name: {{ $name }}
          emptyDir: { sizeLimit: {{ $values.scratchSizeLimit }} }
        {{- end }}
        {{- with .volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- include "tdc.connectionVolumes" $context | nindent 8 }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      topologySpreadConstraints: {{- include "tdc.spread" $context | nindent 8 }}
      {{- include "tdc.placement" $context | nindent 6 }}
{{- end -}}

{{/* What every pod of the release has, Redis's too. Takes { root, component, values }. */}}
{{- define "tdc.podBasics" -}}
serviceAccountName: {{ include "tdc.serviceAccountName" . }}
automountServiceAccountToken: {{ .values.serviceAccount.automount }}
enableServiceLinks: false
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if not .values.hostUsers }}
hostUsers: false
{{- end }}
{{- with .values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
securityContext: {{- include "tdc.podSecurityContext" . | nindent 2 }}
{{- end -}}

{{/* The update strategy; Recreate takes no further settings. */}}
{{- define "tdc.strategy" -}}
type: {{ .type }}
{{- if and (eq .type "RollingUpdate") .rollingUpdate }}
rollingUpdate: {{- toYaml .rollingUpdate | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Annotations of a pod: the user's, and those that a Prometheus without operator goes by. '' when there are none. */}}
{{- define "tdc.podAnnotations" -}}
{{- $metrics := .root.Values.metrics -}}
{{- $operator := or $metrics.podMonitor.enabled $metrics.serviceMonitor.enabled -}}
{{- if and .known.http $metrics.podAnnotations (not $operator) }}
prometheus.io/scrape: "true"
prometheus.io/port: "9090"
prometheus.io/path: /metrics
{{- end }}
{{- with .values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Probes of a process. It has started once it answers at all: one that waits for Redis or for its first policy has started, too,
and to kill it would only add a back-off to that outage. /livez is about progress, /readyz about being of use.
*/}}
{{- define "tdc.httpProbes" -}}
startupProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
  timeoutSeconds: 3
{{- end -}}

{{/* Probes of what has no HTTP. Takes the port's name. */}}
{{- define "tdc.portProbes" -}}
readinessProbe:
  tcpSocket: { port: {{ . }} }
  periodSeconds: 5
livenessProbe:
  tcpSocket: { port: {{ . }} }
  periodSeconds: 10
{{- end -}}

{{/* Pods of one version over zones and nodes, where there are any; the values' own rules in place of that. */}}
{{- define "tdc.spread" -}}
{{- if .values.topologySpreadConstraints -}}
{{- toYaml .values.topologySpreadConstraints -}}
{{- else -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels: {{- include "tdc.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Where a pod runs, before whom, and how long on a node that does not answer. Takes { root, values }. */}}
{{- define "tdc.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
tolerations:
  {{- range $taint := list "not-ready" "unreachable" }}
  - key: node.kubernetes.io/{{ $taint }}
    operator: Exists
    effect: NoExecute
    tolerationSeconds: {{ $.root.Values.nodeLossSeconds }}
  {{- end }}
  {{- with .values.tolerations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* The restricted Pod Security level, and what the component's values change of it. */}}
{{- define "tdc.podSecurityContext" -}}
{{- mergeOverwrite (deepCopy .root.Values.podSecurityContext) .values.podSecurityContext | toYaml -}}
{{- end -}}

{{- define "tdc.containerSecurityContext" -}}
{{- mergeOverwrite (deepCopy .root.Values.securityContext) .values.securityContext | toYaml -}}
{{- end -}}
