"""Layers and their order, --set, targets.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.release.configured import pod_settings
from gateway.release.model import ChartError, ReleaseError, Target
from gateway.release.values import find_chart, layer_values, load_targets, merge, parse_set
from tests.release.objects import release

CHART = Path(__file__).parents[2] / "helm"
EU = Target("staging", "eu-west", "c")


def test_later_layers_win(tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("replicas: 5\nworkers: 3\ndomain: file.example.com\n")
    values = layer_values(CHART, EU, [more], ["workers=4", "workers=6"])
    assert (values["environment"], values["region"]) == ("staging", "eu-west")
    assert (values["replicas"], values["workers"], values["domain"]) == (5, 6, "file.example.com")
    # Of one map, the environment gave one key and the region another.
    assert values["networkPolicy"]["ingressNamespaces"] == ["ingress"]
    assert values["networkPolicy"]["egress"][0]["cidr"] == "10.8.0.0/16"


def test_maps_merge_and_lists_are_replaced() -> None:
    below = {"a": {"b": 1, "c": 2}, "l": [1, 2], "m": {"x": 1}}
    above = {"a": {"c": 3}, "l": [9], "m": None}
    assert merge(below, above) == {"a": {"b": 1, "c": 3}, "l": [9], "m": None}
    assert below["l"] == [1, 2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", {"a": 1}),
        ("a.b-c.d=true", {"a": {"b-c": {"d": True}}}),
        ('image.tag="1.10"', {"image": {"tag": "1.10"}}),
        ("image.tag=1.10.2", {"image": {"tag": "1.10.2"}}),
        ("a=x,b=y", {"a": "x,b=y"}),
        ("a=[1, 2]", {"a": [1, 2]}),
        ('a=""', {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_set(text: str, value: dict[str, Any]) -> None:
    assert parse_set(text) == value


@pytest.mark.parametrize("text", ["", "a", "a=", "a= ", "=1", "a..b=1", "a[0]=1", "a={"])
def test_a_set_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ReleaseError, match="--set"):
        parse_set(text)


@pytest.mark.parametrize("text", ["environment=production", "region=us-east", "preview=pr-1"])
def test_values_for_another_place_are_refused(text: str) -> None:
    with pytest.raises(ChartError, match="the target is"):
        layer_values(CHART, EU, [], [text])


def test_no_chart_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"there is no chart at .*--chart PATH"):
        find_chart(tmp_path)


def test_shipped_targets() -> None:
    known = load_targets(CHART)
    assert known.environments == ("dev", "staging", "production")
    assert known.regions("production") == ("ap-southeast", "us-east", "eu-west")
    eu = known.targets["production", "eu-west"]
    assert (eu.namespace, eu.gate.bake_s, eu.gate.max_error_ratio) == (
        "gateway-production",
        300,
        0.01,
    )
    for (environment, region), target in known.targets.items():
        assert (CHART / "environments" / f"{environment}.yaml").is_file()
        assert (CHART / "regions" / f"{region}.yaml").is_file()
        assert target.check_images is (environment != "dev")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "order: [r]\nenvironments: {e: {regions: {r: {context: c, smok: u}}}}",
            "unknown key smok",
        ),
        (
            "order: [r]\nenvironments: {e: {gate: {bake: 1}, regions: {r: {context: c}}}}",
            "unknown key bake",
        ),
        ("order: []\nenvironments: {e: {regions: {r: {context: c}}}}", "missing in `order`"),
        (
            "order: [r]\nenvironments: {production: {regions: {r: {context: c, smoke: 'http://u'}}}}",
            "needs prometheus",
        ),
        (
            "order: [r]\nenvironments: {staging: {checkImages: false, regions: {r: {context: c}}}}",
            "in dev only",
        ),
        ("order: [r]\nenvironments: {e: {regions: {r: {}}}}", "context"),
        ("order: [r]\nextra: 1\nenvironments: {}", "unknown key extra"),
        ("order: [r]\nenvironments: {e: {regions: }}", "environments.e.regions is a map"),
        ("order: [r]\nenvironments: {e: }", "environments.e.regions is a map"),
        ("environments: {}", "order is a list"),
        (
            "order: [r, s]\nenvironments: {e: {regions: {r: {context: c, smoke: 'http://u'}, s: {context: d, smoke: 'http://u'}}}}",
            "e/r and e/s have one smoke: http://u",
        ),
        ("[]", "holds no map"),
        ("a: {", "not YAML"),
    ],
)
def test_bad_targets_are_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "targets.yaml").write_text(text)
    with pytest.raises(ReleaseError, match=words):
        load_targets(tmp_path)


@pytest.mark.parametrize(
    "gate",
    [
        "maxErrorRatio: 1", "maxErrorRatio: -1", "maxErrorRatio: '0.01'", "maxErrorRatio: true",
        "maxFailedRatio: 1.5", "badSamplesAllowed: 1000000", "badSamplesAllowed: 0.5", "bakeSeconds: -1",
        "minRequests: 1.0e12", "maxP99Seconds: 1.0e9", "intervalSeconds: 0", "smokeQueries: []",
        "smokeQueries: ['']", "smokeQueries: a",
        "smokeQueries: ['{ a']",
    ],
)  # fmt: skip
def test_a_gate_that_nothing_could_fail_is_refused(tmp_path: Path, gate: str) -> None:
    text = f"order: [r]\nenvironments: {{e: {{gate: {{{gate}}}, regions: {{r: {{context: c}}}}}}}}"
    (tmp_path / "targets.yaml").write_text(text)
    with pytest.raises(ReleaseError, match=gate.partition(":")[0]):
        load_targets(tmp_path)


PRODUCTION = """
order: [r]
registry: registry.example.com
environments:
  production:
    gate: {smokeQueries: %s}
    regions: {r: {context: c, smoke: "https://r.example.com/graphql", prometheus: "https://p.example.com"}}
