{{- define "gateway.selector" -}}
app.kubernetes.io/name: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* What `gateway release` knows an object by; pods have no more, so that a new chart does not roll them. */}}
{{- define "gateway.placeLabels" -}}
{{ include "gateway.selector" . }}
environment: {{ .Values.environment | quote }}
region: {{ .Values.region | quote }}
{{- with .Values.preview }}
preview: {{ . | quote }}
ttl-hours: {{ $.Values.previewSettings.ttlHours | quote }}
{{- end }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.placeLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "gateway.namespace" -}}
{{- .Values.namespace | default (printf "gateway-%s" (.Values.preview | default .Values.environment)) -}}
{{- end }}

{{- define "gateway.metadata" -}}
namespace: {{ include "gateway.namespace" . | quote }}
labels:
  {{- include "gateway.labels" . | nindent 2 }}
{{- end }}

{{- /* The size, which a preview takes from previewSettings. */}}
{{- define "gateway.replicas" -}}
{{- if .Values.preview }}1{{ else if .Values.autoscaling.enabled }}{{ int .Values.autoscaling.minReplicas }}{{ else }}{{ int .Values.replicas }}{{ end -}}
{{- end }}
{{- define "gateway.resources" -}}
{{- toYaml (ternary .Values.previewSettings.resources .Values.resources (ne .Values.preview "")) -}}
{{- end }}
{{- define "gateway.autoscaled" -}}
{{- if and .Values.autoscaling.enabled (not .Values.preview) }}true{{ end -}}
{{- end }}

{{- /* The canary's pods for its share of the traffic, where replicas are the weight: rounded up. */}}
{{- define "gateway.canaryReplicas" -}}
{{- $percent := int .Values.canary.percent -}}
{{- $rest := sub 100 $percent -}}
{{- div (add (mul (include "gateway.replicas" . | int) $percent) (sub $rest 1)) $rest | max 1 -}}
{{- end }}

{{- define "gateway.hosts" -}}
{{- $hosts := list (printf "%s.%s" (.Values.preview | default .Values.region) .Values.domain) -}}
{{- if and .Values.globalHost (not .Values.preview) }}{{ $hosts = append $hosts .Values.globalHost }}{{ end -}}
{{- toJson $hosts -}}
{{- end }}

{{- define "gateway.tlsSecret" -}}
{{- .Values.tls.secretName | default (printf "%s-listener" .Release.Name) -}}
{{- end }}

{{- define "gateway.image" -}}
{{- $image := .image -}}
{{- if $image.digest }}{{ printf "%s@%s" $image.repository $image.digest | quote }}{{ else }}{{ printf "%s:%s" $image.repository ($image.tag | default .appVersion) | quote }}{{ end -}}
{{- end }}

{{- /* Text for a variable. Helm reads every number as a float, and prints 5000000 as 5e+06; JSON has it whole. */}}
{{- define "gateway.variable" -}}
{{- kindIs "string" . | ternary . (toJson .) | quote -}}
{{- end }}

{{- /* Makes whole numbers of the floats in .value that are whole, however deep they stand. Lists are made anew. */}}
{{- define "gateway.wholeNumbers" -}}
{{- $value := .value -}}
{{- if kindIs "float64" $value -}}
{{- if and (eq $value (floor $value)) (lt $value 9e15) (gt $value -9e15) }}{{ $_ := set . "value" (int64 $value) }}{{ end -}}
{{- else if kindIs "map" $value -}}
{{- range $name, $inner := $value -}}
{{- $box := dict "value" $inner }}{{ include "gateway.wholeNumbers" $box }}{{ $_ := set $value $name $box.value -}}
{{- end -}}
{{- else if kindIs "slice" $value -}}
{{- $items := list -}}
{{- range $inner := $value -}}
{{- $box := dict "value" $inner }}{{ include "gateway.wholeNumbers" $box }}{{ $items = append $items $box.value -}}
{{- end -}}
{{- $_ := set . "value" $items -}}
{{- end -}}
{{- end }}

{{- /* A map of tables as TOML: 8000 stays 8000, and is neither 8000.0 nor 8e+03. */}}
{{- define "gateway.toml" -}}
{{- $box := dict "value" (deepCopy .) }}{{ include "gateway.wholeNumbers" $box }}{{ toToml $box.value -}}
{{- end }}

