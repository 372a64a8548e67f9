"""YAML of values: plain data, or one line that repeats nothing of it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.release.manifests import key, parse_manifest
from gateway.release.model import ChartError, ReleaseError
from gateway.release.values import parse_set
from gateway.release.yaml_text import NotYamlError, parse_yaml


def bomb(levels: int) -> str:
    """Lists of eight aliases of the list before."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 8)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("replicas: 3\nenv: {A: x}", {"replicas": 3, "env": {"A": "x"}}),
        ("a: 2026-11-30", {"a": "2026-11-30"}),
        ("a: 2026-13-45", {"a": "2026-13-45"}),
        ("a: !!str 0", {"a": "0"}),
        ("a: [0x10, 1_000, -0, 1.5, 5000000]", {"a": [16, 1000, 0, 1.5, 5000000]}),
        ("a: ['no', \"on\", '0100', true]", {"a": ["no", "on", "0100", True]}),
        ("x: &x {a: 1}\ny: {<<: *x, b: 2}", {"x": {"a": 1}, "y": {"a": 1, "b": 2}}),
        (bomb(3).partition("\n")[0], {"a0": ["x"] * 8}),
        ("", None),
    ],
)
def test_plain_data(text: str, value: Any) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("replicas: 0\nreplicas: 3", "line 2: the key 'replicas' stands there twice"),
        ("env: {A: hunter2, A: hunter2}", "'A' stands there twice"),
        ("<<: {a: 1}\n<<: {b: 1}", "twice"),
        ("service: {port: 0100}", "leading zero"),
        ("port: 1:20", "a colon"),
        ("port: 190:20:30.5", "that JSON does not have"),
        ('a: !!int "0100"', "leading zero"),
        ("country: no", "write true or false"),
        ("a: On", "write true or false"),
        ("on: 1", "a key is no text"),
        ("1: x", "a key is no text"),
        ("? [a]\n: b", "a key is no text"),
        ("a: !!binary aHVudGVyMg==", "!!binary"),
        ("a: !!set {b}", "!!set"),
        ("a: !!python/object/apply:os.system [id]", "JSON"),
        ("a: !mine 1", "its tag"),
        ("a: .inf", "that JSON does not have"),
        ("a: 1.0e+400", "that JSON does not have"),
        ("a: &a {b: *a}", "an alias stands within what it means"),
        ("a: &a [[*a]]", "an alias stands within what it means"),
        (bomb(8), "more than 50000 values"),
        ("[" * 5000, "nested too deeply"),
        ("--- 1\n--- 2", "more than one document"),
        ("a: *hunter2", "undefined alias"),
        ("{a: 'hunter2", "unexpected end"),
        ("a: hunter2: b", "mapping values are not allowed"),
        ("a: hunter2\x01", "a character that YAML does not allow"),
    ],
)
def test_the_rest_is_one_line(text: str, words: str) -> None:
    with pytest.raises(NotYamlError) as caught:
        parse_yaml(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_bomb_is_counted_and_not_built() -> None:
    """Twenty levels are 8^20 values."""
    with pytest.raises(NotYamlError, match="more than 50000 values"):
        parse_yaml(bomb(20))


@pytest.mark.parametrize(
    "text", ["env.X={a: 'hunter2", "env.X=*hunter2", "hunter2=", "=hunter2", "x[0]=hunter2"]
)
def test_no_error_of_set_repeats_a_value(text: str) -> None:
    with pytest.raises(ReleaseError) as caught:
        parse_set(text)
    assert "hunter2" not in str(caught.value).replace("--set hunter2: ", "")


def test_a_key_that_the_chart_renders_twice_is_refused_and_what_ran_is_read() -> None:
    text = "kind: A\nmetadata: {name: a, annotations: {b: hunter2, b: hunter2}}"
    with pytest.raises(ChartError, match="'b' stands there twice") as caught:
        parse_manifest(text)
    assert "hunter2" not in str(caught.value)
    assert len(parse_manifest(text, is_stored=True)) == 1


def rendered(kind: str, name: str, annotations: str) -> str:
    return f"kind: {kind}\nmetadata: {{name: {name}, annotations: {annotations}}}"


@pytest.mark.parametrize(
    "annotations",
    [
        "{helm.sh/hook: test}",
        '{helm.sh/hook: ""}',
        "{helm.sh/resource-policy: keep}",
        "{a: b, helm.sh/hook-weight: '1'}",
    ],
)
@pytest.mark.parametrize("kind", ["Service", "Ingress", "ServiceAccount", "Deployment"])
def test_what_helm_would_make_beside_the_release_is_refused(kind: str, annotations: str) -> None:
    text = rendered(kind, "gateway", annotations)
    with pytest.raises(ChartError, match=rf"{kind}/gateway has the annotation helm\.sh/"):
        parse_manifest(text)


def test_the_charts_own_hooks_are_no_part_of_a_release() -> None:
    hook = "{helm.sh/hook: pre-upgrade, helm.sh/hook-weight: '-10'}"
    texts = [
        rendered("Job", "gateway-reach", hook),
        rendered("Pod", "gateway-smoke", "{helm.sh/hook: test}"),
        rendered("ServiceAccount", "gateway", "null"),
    ]
    assert [key(item) for item in parse_manifest("\n---\n".join(texts))] == [
        "ServiceAccount/gateway"
    ]
    with pytest.raises(ChartError, match="Job/other has the annotation"):
        parse_manifest(rendered("Job", "other", hook))
    # What is no hook of these is a part like any other, and its kind is judged.
    (item,) = parse_manifest(rendered("Job", "gateway-reach", "{helm.sh/hook-weight: '1'}"))
    assert key(item) == "Job/gateway-reach"


def test_what_ran_as_a_hook_does_not_stop_the_way_on() -> None:
    assert (
        parse_manifest(rendered("Service", "gateway", "{helm.sh/hook: test}"), is_stored=True) == ()
    )