"""


@pytest.mark.parametrize(
    ("queries", "is_enough"),
    [
        (["{ __typename }"], False),
        (["query { ... on Query { __typename } }", "{ __schema { queryType { name } } }"], False),
        (["{ __typename }", "{ videos { __typename } }"], True),
        (["query A { ...a } fragment a on Query { videos { id } }"], True),
    ],
)
def test_production_is_asked_for_more_than_the_engine(
    tmp_path: Path, queries: list[str], is_enough: bool
) -> None:
    (tmp_path / "targets.yaml").write_text(PRODUCTION % json.dumps(queries))
    if is_enough:
        load_targets(tmp_path)
        return
    with pytest.raises(ReleaseError, match="no query that asks for a field"):
        load_targets(tmp_path)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("mutation { deleteEverything }", "a mutation is no question"),
        ("subscription { a }", "a subscription is no question"),
        ("query A { __typename } query B { videos { id } }", "it has 2 operations"),
        ("fragment F on Query { videos { id } }", "it has 0 operations"),
        ("query { __typename } fragment F on Query { videos { id } }", "not spread: F"),
        (
            "query { __typename } fragment F on Query { ...G } fragment G on Query { videos { ...F } }",
            "not spread: F, G",
        ),
        ("{ videos { ...F } }", "not spread: F"),
    ],
)
def test_a_smoke_query_is_one_question(tmp_path: Path, query: str, words: str) -> None:
    (tmp_path / "targets.yaml").write_text(PRODUCTION % json.dumps([query]))
    with pytest.raises(ReleaseError, match=words):
        load_targets(tmp_path)


PLACES = """
order: [r, s]
registry: registry.example.com
environments:
  production:
    gate: {smokeQueries: ["{ a }"]}
    regions:
      r: {context: r, smoke: "https://r.example.com/graphql", prometheus: "https://p.example.com"}
      s: {context: s, smoke: "https://s.example.com/graphql", prometheus: "https://q.example.com/a"}
  staging:
    regions: {r: {context: r, smoke: "https://t.example.com/graphql", prometheus: "https://p.example.com"}}
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("q.example.com/a", "p.example.com/", "production/r and production/s have one prometheus"),
        ("q.example.com/a", "P.example.com:443", "production/r and production/s have one prometheus"),
        ("https://q.example.com/a", "HTTPS://p.example.com", "production/r and production/s have one prometheus"),
        ("s.example.com/graphql", "r.example.com./graphql/", "production/r and production/s have one smoke"),
        ("t.example.com", "r.example.com", "production/r and staging/r have one smoke"),
        ("s.example.com/graphql", "s.example.com/graphql?a", "smoke is an http or https URL"),
        ("https://s.example.com", "s.example.com", "smoke is an http or https URL"),
        ("https://s.example.com", "file://s.example.com", "smoke is an http or https URL"),
        ("context: s", "context: null", "context is the name"),
        ("context: s", "context: 5", "context is the name"),
        ("context: s", "context: --server=http://evil.example", "context is the name"),
        ("order: [r, s]", "order: [r, r, s]", "order has r twice"),
        ("  production:", "  production:\n    registries: []", "registries is empty"),
        ("  production:", "  production:\n    registries:", "registries is empty"),
        ("registry: registry.example.com", "registries: []", "production needs registries"),
        ("  production:", "  production:\n    annotations: ['.*']", "annotations: '.*' means nothing"),
        ("  production:", "  production:\n    annotations: ['a.example/b=']", "annotations: 'a.example/b=' means nothing"),
        ("  production:", "  production:\n    listeners: [public/https]", "listeners: 'public/https' means nothing"),
        ("  production:", "  production:\n    proxies: [cloudfront]", "proxies: 'cloudfront' is no network"),
        ("  production:", "  production:\n    hosts: ['https://api.example.com']", "hosts: 'https://api.example.com' means nothing"),
        ("  production:", "  production:\n    sourceHosts: [.com]", "sourceHosts: '.com' means nothing"),
        ("  staging:", "  staging:\n    checkImages: 'false'", "checkImages is true or false"),
    ],
)  # fmt: skip
def test_what_means_nothing_or_another_place_is_named(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in PLACES
    (tmp_path / "targets.yaml").write_text(PLACES.replace(old, new, 1))
    with pytest.raises(ReleaseError) as caught:
        load_targets(tmp_path)
    assert words in str(caught.value)


def test_staging_and_production_may_share_a_cluster_and_its_prometheus(tmp_path: Path) -> None:
    text = PLACES.replace(
        "  production:",
        "  production:\n    annotations: [a.example/b, 'a.example/role=arn:aws:iam::1:role/A']\n"
        "    sourceHosts: [.a.example, db]\n    listeners: [ingress/public/https]\n    proxies: [192.0.2.0/24]",
    )
    (tmp_path / "targets.yaml").write_text(text)
    assert len(load_targets(tmp_path).targets) == 3


def test_the_gateways_configuration_beside_the_chart_is_the_images(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("[errors]\nmask = false\n")
    chart = tmp_path / "helm"
    chart.mkdir()
    (chart / "targets.yaml").write_text(PRODUCTION % '["{ a }"]')
    target = load_targets(chart).targets["production", "r"]
    (pod,) = pod_settings(release(), target.image_config)
    assert pod.config is not None
    assert not pod.config.errors.mask
    assert "mask" not in repr(target)