{{- define "gateway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
{{- define "gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* The pod of both tracks. Takes root (the chart's scope), track, image and config. */}}
{{- define "gateway.pod" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $name := .root.Release.Name -}}
metadata:
  labels:
    {{- include "gateway.placeLabels" $root | nindent 4 }}
    app.kubernetes.io/component: gateway
    track: {{ .track }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A change of these rolls the pods.
    checksum/config: {{ toJson .config | sha256sum }}
    # What is reloaded rolls none.
    checksum/files: {{ toJson (ternary (list $values.resolvers) (list $values.schema $values.resolvers) $values.reload.enabled) | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ $name }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add $values.drain.preStopSeconds $values.drain.drainSeconds $values.drain.marginSeconds }}
  securityContext:
    {{- include "gateway.podSecurity" $root | nindent 4 }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . | quote }}
    {{- end }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if and $values.topologySpread.enabled (not $values.preview) }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      # Nodes may be fewer than pods: only zones are ever a must.
      whenUnsatisfiable: {{ ternary $values.topologySpread.whenUnsatisfiable "ScheduleAnyway" (eq . "topology.kubernetes.io/zone") | quote }}
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels:
          {{- include "gateway.selector" $root | nindent 10 }}
          app.kubernetes.io/component: gateway
    {{- end }}
  {{- end }}
  containers:
    - name: gateway
      image: {{ .image }}
      imagePullPolicy: {{ $values.image.pullPolicy | quote }}
      securityContext:
        {{- include "gateway.containerSecurity" $root | nindent 8 }}
      ports:
        - name: http
          containerPort: 8000
        {{- if $values.metrics.enabled }}
        - name: metrics
          containerPort: {{ $values.metrics.port }}
        {{- end }}
      env:
        - name: GATEWAY_SERVER__HOST
          value: "0.0.0.0"
        - name: GATEWAY_SERVER__PORT
          value: "8000"
        - name: GATEWAY_SERVER__WORKERS
          value: {{ include "gateway.variable" $values.workers }}
        - name: GATEWAY_SERVER__DRAIN_TIMEOUT_S
          value: {{ include "gateway.variable" $values.drain.drainSeconds }}
        - name: GATEWAY_SERVER__KEEPALIVE_S
          value: {{ include "gateway.variable" $values.keepaliveSeconds }}
        - name: GATEWAY_TELEMETRY__METRICS__ENABLED
          value: {{ $values.metrics.enabled | quote }}
        {{- if $values.tls.enabled }}
        - name: GATEWAY_SERVER__TLS__CERT
          value: /etc/gateway/tls/tls.crt
        - name: GATEWAY_SERVER__TLS__KEY
          value: /etc/gateway/tls/tls.key
        {{- end }}
        {{- if $values.metrics.enabled }}
        # The NetworkPolicy says who may come.
        - name: GATEWAY_TELEMETRY__METRICS__HOST
          value: "0.0.0.0"
        - name: GATEWAY_TELEMETRY__METRICS__PORT
          value: {{ include "gateway.variable" $values.metrics.port }}
        - name: GATEWAY_TELEMETRY__METRICS__PATH
          value: {{ $values.metrics.path | quote }}
        {{- end }}
        {{- if $values.redis.enabled }}
        - name: GATEWAY_REDIS__URL
          value: redis://{{ $name }}-redis:6379/0
        - name: GATEWAY_RESPONSE_CACHE__REDIS__ENABLED
          value: "true"
        {{- end }}
        {{- if $values.reload.enabled }}
        - name: GATEWAY_RELOAD__WATCH
          value: "true"
        {{- end }}
        {{- range $variable, $value := $values.env }}
        - name: {{ $variable | quote }}
          value: {{ include "gateway.variable" $value }}
        {{- end }}
        {{- range $values.secrets.env }}
        - name: {{ .name | quote }}
          valueFrom:
            secretKeyRef:
              name: {{ .secret | quote }}
              key: {{ .key | quote }}
        {{- end }}
      {{- $server := (.config | default dict).server | default dict }}
      {{- $live := $server.live_path | default "/health/live" }}
      {{- $scheme := ternary ", scheme: HTTPS" "" $values.tls.enabled }}
      startupProbe:
        httpGet: {path: {{ $live | quote }}, port: http{{ $scheme }}}
        {{- toYaml $values.probes.startup | nindent 8 }}
      readinessProbe:
        httpGet: {path: {{ $server.ready_path | default "/health/ready" | quote }}, port: http{{ $scheme }}}
        {{- toYaml $values.probes.readiness | nindent 8 }}
      livenessProbe:
        httpGet: {path: {{ $live | quote }}, port: http{{ $scheme }}}
        {{- toYaml $values.probes.liveness | nindent 8 }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $values.drain.preStopSeconds }}
      resources:
        {{- include "gateway.resources" $root | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if .config }}
        # One file into the image's folder: paths in it stay relative to where the image has them.
        - name: config
          mountPath: /app/gateway.toml
          subPath: gateway.toml
          readOnly: true
        {{- end }}
        {{- if $values.tls.enabled }}
        # The whole folder: a file mounted alone never changes in a pod.
        - name: tls
          mountPath: /etc/gateway/tls
          readOnly: true
        {{- end }}
        {{- range $folder := list "schema" "resolvers" }}
        {{- $source := index $values $folder }}
        {{- if or $source.files $source.configMap }}
        - name: {{ $folder }}
          mountPath: /app/{{ $folder }}
          readOnly: true
        {{- end }}
        {{- end }}
    {{- if $values.demo.enabled }}
    # Beside the gateway, at the addresses that the image's gateway.toml names.
    {{- range $port, $backend := dict "8101" "catalog" "8102" "monolith" "8103" "search" }}
    - name: demo-{{ $backend }}
      image: {{ include "gateway.image" (dict "image" $values.demo.image "appVersion" $root.Chart.AppVersion) }}
      imagePullPolicy: {{ $values.image.pullPolicy | quote }}
      args: [python, -m, demo, --only, {{ $backend }}, --port, {{ $port | quote }}, --data, /tmp/{{ $backend }}]
      securityContext:
        {{- include "gateway.containerSecurity" $root | nindent 8 }}
      resources:
        {{- toYaml $values.demo.resources | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
    {{- end }}
    {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
    {{- if $values.tls.enabled }}
    - name: tls
      secret:
        secretName: {{ include "gateway.tlsSecret" $root | quote }}
        # 0440: read by the pod's group, which is fsGroup.
        defaultMode: 288
    {{- end }}
    {{- if .config }}
    - name: config
      configMap:
        name: {{ $name }}-config{{ if eq .track "canary" }}-canary{{ end }}
    {{- end }}
    {{- range $folder := list "schema" "resolvers" }}
    {{- $source := index $values $folder }}
    {{- if or $source.files $source.configMap }}
    - name: {{ $folder }}
      configMap:
        name: {{ $source.configMap | default (printf "%s-%s" $name $folder) | quote }}
    {{- end }}
    {{- end }}
{{- end }}
