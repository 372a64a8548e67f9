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
            "order: [r]\nenvironments: {production: {regions: {r: {context: c, smoke: u}}}}",
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
            "order: [r, s]\nenvironments: {e: {regions: {r: {context: c, smoke: u}, s: {context: d, smoke: u}}}}",
            "e/r and e/s have one smoke: u",
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
