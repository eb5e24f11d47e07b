{{- define "uwsgi-tuner.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "uwsgi-tuner.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "uwsgi-tuner.selectorLabels" -}}
app.kubernetes.io/name: {{ include "uwsgi-tuner.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "uwsgi-tuner.labels" -}}
{{ include "uwsgi-tuner.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "uwsgi-tuner.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "uwsgi-tuner.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "uwsgi-tuner.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "uwsgi-tuner.subjects" -}}
- kind: ServiceAccount
  name: {{ include "uwsgi-tuner.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* All that the controller does in a namespace; docs/security.md says what each line is for. */ -}}
{{- define "uwsgi-tuner.rules" -}}
- apiGroups: [uwsgi-tuner.dev]
  resources: [uwsgitunings]
  # patch: the finalizer that stands while a change is in flight.
  verbs: [get, list, watch, patch]
- apiGroups: [uwsgi-tuner.dev]
  resources: [uwsgitunings/status]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  {{- if .Values.readOnly }}
  verbs: [get, list]
  {{- else }}
  # patch: the annotation on the pod template that rolls a config out.
  verbs: [get, list, patch]
  {{- end }}
- apiGroups: [""]
  resources: [configmaps]
  {{- if .Values.readOnly }}
  verbs: [get]
  {{- else }}
  # create: the saved copy of the config.
  verbs: [get, create, patch]
  {{- end }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [""]
  resources: [pods/exec]
  # A WebSocket is authorized as get; API servers from 1.35 ask for create too.
  verbs: [create, get]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# Who else uses the config: looked up before it is written.
- apiGroups: [apps]
  resources: [statefulsets, daemonsets]
  verbs: [list]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, get, patch]
{{- end }}
