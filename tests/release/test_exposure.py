"""What exposes or cuts off, each by the smallest thing that does it; beside it what looks like it and is fine."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from gateway.release.guards import check_release
from gateway.release.model import Object, Target
from gateway.release.policies import check_policies
from gateway.release.secret_forms import looks_secret
from tests.release.objects import (
    ENV,
    EU,
    autoscaler,
    budget,
    deployment,
    facts,
    metadata,
    mounted,
    release,
    wall,
)

PLACE = replace(EU, registries=("registry.example.com",), source_hosts=(".internal.example.com",))


def found(objects: list[Object], target: Target = PLACE) -> str:
    return "\n".join(check_policies(objects, target))


def variable(name: str, value: str) -> Object:
    return deployment(env=[*ENV, {"name": name, "value": value}])


def with_kind(item: Object) -> list[Object]:
    return [item if old["kind"] == item["kind"] else old for old in release()]


def test_the_good_release_breaks_nothing() -> None:
    assert found(release()) == ""


@pytest.mark.parametrize(
    "text",
    [
        '[sources.b.headers]\nauthorization = "Bearer abcdefgh1234"',
        '[sources.b.headers]\nauthorization = "whatever"',
        '[sources.b.headers]\nx-api-key = "k-1"',
        '[[headers.all.request]]\ninsert = { name = "x", value = "Bearer abcdefgh1234" }',
        '[sources.b]\nurl = "https://user:pass@b.internal.example.com"',
        '[redis]\nurl = "redis://:hunter22@redis:6379/0"',
        '[connectors.config]\nclient_secret = "s"',
        '[connectors.config]\nkey = "AKIAABCDEFGHIJKLMNOP"',
        '[connectors.config]\nkey = "-----BEGIN RSA PRIVATE KEY-----"',
        '[connectors.config]\nauthorization = "Bearer ${A} abc"',
    ],
)
def test_a_secret_in_gateway_toml(text: str) -> None:
    problems = [
        r for r in check_release(mounted(text), PLACE, facts()) if r.code == "SecretExposed"
    ]
    assert problems
    for value in ("whatever", "hunter22", "abcdefgh1234", ":pass@"):
        assert value not in "".join(map(str, problems))


@pytest.mark.parametrize(
    "text",
    [
        '[sources.b.headers]\nauthorization = "Bearer ${TOKEN}"\nx-api-key = "${KEY}"',
        '[redis]\nurl = "redis://:${PW}@redis.internal.example.com:443/0"',
        "[limits]\nmax_tokens = 2500",
        '[explain]\ntrace_secret_env = "GATEWAY_TRACE_SECRET"',
        '[csrf]\nrequired_headers = ["x-token"]',
        '[sources.b]\nurl = "https://b.internal.example.com/a@b"',
    ],
)
def test_what_only_sounds_like_a_secret(text: str) -> None:
    known = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": name}}}
        for name in ("TOKEN", "KEY", "PW")
    ]
    assert found(mounted(text, env=[*ENV, *known])) == ""


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("DB_URL", "postgres://gateway:hunter2@db/x", True),
        ("DATABASE_DSN", "whatever", True),
        ("API_TOKEN", "x", True),
        ("SESSION_COOKIE", "x", True),
        ("GREETING", "Bearer abcdefgh1234", True),
        ("DB_URL", "postgres://db/x", False),
        ("MAX_TOKENS", "100", False),
        ("LOG_LEVEL", "info", False),
    ],
)
def test_a_secret_in_a_variable(name: str, value: str, is_secret: bool) -> None:
    text = found(release(variable(name, value)))
    assert bool(text) is is_secret, text
    assert "hunter2" not in text


def test_a_secret_in_an_annotation() -> None:
    item = {
        "kind": "Ingress",
        "metadata": {**metadata("gateway"), "annotations": {"a": "https://u:pass12@x"}},
        "spec": {},
    }
    assert "what looks like a secret" in found(with_kind(item))
    assert not looks_secret("the basic idea of a bearer")


@pytest.mark.parametrize(
    ("cidr", "words"),
    [
        (None, "no source is reached"),
        ("0.0.0.0/1", "most of the Internet"),
        ("10.0.0.0/7", "most of the Internet"),
        ("::/1", "most of the Internet"),
        ("169.254.169.254/32", "metadata service"),
        ("127.0.0.0/8", "metadata service"),
        ("169.0.0.0/8", "holds 169.254.0.0/16"),
        ("169.254.0.0/15", "holds 169.254.0.0/16"),
        ("169.252.0.0/14", "holds 169.254.0.0/16"),
        ("0.0.0.0/8", "holds 0.0.0.0/8"),
        ("100.100.100.200/32", "metadata service"),
        ("100.64.0.0/10", "holds 100.100.100.200/32"),
        ("192.0.0.0/24", "holds 192.0.0.192/32"),
        ("::ffff:169.254.169.254/128", "holds 169.254.0.0/16"),
        ("64:ff9b::a9fe:a9fe/128", "holds 169.254.0.0/16"),
        ("::ffff:0:0/90", "most of the Internet"),
        ("fd00::/16", "holds fd00:ec2::254/128"),
        ("fe80::/64", "holds fe80::/10"),
        ("2001::/15", "public addresses together"),
        ("10.0.0.0/8", ""),
        ("100.64.0.0/11", ""),
        ("::ffff:10.8.0.0/112", ""),
        ("fd12:3456::/32", ""),
        ("2600:1f00::/24", ""),
    ],
)
def test_where_pods_may_connect_to(cidr: str | None, words: str) -> None:
    rule = {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": 443}]}
    item = {**wall(), "spec": {"egress": [rule] if cidr else []}}
    text = found(with_kind(item))
    assert words in text if words else not text


@pytest.mark.parametrize(
    "cidrs", [[f"{first:x}::/16" for first in range(0x2600, 0x2606)], ["2600::/16", "2a00::/17"]]
)
def test_networks_of_ipv6_are_summed_too(cidrs: list[str]) -> None:
    rule = {"to": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs], "ports": [{"port": 443}]}
    text = found(with_kind({**wall(), "spec": {"egress": [rule]}}))
    assert "public addresses together" in text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://b.internal.example.com", ""),
        ("https://10.8.3.4/api", "on none of the hosts"),
        ("https://evil.example", "on none of the hosts"),
        ("https://internal.example.com.evil.example", "on none of the hosts"),
        ("http://b.internal.example.com", "has port 80"),
        ("https://b.internal.example.com:8443", "has port 8443"),
        ("https://127.0.0.1:443", "is the pod itself"),
        ("https://localhost", "is the pod itself"),
        ("not a url", "is not an http or https URL"),
        ("ftp://b.internal.example.com", "is not an http or https URL"),
        ("https://[::1", "is not a URL"),
        ("https://192.0.2.1", "lets no pod connect"),
    ],
)
def test_the_url_of_a_source(url: str, words: str) -> None:
    by_file = found(mounted(f'[sources.b]\nurl = "{url}"'))
    by_variable = found(release(variable("GATEWAY_SOURCES__B__URL", url)))
    for text in (by_file, by_variable):
        assert words in text if words else not text


@pytest.mark.parametrize(
    ("least", "given", "is_fine"),
    [(4, 2, True), (4, 3, False), (4, 100, False), (4, "50%", True), (3, "50%", False), (2, 1, True), (3, "34%", False), (3, 1, True)],
)  # fmt: skip
@pytest.mark.parametrize("is_scaled", [False, True])
def test_a_budget_is_judged_by_what_it_leaves(
    least: int, given: Any, is_fine: bool, is_scaled: bool
) -> None:
    objects = release(
        deployment(None if is_scaled else least), *([autoscaler(least)] if is_scaled else [])
    )
    objects = [i for i in objects if i["kind"] != "PodDisruptionBudget"]
    text = found([*objects, {**budget(), "spec": {"maxUnavailable": given}}])
    assert ("more than half" not in text) is is_fine


@pytest.mark.parametrize(
    ("image", "is_known"),
    [
        ("registry.example.com/gateway:1", True),
        ("registry.example.com/a/b@sha256:" + "0" * 64, True),
        ("registry.example.com/a__b/c-d.e:1.0@sha256:" + "0" * 64, True),
        ("gateway:1", True),
        ("library/gateway:1", True),
        ("docker.io/evil/gateway:1", False),
        ("registry.example.com.evil.example/gateway:1", False),
        ("localhost:5000/gateway:1", False),
        ("registry.example.com:5000/gateway:1", False),
    ],
)
def test_images_come_from_known_registries(image: str, is_known: bool) -> None:
    place = replace(PLACE, registry="registry.example.com")
    text = found(release(deployment(image=image)), place)
    assert ("comes from none of" not in text) is is_known
    assert "is no name of an image" not in text


@pytest.mark.parametrize(
    ("image", "registry", "is_known"),
    [
        ("gateway:1", "registry.example.com", True),
        ("gateway/a@sha256:" + "0" * 64, "registry.example.com", True),
        ("gateway:1", "docker.io", False),
        ("gateway:1", None, False),
        ("previews/gateway:1", "registry.example.com", False),
        ("gateways:1", "registry.example.com", False),
        ("registry.example.com/previews/gateway:1", "registry.example.com", False),
    ],
)
def test_a_bare_name_is_the_registrys(image: str, registry: str | None, is_known: bool) -> None:
    """A pull request's build is not in production because nobody wrote its registry's host."""
    place = replace(PLACE, registry=registry, registries=("registry.example.com/gateway",))
    text = found(release(deployment(image=image)), place)
    assert ("comes from none of registry.example.com/gateway" not in text) is is_known


@pytest.mark.parametrize(
    "image",
    [
        "registry.example.com/gateway/../evil:1", "registry.example.com/gateway/./evil:1",
        "registry.example.com/gateway//evil:1", "registry.example.com/gateway/:1", "registry.example.com/:1",
        "registry.example.com/Gateway:1", "Registry.example.com/gateway:1", "Docker/gateway:1", "/gateway:1",
        "../gateway:1", "gateway%2f..%2fevil:1", "registry.example.com/gateway\n:1", "gateway:1:2", "gateway?a:1",
        "gateway@sha256:" + "0" * 63, "",
    ],
)  # fmt: skip
def test_what_is_no_name_of_an_image(image: str) -> None:
    place = replace(PLACE, registry="registry.example.com")
    assert "is no name of an image" in found(release(deployment(image=image)), place)


def test_a_registry_may_have_a_path() -> None:
    place = replace(PLACE, registries=("ghcr.io/us",))
    assert not found(release(deployment(image="ghcr.io/us/gateway:1")), place)
    assert "comes from none of" in found(release(deployment(image="ghcr.io/use/gateway:1")), place)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"app": "gateway"}, ""),
        ({"app": "gateway", "team": "api", "region": "eu-west"}, ""),
        ({"app": "other"}, "its selector does not match its own pods"),
        ({}, "its selector does not match its own pods"),
        ({"app": "gateway", "region": "us-east"}, "its pods say region 'us-east'"),
    ],
)
def test_selectors_find_the_pods(labels: dict[str, str], words: str) -> None:
    one = deployment()
    one["spec"]["template"]["metadata"] = {"labels": labels}
    text = found(release(one))
    assert words in text if words else not text


@pytest.mark.parametrize("kind", ["Service", "NetworkPolicy", "PodDisruptionBudget"])
def test_a_selector_that_finds_nothing(kind: str) -> None:
    one = deployment()
    one["spec"]["template"]["metadata"] = {"labels": {"app": "gateway"}}
    objects = copy.deepcopy(release(one))
    chosen = {"app": "other"}
    for item in objects:
        if item["kind"] == kind:
            at = {"NetworkPolicy": "podSelector"}.get(kind, "selector")
            item["spec"][at] = chosen if kind == "Service" else {"matchLabels": chosen}
    assert f"{kind}/gateway: its selector matches no pod" in found(objects)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "Service", "spec": {"type": "LoadBalancer"}}, "reached past the ingress"),
        ({"kind": "Service", "spec": {"type": "NodePort"}}, "reached past the ingress"),
        ({"kind": "Service", "spec": {"externalIPs": ["192.0.2.1"]}}, "reached past the ingress"),
        ({"kind": "Ingress", "spec": {"rules": [{"host": "a"}]}}, "no TLS in production"),
        ({"kind": "NetworkPolicy", "spec": {**wall()["spec"], "ingress": [{"ports": [{"port": "http"}]}]}}, "http is open to every pod"),
    ],
)  # fmt: skip
def test_production_is_closed_but_for_its_ingress(change: Object, words: str) -> None:
    objects = with_kind({"metadata": metadata("gateway"), **change})
    assert words in found(objects)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[errors]\nmask = false", "errors.mask is false in production"),
        ("[csrf]\nenabled = false", "csrf.enabled is false"),
        ("[telemetry.metrics]\nenabled = false", "telemetry.metrics.enabled is false"),
        ('[[cors.policies]]\nmatch_origins = [".*"]\nallow_credentials = true', "every origin"),
        ("[sources.b]\ntls_verify = false", "tls_verify is false"),
        ("[limits]\nintrospection = true", ""),
    ],
)
def test_settings_of_a_developers_machine(text: str, words: str) -> None:
    problems = found(mounted(text))
    assert words in problems if words else not problems


def test_a_variable_over_one_of_the_charts() -> None:
    twice = variable("GATEWAY_SERVER__DRAIN_TIMEOUT_S", "1")
    assert "GATEWAY_SERVER__DRAIN_TIMEOUT_S is set twice" in found(release(twice))
    assert "errors.mask is false" in found(release(variable("GATEWAY_ERRORS__MASK", "0")))


def test_a_probe_that_kills_at_once() -> None:
    one = deployment(livenessProbe={"periodSeconds": 1, "failureThreshold": 2})
    assert "killed after 2 s without an answer" in found(release(one))


def routes(*names: str, via: str = "public") -> Object:
    rules = [{"host": name} for name in names]
    spec = {"ingressClassName": via, "rules": rules, "tls": [{"hosts": [*names]}]}
    return {"kind": "Ingress", "metadata": metadata("gateway"), "spec": spec}


@pytest.mark.parametrize(
    ("planned", "allowed", "refused"),
    [
        (routes("a.example", "b.example"), (), []),
        (routes("a.example", "b.example", "c.example"), (), []),
        (routes("a.example"), (), ["host/b.example via public"]),
        (routes("a.example"), ("host/b.example via public",), []),
        (routes("a.example", "c.example"), (), ["host/b.example via public"]),
        (routes("a.example", "b.example", via="internal"), (), ["host/a.example via public", "host/b.example via public"]),
    ],
)  # fmt: skip
def test_names_that_clients_come_by_stay(
    planned: Object, allowed: tuple[str, ...], refused: list[str]
) -> None:
    before = facts(with_kind(routes("a.example", "b.example")))
    reasons = [
        r.reason
        for r in check_release(with_kind(planned), PLACE, before, delete=allowed)
        if r.code == "HostRemoved"
    ]
    assert [reason.partition(" is served now")[0] for reason in reasons] == refused


def test_names_that_targets_yaml_has_are_served() -> None:
    place = replace(PLACE, smoke="https://eu-west.example/graphql", hosts=("all.example",))
    assert not found(with_kind(routes("eu-west.example", "all.example")), place)
    text = found(with_kind(routes("eu-west.other.example")), place)
    assert "serves eu-west.example," in text
    assert "serves all.example," in text


@pytest.mark.parametrize(
    ("cidr", "port", "is_fine"),
    [("10.8.0.0/16", 443, True), ("10.0.0.0/8", 443, True), ("10.8.0.0/17", 443, False), ("10.8.0.0/16", 80, False), ("10.9.0.0/16", 443, False)],
)  # fmt: skip
def test_networks_that_pods_connect_to_stay(cidr: str, port: int, is_fine: bool) -> None:
    rule = {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": port}]}
    planned = with_kind({**wall(), "spec": {"egress": [rule]}})
    codes = [r.code for r in check_release(planned, PLACE, facts())]
    assert codes == ([] if is_fine else ["EgressRemoved"])
    assert check_release(planned, PLACE, facts(), delete=["egress/10.8.0.0/16:443"]) == ()
