{{- /* Conditions that no JSON Schema can say. Included once, by the Deployment. */}}
{{- define "gateway.checks" -}}
{{- $namespace := include "gateway.namespace" . -}}
{{- if ne .Release.Namespace $namespace }}
{{- fail (printf "this render belongs in namespace %q, not in %q: give -n %s" $namespace .Release.Namespace $namespace) }}
{{- end }}
{{- if and .Values.preview (ne .Values.environment "staging") }}
{{- fail (printf "a preview is a staging environment: preview %q with environment %q" .Values.preview .Values.environment) }}
{{- end }}
{{- if and (or .Values.ingress.enabled .Values.gatewayApi.enabled) (not .Values.domain) }}
{{- fail "ingress and gatewayApi need a domain" }}
{{- end }}
{{- with .Values.tls }}
{{- if and .enabled (eq (empty .secretName) (not .certManager.enabled)) }}
{{- fail "tls.enabled needs tls.secretName or tls.certManager, one of them" }}
{{- end }}
{{- if and .enabled .certManager.enabled (not .certManager.issuer.name) }}
{{- fail "tls.certManager needs the name of its issuer" }}
{{- end }}
{{- if and .enabled $.Values.gatewayApi.enabled }}
{{- fail "tls and gatewayApi do not go together: a route speaks HTTP to the pods" }}
{{- end }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" }}
{{- end }}
{{- end }}
