"""Values that production must not have, however they are written, through the real chart and the shipped targets.yaml;
beside them what looks like them and is fine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.release.helm import find_helm
from gateway.release.model import ChartError
from gateway.release.policies import check_policies
from gateway.release.values import layer_values, load_targets, merge
from tests.platform.renders import CHART

PLACE = load_targets(CHART).targets["production", "eu-west"]
SHIPPED = {f"GATEWAY_SOURCES__{name}__URL" for name in ("CATALOG", "MONOLITH", "SEARCH")}
PASSWORD = "hunter2hunter2"
OWN_KEY = "gw_live_7Q2m9xKfTb_AbcdefghijAbcdefghijKlmnop_c7ff2727"
LINK = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@source", "@connect"])\n'


def judged(more: dict[str, Any]) -> str:
    """Every problem of a production release with these values; "" when there is none."""
    values = merge(layer_values(CHART, PLACE), more)
    if "schema" in more:  # one without the sources of the image's own configuration
        values["config"] = values.get("config") or {"server": {"path": "/graphql"}}
        values["env"] = {
            name: value for name, value in (values["env"] or {}).items() if name not in SHIPPED
        }
    try:
        return "\n".join(check_policies(find_helm().render(CHART, PLACE, values), PLACE))
    except ChartError as exc:
        return f"ChartRefused: {exc}"


def env(**variables: Any) -> dict[str, Any]:
    return {"env": variables}


def config(**tables: Any) -> dict[str, Any]:
    return {"config": tables}


def nginx(**names: str) -> dict[str, Any]:
    """Annotations of the Ingress that ingress-nginx reads."""
    prefix = "nginx.ingress.kubernetes.io/"
    return {
        "ingress": {
            "annotations": {
                f"{prefix}{name.replace('_', '-')}": value for name, value in names.items()
            }
        }
    }


def cert_manager(**names: str) -> dict[str, Any]:
    """Annotations of the Ingress that cert-manager reads."""
    return {
        "ingress": {
            "annotations": {
                f"cert-manager.io/{name.replace('_', '-')}": value for name, value in names.items()
            }
        }
    }


def exempt(*settings: str) -> dict[str, Any]:
    return {
        "exemptions": [
            {"setting": name, "reason": "it is meant, until the migration ends"}
            for name in settings
        ]
    }


def secret(name: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"secrets": {"env": [{"name": name, "secret": "gateway", "key": "k"}]}, **(more or {})}


def schema(text: str) -> dict[str, Any]:
    return {"schema": {"files": {"a.graphql": text}}}


def python(text: str, file: str = "a.py") -> dict[str, Any]:
    return {"resolvers": {"files": {file: text}}}


def test_the_shipped_values_are_fine() -> None:
    assert judged({}) == ""


@pytest.mark.parametrize(
    ("more", "words"),
    [
        # Another spelling of a name or value, as the gateway takes it.
        (env(gateway_errors__mask="false"), "errors.mask is false"),
        (env(GATEWAY_ERRORS__MASK="no"), "errors.mask is false"),
        (env(GATEWAY_errors__Mask="n"), "errors.mask is false"),
        (env(gateway_ERRORS__mask="F"), "errors.mask is false"),
        (env(GATEWAY_ERRORS__MASK=0), "errors.mask is false"),
        (env(GATEWAY_ERRORS='{"mask": false}'), "errors.mask is false"),
        (env(A="no", GATEWAY_ERRORS__MASK="$(A)"), "errors.mask is false"),
        (env(Gateway_Csrf__Enabled="off"), "csrf.enabled is false"),
        (env(gateway_telemetry__metrics__enabled="false"), "is set twice"),
        (env(Gateway_Explain__Plan_Header="1"), "explain.plan_header is true"),
        (env(GATEWAY_EXPLAIN__TRACE_HEADER="always"), "explain.trace_header is always"),
        (env(GATEWAY_HTTP__GRAPHIQL="true"), "http.graphiql is true"),
        (env(GATEWAY_LIMITS__INTROSPECTION="true"), "limits.introspection is true"),
        ({"env": None}, "http.graphiql is true"),
        (config(errors={"mask": "no"}), "errors.mask is false"),
        (config(errors={"mask": 0}), "errors.mask is false"),
        (config(errors={"mask": "${OFF:-no}"}), "errors.mask is false"),
        ({**config(errors={"mask": "${OFF}"}), **env(OFF="off")}, "errors.mask is false"),
        ({"canary": {"enabled": True, "image": {"tag": "1"}, "config": {"errors": {"mask": "false"}}}}, "gateway-canary: errors.mask is false"),
        (config(cors={"policies": [{"match_origins": ["^.*$"], "allow_credentials": True}]}), "every origin"),
        (env(GATEWAY_CORS__POLICIES='[{"origins": ["*"], "allow_credentials": true}]'), "allow_credentials"),
        *((config(cors={"policies": [{"match_origins": [pattern], "allow_credentials": True}]}), words) for pattern, words in (
            ("^https?://.*$", "every origin"), ("https?://.*", "every origin"), (".*?", "every origin"), (r"https://.*\.com", "every origin"),
            (r"https://[a-z0-9.-]+(:\d+)?", "every origin"), (r"https://.*example\.com", "nobodyexample.com"), (r"https://.*\.vercel\.app", "every origin"),
            (r"https://api\.example\.com.*", "api.example.com.a-page-of-nobody"), (r"https://app.example\.com", "a dot is any character"), ("null", "null"))),
        (config(cors={"policies": [{"origins": ["null"], "allow_credentials": True}]}), "every origin"),
        (config(subscription={"allowed_origins": ["null"]}), "a user's cookies"),
        (env(GATEWAY_SERVER__TRUSTED_PROXIES="0.0.0.0/0"), "whoever connects"),
        (env(GATEWAY_SERVER__TRUSTED_PROXIES=json.dumps([f"{number}.0.0.0/8" for number in range(256)])), "has 0.0.0.0/0, which is public"),
        (env(GATEWAY_SERVER__TRUSTED_PROXIES='["2000::/7"]'), "which is public"),
        (env(GATEWAY_SERVER__TRUSTED_PROXIES='["10.0.0.0/8", "198.51.100.7"]'), "has 198.51.100.7/32, which is public"),
        (env(GATEWAY_SERVER__TRUSTED_PROXIES="[]"), "trusted_proxies is empty"),
        (env(GATEWAY_SERVER__TRUSTED_PROXIES='["::/0"]'), "whoever connects"),
        # What nobody sees decides nothing.
        (secret("GATEWAY_ERRORS__MASK"), "errors.mask is what the Secret behind"),
        (secret("gateway_server__port"), "server.port is what the Secret behind"),
        (secret("GATEWAY_SOURCES__b__URL"), "sources.b.url is what the Secret behind"),
        (secret("GATEWAY_SOURCES"), "sources is what the Secret behind"),
        (secret("M", config(errors={"mask": "${M}"})), "errors.mask is what the Secret behind M"),
        (secret("H", config(sources={"b": {"url": "https://${H}/"}})), "sources.b.url is what the Secret behind H"),
        (secret("HTTPS_PROXY"), "nobody sees through whom"),
        # The probes, the Service and Prometheus do not find it.
        (env(gateway_server__port="9000"), "server.port is 9000, and the container's port is 8000"),
        (env(gateway_server__host="127.0.0.1"), "nothing outside the pod connects"),
        (env(GATEWAY_SERVER__UNIX_SOCKET="/tmp/x"), "server.unix_socket"),
        (env(GATEWAY_SERVER__READY_PATH="/r"), "the readinessProbe asks for /health/ready"),
        (config(server={"tls": {"cert": "/etc/tls/tls.crt", "key": "/etc/tls/tls.key"}}), "readinessProbe speaks HTTP to the pod"),
        (config(server={"tls": {"cert": "/etc/tls/tls.crt", "key": "/etc/tls/tls.key"}}), "is in no Secret"),
        ({"tls": {"enabled": True, "secretName": "a"}, "ingress": {"annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "HTTP"}}}, "changes requests"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}}}, "changes requests"),
        ({"tls": {"enabled": True}}, "tls.secretName or tls.certManager"),
        ({"tls": {"enabled": True, "secretName": "a", "certManager": {"enabled": True, "issuer": {"name": "i"}}}}, "one of them"),
        ({"tls": {"enabled": True, "certManager": {"enabled": True}}}, "the name of its issuer"),
        ({"tls": {"enabled": True, "secretName": "a"}, "gatewayApi": {"enabled": True, "parentRefs": [{"name": "p"}]}}, "do not go together"),
        # What is run, and how big it is.
        (env(LD_PRELOAD="/x"), "LD_PRELOAD decides what is run"),
        (env(PYTHONPATH="/x"), "PYTHONPATH decides what is run"),
        (env(PATH="/x"), "PATH decides what is run"),
        ({"resources": {"requests": {"cpu": "1000"}}}, "over its limit 2"),
        ({"workers": 64}, "64 workers in 1Gi"),
        ({"probes": {"readiness": {"failureThreshold": 600}}}, "is sent requests for 1200 s"),
        ({"image": {"repository": "docker.io/evil/gateway"}}, "comes from none of"),
        ({"networkPolicy": {"egress": [{"cidr": "10.8.0.0/99", "ports": [443]}]}}, "10.8.0.0/99 is no network"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/canary": "true"}}}, "changes requests"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/auth-url": "http://evil"}}}, "changes requests"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/whitelist-source-range": "10.0.0.0/8"}}}, "changes requests"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/ssl-redirect": "false"}}}, "changes requests"),
        ({"ingress": {"annotations": {"haproxy.org/path-rewrite": "/"}}}, "changes requests"),
        ({"ingress": {"annotations": {"external-dns.alpha.kubernetes.io/target": "192.0.2.1"}}}, "changes requests"),
        ({"service": {"annotations": {"external-dns.alpha.kubernetes.io/hostname": "api.example.com"}}}, "changes requests"),
        ({"ingress": {"annotations": {"kubernetes.io/ingress.class": "none"}}}, "changes requests"),
        ({"ingress": {"annotations": {"alb.ingress.kubernetes.io/inbound-cidrs": "10.0.0.0/8"}}}, "changes requests"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/limit-rps": "1"}}}, "changes requests"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "1k"}}}, "changes requests"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "1"}}}, "changes requests"),
        ({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/of-next-year": "on"}}}, "changes requests"),
        ({"service": {"annotations": {"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8"}}}, "changes requests"),
        ({"podAnnotations": {"container.apparmor.security.beta.kubernetes.io/gateway": "unconfined"}}, "confinement"),
        # A name that is known, with a value that is not: no time at all, a configuration that nginx refuses.
        *((nginx(**{name: value}), "changes requests") for name, value in (
            ("proxy_read_timeout", "0"), ("proxy_send_timeout", "0"), ("proxy_connect_timeout", "0"), ("proxy_read_timeout", "30k"),
            ("proxy_read_timeout", "60s"), ("proxy_connect_timeout", "9999999g"), ("proxy_buffer_size", "1"), ("proxy_buffer_size", "8k; } evil {"),
            ("proxy_buffer_size", "1g"), ("proxy_buffers_number", "1"), ("proxy_request_buffering", "xx"), ("proxy_body_size", "99999999g"),
            ("force_ssl_redirect", "false"))),
        *((cert_manager(**{name: value}), "changes requests") for name, value in (
            ("cluster_issuer", "selfsigned"), ("issuer", "selfsigned"), ("issuer_kind", "AWSPCAIssuer"), ("usages", "client auth"), ("duration", "1h"),
            ("renew_before", "99999h"), ("renew_before", "1081h"), ("private_key_size", "1"), ("private_key_size", "256"), ("common_name", "evil.example"),
            ("private_key_algorithm", "Ed25519"))),
        ({"ingress": {"annotations": {"x.io/disable-ssl-redirect": "true"}}}, "changes requests"),
        ({"ingress": {"annotations": {"x.io/proxy-read-timeout": "60"}}}, "changes requests"),
        ({"tls": {"enabled": True, "secretName": "a"}}, "speak HTTPS and nothing tells the ingress"),
        # What others run in a pod, take from it, or make of where it stands.
        *(({"podAnnotations": {name: value}}, "changes what runs in a pod") for name, value in (
            ("kubernetes.io/ingress-bandwidth", "1k"), ("k8s.v1.cni.cncf.io/networks", "host"), ("sidecar.istio.io/inject", "true"),
            ("vault.hashicorp.com/agent-inject", "true"), ("instrumentation.opentelemetry.io/inject-python", "true"),
            ("nginx.ingress.kubernetes.io/proxy-buffering", "on"))),
        ({"podLabels": {"sidecar.istio.io/inject": "true"}}, "changes what runs in a pod"),
        ({"podLabels": {"azure.workload.identity/use": "true"}}, "changes what runs in a pod"),
        ({"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/admin"}}}, "what pods may do elsewhere"),
        *(({"nodeSelector": {name: value}}, "all pods in one place") for name, value in (
            ("kubernetes.io/hostname", "node1"), ("topology.kubernetes.io/zone", "a"), ("kubernetes.io/os", "windows"), ("karpenter.sh/capacity-type", "spot"))),
        *(({"gatewayApi": {"enabled": True, "parentRefs": [parent]}}, words) for parent, words in (
            ({"name": "public", "namespace": "evil", "sectionName": "https"}, "is none of `listeners`"),
            ({"name": "public", "namespace": "ingress"}, "has no sectionName"))),
        # Nobody may do less than before, and everybody more.
        (env(GATEWAY_AUTHORIZATION__DIRECTIVES__ENABLED="false"), "authorization.directives.enabled is false"),
        (config(authorization={"directives": {"dry_run": True}}), "authorization.directives.dry_run is true"),
        (config(authentication={"jwt": {"require_expiry": False}}), "require_expiry is false"),
        (config(authentication={"jwt": {"jwks": [{"url": "http://i.internal.example.com/k"}]}}), "makes tokens"),
        (config(federation={"enabled": True}), "federation.enabled is true"),
        (config(subscription={"allowed_origins": ["*"]}), "a user's cookies"),
        (config(authentication={"jwt": {"on_error": "continue"}}), "on_error is continue"),
        (env(GATEWAY_AUTHENTICATION__JWT__ON_ERROR="continue"), "on_error is continue"),
        (config(authentication={"jwt": {"jwks": [{"url": "https://i.internal.example.com/k"}]}}), "names no audiences"),
        (config(authentication={"jwt": {"jwks": [{"url": "https://i.internal.example.com/k"}]}}), "names no issuers"),
        (env(GATEWAY_LIMITS__MODE="measure"), "limits.mode is measure"),
        # One exemption is for one setting, which has to be so; some have none.
        ({**env(GATEWAY_LIMITS__MODE="measure"), **exempt("limits.introspection")}, "limits.mode is measure"),
        (exempt("limits.introspection"), "is exempted and need not be"),
        (exempt("errors.mask"), "ChartRefused"),
        ({"exemptions": [{"setting": "limits.mode", "reason": "because"}]}, "ChartRefused"),
        ({"exemptions": [{"setting": "limits.mode", "reason": "a" * 40}]}, "ChartRefused"),
        # What a terminal obeys or does not show is no reason.
        ({"exemptions": [{"setting": "limits.mode", "reason": "it is meant\x1b[2J\x1b[1A, for now"}]}, "ChartRefused"),
        ({"exemptions": [{"setting": "limits.mode", "reason": "it is meant\u202e, for a while"}]}, "ChartRefused"),
        ({"exemptions": [{"setting": "limits.mode", "reason": "\u200b" * 21}]}, "ChartRefused"),
        # The API server would refuse them half-way.
        ({"podAnnotations": {"a: b\nc": "d"}}, "ChartRefused"),
        ({"service": {"annotations": {"a/b/c": "d"}}}, "ChartRefused"),
        ({"metrics": {"serviceMonitor": {"interval": "0s"}}}, "ChartRefused"),
        # The image's own gateway.toml, where the values have none.
        (env(GATEWAY_SOURCES__CATALOG__URL="http://127.0.0.1:8101"), "sources.catalog.url 'http://127.0.0.1:8101' is the pod itself"),
        # It would serve next to nobody.
        (env(GATEWAY_SERVER__PATH="/x"), "server.path is /x, and clients ask for /graphql"),
        (config(server={"path": "/x"}), "server.path is /x, and clients ask for /graphql"),
        ({"topologySpread": {"enabled": False}}, "no topology spread over topology.kubernetes.io/zone"),
        ({"priorityClassName": ""}, "no priorityClassName"),
        (env(GATEWAY_SERVER__MAX_CONNECTIONS="1"), "server.max_connections is 1"),
        (env(GATEWAY_TRAFFIC_SHAPING__ROUTER__MAX_IN_FLIGHT="1"), "max_in_flight is 1"),
        (env(GATEWAY_TRAFFIC_SHAPING__ROUTER__TIMEOUT_S="0.001"), "router.timeout_s is 0.001"),
        (env(GATEWAY_HTTP__MAX_BODY_BYTES="1"), "http.max_body_bytes is 1"),
        (config(limits={"max_depth": 1}), "limits.max_depth is 1"),
        # It would limit nothing.
        (config(limits={"max_depth": 100_000}), "limits.max_depth is 100000: more than 1000 limits nothing"),
        (config(limits={"max_aliases": 1_000_000}), "limits.max_aliases is 1000000"),
        (env(GATEWAY_LIMITS__MAX_WORK="2000000000"), "limits.max_work is 2000000000"),
        (env(GATEWAY_HTTP__MAX_BODY_BYTES="1000000000000"), "http.max_body_bytes is 1000000000000"),
        (env(GATEWAY_SERVER__HEADER_TIMEOUT_S="86400"), "server.header_timeout_s is 86400"),
        ({**env(GATEWAY_HTTP__MAX_BODY_BYTES="1000000000000"), **exempt("limits.mode")}, "http.max_body_bytes"),
        (config(sources={"a": {"timeout_s": 0.001, "url": "https://a.internal.example.com"}}), "no call ends"),
        ({"keepaliveSeconds": 1}, "server.keepalive_s is 1"),
        ({"probes": {"readiness": {"failureThreshold": 1, "periodSeconds": 1}}}, "sent nothing more after 1 s"),
        ({"probes": {"startup": {"failureThreshold": 1}}}, "given up at its start after 1 s"),
        ({"tolerations": [{"operator": "Exists"}]}, "every taint keeps pods"),
        ({"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 0}]}, "for 0 s"),
        ({"tolerations": [{"key": "node.kubernetes.io/unreachable", "operator": "Exists"}]}, "for ever"),
        ({"priorityClassName": "system-node-critical"}, "what the cluster itself needs"),
        ({"metrics": {"serviceMonitor": {"enabled": True, "interval": "1h"}}}, "interval 1h"),
        ({"networkPolicy": {"egress": [{"cidr": f"{a}.0.0.0/8", "ports": [443]} for a in (20, 30, 40)]}}, "together are much"),
        ({"networkPolicy": {"egress": [{"cidr": "fd00:ec2::254/128", "ports": [80]}]}}, "metadata service"),
        (env(OPENSSL_CONF="/tmp/x"), "OPENSSL_CONF decides what is run"),
        (env(GCONV_PATH="/tmp"), "GCONV_PATH decides what is run"),
        (env(PYTHONWARNINGS="error"), "PYTHONWARNINGS decides what is run"),
        (secret("SSL_CERT_FILE"), "SSL_CERT_FILE decides whom"),
        (env(SSLKEYLOGFILE="/tmp/k"), "SSLKEYLOGFILE decides whom"),
    ],
)  # fmt: skip
def test_it_is_judged_as_the_gateway_reads_it(more: dict[str, Any], words: str) -> None:
    assert words in judged(more)


@pytest.mark.parametrize(
    "more",
    [
        env(GATEWAY_NOPE__X="1"), env(GATEWAY_SERVER__PRT="1"), env(GATEWAY_HTTP__MAX_BODY_BYTES="5e+06"),
        env(GATEWAY_CORS__POLICIES="[{"), env(GATEWAY_SERVER__PATH="graphql"), env(GATEWAY_ERRORS__MASK=PASSWORD),
        env(GATEWAY_REDIS__URL=PASSWORD), config(eror={"mask": True}), config(limits={"max_depth": "many"}),
        config(limits={"max_tokens": -1}), config(server={"path": "/health/live"}),
        config(sources={"b": {"url": "https://${NOPE}.internal.example.com"}}),
        schema("type Query { a: Strin }"), schema("type Query { a: Int"), schema("type Q { a: Int }"),
        schema(LINK + 'type Query { a: Int @connect(source: "nope", http: {GET: "/"}, selection: "$") }'),
        {**schema("type Query { a: Int }"), **config(sources={"nope": {"timeout_s": 3}})}, python("def f(:"),
    ],
)  # fmt: skip
def test_what_the_gateway_does_not_start_with_is_said(more: dict[str, Any]) -> None:
    text = judged(more)
    assert "the gateway would not start: " in text
    assert PASSWORD not in text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://169.254.169.254/", "metadata service"), ("http://0xa9fea9fe/", "metadata service"),
        ("https://[::ffff:169.254.169.254]/", "metadata service"), ("https://[fe80::1]/", "metadata service"),
        ("http://0x7f000001/", "the pod itself"), ("http://2130706433/", "the pod itself"),
        ("http://127.1/", "the pod itself"), ("http://0/", "the pod itself"), ("https://LOCALHOST/", "the pod itself"),
        ("https://localhost./", "the pod itself"), ("https://a.localhost", "the pod itself"),
        ("https://[::ffff:127.0.0.1]", "the pod itself"), ("https://[64:ff9b::7f00:1]/", "the pod itself"),
        ("https://metadata.google.internal/", "on none of the hosts"),
        ("https://evil.example\\.internal.example.com", "URL"),
        ("https://0300.0250.1.1", "on none of the hosts"),
        ("https://b.internal.example.com.", ""), ("https://B.INTERNAL.EXAMPLE.COM", ""),
    ],
)  # fmt: skip
def test_an_address_is_known_in_every_spelling(url: str, words: str) -> None:
    source = f'@source(name: "b", http: {{baseURL: "{url}"}})\n'.replace("\\", "\\\\")
    field = 'type Query { a: Int @connect(source: "b", http: {GET: "/"}, selection: "$") }'
    for more in (
        env(gateway_sources__b__URL=url),
        env(GATEWAY_SOURCES__b=f'{{"url": "{url}"}}'.replace("\\", "\\\\")),
        config(sources={"b": {"url": url}}),
        schema(LINK + source + field),
    ):
        text = judged(more)
        assert words in text if words else not text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (env(gateway_sources__catalog__tls_verify="no"), "tls_verify is false"),
        (env(GATEWAY_SOURCES__catalog__UNIX_SOCKET="/x"), "nothing in the pod listens"),
        (env(GATEWAY_REDIS__URL="redis://127.0.0.1"), "the pod itself"),
        (
            env(GATEWAY_TELEMETRY__METRICS__OTLP_ENDPOINT="http://169.254.169.254/"),
            "metadata service",
        ),
        (
            env(GATEWAY_TELEMETRY__TRACING__ENDPOINT="http://localhost:4318/v1/traces"),
            "the pod itself",
        ),
        (
            config(authentication={"jwt": {"jwks": [{"url": "http://169.254.169.254/x"}]}}),
            "metadata service",
        ),
        (env(HTTPS_PROXY="http://evil.example:3128"), "lets no pod connect"),
        (env(HTTPS_PROXY="http://evil.example:443"), "on none of the hosts"),
        (env(GATEWAY_REDIS__URL="redis://evil.example:443"), "on none of the hosts"),
        (
            env(GATEWAY_TELEMETRY__METRICS__OTLP_ENDPOINT="https://evil.example"),
            "on none of the hosts",
        ),
        (env(GATEWAY_TELEMETRY__TRACING__ENDPOINT="https://evil.example"), "on none of the hosts"),
        (
            config(
                authentication={
                    "jwt": {
                        "jwks": [
                            {"url": "https://evil.example/k", "audiences": ["a"], "issuers": ["i"]}
                        ]
                    }
                }
            ),
            "on none of the hosts",
        ),
        (env(all_proxy="socks5://x:1"), "is not an http or https URL"),
    ],
)
def test_whatever_pods_connect_to_is_judged(more: dict[str, Any], words: str) -> None:
    assert words in judged(more)


@pytest.mark.parametrize(
    "more",
    [
        # By the name that it stands under or beside.
        env(DB_PASS=PASSWORD), env(dbPass=PASSWORD), env(DB_PWD=PASSWORD), env(REDIS_AUTH=PASSWORD),
        env(ENCRYPTION_KEY=PASSWORD), env(X=f'{{"db": {{"password": "{PASSWORD}"}}}}'),
        env(GATEWAY_SOURCES__catalog__HEADERS=f'{{"authorization": "{PASSWORD}"}}'), env(GATEWAY_ADMIN__KEYS__ann=PASSWORD * 3),
        env(gateway_headers__all__request=f'[{{"insert": {{"name": "x-auth", "value": "{PASSWORD}"}}}}]'),
        config(headers={"all": {"request": [{"insert": {"name": "authorization", "value": PASSWORD}}]}}),
        config(headers={"all": {"request": [{"insert": {"name": "x-api-key", "value": PASSWORD}}]}}),
        config(headers={"all": {"request": [{"propagate": {"named": "cookie", "default": f"S={PASSWORD}"}}]}}),
        config(headers={"sources": {"b": {"request": [{"insert": {"name": "Cookie", "value": f"S={PASSWORD}"}}]}}}),
        config(telemetry={"tracing": {"headers": {"x-honeycomb-team": PASSWORD}}}),
        config(telemetry={"metrics": {"otlp_headers": {"x-team": PASSWORD}}}),
        config(sources={"b": {"headers": {"X-Functions-Key": PASSWORD}}}),
        config(connectors={"config": {"api": {"clientSecret": PASSWORD}}}),
        config(authentication={"jwt": {"jwks": [{"secret": PASSWORD * 3}]}}), config(admin={"keys": {"ann": PASSWORD * 3}}),
        {"service": {"annotations": {"auth-token": PASSWORD}}}, {"podLabels": {"apikey": PASSWORD}},
        {"nodeSelector": {"password": PASSWORD}}, {"podAnnotations": {"vault/token": PASSWORD}},
        {"tolerations": [{"key": "token", "value": PASSWORD}]}, {"serviceAccount": {"annotations": {"x-api-key": PASSWORD}}},
        {"metrics": {"serviceMonitor": {"enabled": True, "labels": {"token": PASSWORD}}}},
        {"metrics": {"rules": {"enabled": True, "labels": {"apikey": PASSWORD}}}},
        {"ingress": {"annotations": {"a": f'{{"token": "{PASSWORD}"}}'}}},
        # By its form.
        env(CACHE=f"https://x.internal.example.com/?password={PASSWORD}"), env(X=f"https://x/?a=1&api_key={PASSWORD}"),
        env(X=f"Server=db;Uid=a;Pwd={PASSWORD}"), env(X=f"user=a password='{PASSWORD}'"), env(X=f"https://u:{PASSWORD}@x"),
        env(FOO="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), env(X="Q1w2E3r4T5y6U7i8O9p0A1s2D3f4G5h6J7k8"),
        config(admin={"keys": {"deploy": "0123456789" * 4}}), env(GATEWAY_ADMIN__KEYS='{"a": "' + "0123456789" * 4 + '"}'),
        env(X=OWN_KEY), config(sources={"b": {"headers": {"x-partner": OWN_KEY}}}),
        {"ingress": {"annotations": {"note": OWN_KEY.replace("gw_live", "acme_test")}}},
        env(X="AGE-SECRET-KEY-1" + "Q" * 58), env(X="LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0t"),
        env(X="hvs.CAESIJ5hunter2hunter2hunter2"), {"ingress": {"annotations": {"note": f"token={PASSWORD}"}}},
        env(GATEWAY_REDIS__URL=f"redis://:{PASSWORD}@10.8.0.1:443"),
        # In files.
        schema(LINK + f'@source(name: "b", http: {{baseURL: "https://b.internal.example.com", headers: [{{name: "x-api-key", value: "{PASSWORD}"}}]}})\ntype Query {{ a: Int }}'),
        schema(LINK + f'@source(name: "b", http: {{baseURL: "https://b.internal.example.com/?token={PASSWORD}"}})\ntype Query {{ a: Int }}'),
        python(f'PASSWORD = "{PASSWORD}"\n'), python(f"def f(password='{PASSWORD}'): ..."),
        python(f"X = {{'api_key': b'{PASSWORD}'}}"), python(f"connect(password='{PASSWORD}')"),
        python(f"x = 'postgres://u:{PASSWORD}@db/x'"), python(f"self.token = os.environ['T'] or '{PASSWORD}'\nTOKEN: str = '{PASSWORD}'"),
        python(f'{{"token": "{PASSWORD}"}}', "a.json"), python(f"a:\n  token: {PASSWORD}", "a.yaml"), python(f"TOKEN={PASSWORD}\n", ".env"),
    ],
)  # fmt: skip
def test_a_secret_is_found_wherever_it_stands(more: dict[str, Any]) -> None:
    text = judged(more)
    assert "stands in plain text" in text or "looks like a secret" in text
    assert PASSWORD not in text


@pytest.mark.parametrize(
    "more",
    [
        env(LOG_LEVEL="info"), env(MAX_TOKENS=100), env(GATEWAY_LIMITS__MAX_TOKENS="3000"), env(GIT_COMMIT="5d41402abc4b2a76b9719d911017c592aaaaaaaa"),
        env(GATEWAY_HTTP__MAX_BODY_BYTES=5_000_000), env(FEATURE="HorizontalPodAutoscalerConfigurationVersion2"),
        env(CACHE_URL="https://x.internal.example.com/a?b=c"), env(HTTPS_PROXY=""), env(HTTPS_PROXY="http://proxy.internal.example.com:443"),
        {**env(GATEWAY_LIMITS__MODE="measure"), **exempt("limits.mode")}, {**config(limits={"max_depth": 100_000}), **exempt("limits.mode")},
        config(limits={"max_depth": 200, "max_work": 2_000_000}), {**env(GATEWAY_LIMITS__INTROSPECTION="true"), **exempt("limits.introspection")},
        env(GATEWAY_AUTHENTICATION__JWT__ON_ERROR="error"), {"resources": {"requests": {"cpu": "2"}}},
        secret("TOKEN"), secret("GATEWAY_ADMIN__KEYS__ann"), secret("GATEWAY_SOURCES__b__HEADERS"),
        secret("GATEWAY_SOURCES__b__HEADERS__authorization"),
        secret("H", config(sources={"b": {"url": "https://u:${H}@b.internal.example.com/"}})),
        secret("S", config(authentication={"jwt": {"jwks": [{"secret": "${S}", "audiences": ["a"], "issuers": ["i"]}]}})),
        secret("T", config(
            authentication={
                "jwt": {"cookie": "session", "header_value_prefix": "Bearer",
                        "jwks": [{"url": "https://id.internal.example.com/jwks", "audiences": ["a"], "issuers": ["i"], "headers": {"authorization": "Bearer ${T}"}}]},
                "api_keys": {"file": "/etc/keys.json", "prefix": "gw"},
            },
            authorization={"require_authentication": True},
        )),
        config(headers={"all": {"request": [{"propagate": {"named": "authorization"}}, {"insert": {"name": "x-region", "value": "eu"}}]}}),
        config(sources={"b": {"session_cookie": "PHPSESSID"}}),
        {"ingress": {"annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600", "nginx.ingress.kubernetes.io/proxy-body-size": "8m"}}},
        {"tolerations": [{"key": "dedicated", "operator": "Exists"}, {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 60}]},
        {"metrics": {"serviceMonitor": {"enabled": True, "interval": "15s"}}}, env(GATEWAY_SERVER__MAX_CONNECTIONS="0", PYTHONUTF8="1"),
        {"ingress": {"annotations": {"cert-manager.io/common-name": "api.example.com", "nginx.ingress.kubernetes.io/ssl-redirect": "true",
                                     "nginx.ingress.kubernetes.io/proxy-body-size": "8m"}}},
        config(cors={"policies": [{"match_origins": [r"https://[a-z0-9-]+\.example\.com"], "allow_credentials": True}]}),
        config(cors={"policies": [{"match_origins": [r"https://[a-z-]+\.app\.example\.com(:\d+)?", r"https://(www\.)?example\.org"], "allow_credentials": True}]}),
        config(cors={"policies": [{"origins": ["*"]}, {"match_origins": [".*"]}, {"origins": ["https://app.example.com"], "allow_credentials": True}]}),
        env(GATEWAY_SERVER__TRUSTED_PROXIES='["10.1.0.0/16", "100.64.0.0/12", "fd00::/64", "172.16.3.4"]'),
        nginx(proxy_body_size="0", proxy_buffering="off", proxy_buffer_size="16k", proxy_buffers_number="8", proxy_connect_timeout="5"),
        cert_manager(usages="digital signature, server auth", duration="2160h", renew_before="360h0m0s"),
        {"podAnnotations": {"prometheus.io/scrape": "true", "sidecar.istio.io/inject": "false", "team": "api", "kubectl.kubernetes.io/default-container": "gateway"}},
        {"podLabels": {"team": "api"}},
        {"nodeSelector": {"pool": "serving", "kubernetes.io/arch": "amd64", "eks.amazonaws.com/nodegroup": "serving"}},
        {"tls": {"enabled": True, "secretName": "a"}, **nginx(backend_protocol="HTTPS")},
        {"secrets": {"external": {"enabled": True, "store": "vault", "data": [{"key": "token", "remote": "gateway/token", "property": "password"}]}}},
        python("TOKEN_HEADER = 'x-token'\ntoken = os.environ['T']\npassword: str = ''\nerrors = {'password': 'is too short for us'}\n"),
        secret("T", schema(
            LINK + '@source(name: "b", http: {baseURL: "https://b.internal.example.com", headers: [{name: "authorization", value: "Bearer {$env.T}"}]})\n'
            '"""Whoever has a token = may pass."""\ntype Query { login(token: String = ""): String @connect(source: "b", http: {GET: "/login?token={$args.token}"}, selection: "$") }'
        )),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_fine(more: dict[str, Any]) -> None:
    assert judged(more) == ""


ROLE = "arn:aws:iam::123456789012:role/Gateway-Production-eu-west-1"


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"ingress": {"annotations": {"alb.ingress.kubernetes.io/scheme": "internet-facing"}}}, "alb.ingress.kubernetes.io/scheme"),
        (cert_manager(cluster_issuer="letsencrypt"), "cert-manager.io/cluster-issuer=letsencrypt"),
        ({"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}}, f"eks.amazonaws.com/role-arn={ROLE}"),
        ({"podAnnotations": {"sidecar.istio.io/inject": "true"}}, "sidecar.istio.io/inject"),
        ({"podLabels": {"azure.workload.identity/use": "true"}}, "azure.workload.identity/use=true"),
        ({"nodeSelector": {"karpenter.sh/capacity-type": "on-demand"}}, "karpenter.sh/capacity-type=on-demand"),
    ],
)  # fmt: skip
def test_what_one_has_looked_at_is_listed_in_targets(more: dict[str, Any], names: str) -> None:
    objects = find_helm().render(CHART, PLACE, merge(layer_values(CHART, PLACE), more))
    assert check_policies(objects, PLACE) != []
    assert check_policies(objects, replace(PLACE, annotations=(names,))) == []
    if "=" in names:
        assert check_policies(objects, replace(PLACE, annotations=(f"{names}x",))) != []


def test_another_ingress_controller_is_told_by_an_annotation_that_is_listed() -> None:
    given = {"projectcontour.io/upstream-protocol.tls": "https"}
    more = {"tls": {"enabled": True, "secretName": "a"}, "service": {"annotations": given}}
    objects = find_helm().render(CHART, PLACE, merge(layer_values(CHART, PLACE), more))
    assert check_policies(objects, PLACE) != []
    assert check_policies(objects, replace(PLACE, annotations=tuple(given))) == []


def test_a_public_proxy_is_listed_in_targets() -> None:
    more = env(GATEWAY_SERVER__TRUSTED_PROXIES='["10.0.0.0/8", "198.51.100.0/25"]')
    objects = find_helm().render(CHART, PLACE, merge(layer_values(CHART, PLACE), more))
    assert "which is public" in "".join(check_policies(objects, PLACE))
    assert check_policies(objects, replace(PLACE, proxies=("198.51.100.0/24",))) == []


def test_a_route_has_listeners_that_targets_names() -> None:
    parent = {"name": "public", "namespace": "ingress", "sectionName": "https"}
    more = {"gatewayApi": {"enabled": True, "parentRefs": [parent]}}
    objects = find_helm().render(CHART, PLACE, merge(layer_values(CHART, PLACE), more))
    assert "is none of `listeners`" in "".join(check_policies(objects, PLACE))
    assert check_policies(objects, replace(PLACE, listeners=("ingress/public/https",))) == []
