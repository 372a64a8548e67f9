"""What `gateway check` refuses of an `@override`, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.app.gateway import Gateway
from gateway.connectors.directives import read_directives
from gateway.connectors.overrides import read_overrides
from gateway.errors import ConfigError
from gateway.graph.sdl import load_sdl
from gateway.graph.subgraph_sdl import subgraph_sdl
from tests.override.scenes import LINK, SOURCES

ONE = '@connect(source: "php", http: { GET: "/a" }, selection: "id x")'
TWO = '@connect(source: "rest", http: { GET: "/b" }, selection: "id x")'
T = "type T { id: ID x: Int }"
MOVED = f'{ONE} {TWO} @override(from: "php", label: "percent(5)")'
OF_TYPE = '@connect(source: "php", http: { GET: "/a/{$this.id}" }, selection: "x")'


def write_schema(folder: Path, sdl: str) -> Path:
    """The file of a schema with the two sources."""
    file = folder / "schema.graphql"
    file.write_text(LINK + SOURCES + sdl)
    return file


def found_in(
    folder: Path, sdl: str, labels: dict[str, Any] | None = None, python: str = ""
) -> list[str]:
    """Code and message of each finding of a schema, but that one of the two sources is not used."""
    write_schema(folder, sdl)
    graph: dict[str, Any] = {"schema": ["schema.graphql"]}
    if python:
        name = f"checked_{folder.name}".replace("-", "_")
        (folder / f"{name}.py").write_text(python)
        graph["resolvers"] = name
    config = build_config({"graph": graph, "override": {"labels": labels or {}}})
    graph_of = build_graph(config, folder, {}, is_served=True)
    assert all(item.line for item in graph_of.findings if item.code != "OverrideLabelUnused")
    found = [item for item in graph_of.findings if item.code != "UnusedSource"]
    return [f"{item.code}: {item.message}" for item in found]


@pytest.mark.parametrize(
    ("sdl", "finding"),
    [
        (f"type Query {{ t: T {ONE} @shadow }} {T}", "ShadowMisplaced: Query.t has no @override"),
        (
            f'type Query {{ t: T {MOVED} @shadow(ignore: "T.y") }} {T}',
            "ShadowFieldUnknown: there is no field `T.y`",
        ),
        (
            f'type Query {{ t: T {MOVED} @shadow(unordered: ["T.x"]) }} {T}',
            "ShadowFieldUnknown: `T.x` is no list, and has no order",
        ),
        (f"type Query {{ t: T {MOVED} @shadow(percent: 101) }} {T}", "ShadowValueInvalid: percent"),
        (f"type Query {{ t: T {MOVED} @shadow(percent: 0) }} {T}", "ShadowValueInvalid: percent"),
        (
            f"type Query {{ t: T {MOVED} @shadow(tolerance: 1) }} {T}",
            "ShadowValueInvalid: tolerance",
        ),
        (
            f"type Query {{ t: T {MOVED} }} type Mutation {{ m: T {MOVED} @shadow }} {T}",
            "ShadowOnMutation: Mutation.m would be done twice",
        ),
    ],
)
def test_a_shadow_that_compares_nothing_is_refused(tmp_path: Path, sdl: str, finding: str) -> None:
    found = found_in(tmp_path, sdl)
    assert [item for item in found if item.startswith(finding)], found


def test_a_shadow_beside_an_override_is_no_finding(tmp_path: Path) -> None:
    shadow = '@shadow(percent: 2.5, ignore: "T.x", tolerance: 0.1)'
    assert found_in(tmp_path, f"type Query {{ t: T {MOVED} {shadow} }} {T}") == []


@pytest.mark.parametrize(
    ("sdl", "finding"),
    [
        (
            f'type Query {{ t: T {ONE} {TWO} @override(from: "phq", label: "percent(5)") }} {T}',
            "OverrideSourceUnknown: no connector of Query.t is of `phq`",
        ),
        (
            f'type Query {{ t: T {ONE} {ONE} @override(from: "php", label: "percent(5)") }} {T}',
            "OverrideSourceUnknown: every connector of Query.t is of `php`",
        ),
        (
            f'type Query {{ t: T {ONE} {TWO} @override(from: "php", label: "percent(200)") }} {T}',
            "OverrideLabelInvalid: `percent(200)`: a share is 0 to 100, with two decimals at most",
        ),
        (
            f'type Query {{ t: T {ONE} {TWO} @override(from: "php", label: "1 b") }} {T}',
            "OverrideLabelInvalid: `1 b` is no label: percent(20), or a letter and then letters, digits, _ - : . /",
        ),
        (
            f'type Query {{ t: T {ONE} {TWO} @override(from: "php", label: "new") }} {T}',
            "OverrideLabelUnknown: nothing decides the label `new`",
        ),
        (
            f'type Query {{ t: T {ONE} @override(from: "php", label: "percent(5)") }} {T}',
            "OverrideMisplaced: Query.t has 1 connector to choose from",
        ),
        (
            f'type Query {{ t(id: ID!): T {ONE.replace("selection", "entity: true, selection").replace("/a", "/{$args.id}")}'
            f' {TWO} @override(from: "php", label: "percent(5)") }} {T}',
            "OverrideMisplaced: it would move the field, and not the type that `entity: true` completes by it",
        ),
        (
            f'type Query {{ t: T {ONE} }} interface I {{ x: Int @override(from: "php") }} type T implements I {{ id: ID x: Int }}',
            "OverrideMisplaced: I.x is of an interface, which no connector gives",
        ),
        (
            f'type Query {{ t: T {ONE} {TWO.replace("id x", "id")} @override(from: "php", label: "percent(5)") }} {T}',
            "OverrideSidesDiffer: `rest` does not supply x",
        ),
        (
            f'type Query {{ t: T {ONE.replace("id x", "id")} {TWO} @override(from: "php", label: "percent(5)") }} {T}',
            "OverrideSidesDiffer: `php` does not supply x",
        ),
        (
            f'type Query {{ ts: [T] {ONE.replace("id x", "id uid")} }} type T {OF_TYPE}'
            f' {OF_TYPE.replace("php", "rest").replace("this.id", "this.uid")} @override(from: "php", label: "percent(5)")'
            " { id: ID uid: ID x: Int }",
            "OverrideKeysDiffer: an object that is known by id cannot be asked for by uid",
        ),
        (
            f"type Query {{ t: T {ONE} }} {T} type Mutation {{ m: T {ONE.replace('GET', 'POST')}"
            f' {TWO.replace("GET", "POST")} @override(from: "php", label: "percent(5)") }}',
            "OverrideOnMutation: Mutation.m would write to another source than what is read from",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_moved_is_refused(tmp_path: Path, sdl: str, finding: str) -> None:
    found = [item for item in found_in(tmp_path, sdl) if item.startswith(finding.split(":")[0])]
    assert found == [finding]


def test_two_connectors_of_one_side_still_cannot_both_write(tmp_path: Path) -> None:
    write = ONE.replace("GET", "POST")
    sdl = f"type Query {{ t: T {ONE} }} {T} type Mutation {{ m: T {write} {write} }}"
    (found,) = found_in(tmp_path, sdl)
    assert found.startswith("SecondConnector: ")


def test_what_is_right_has_no_finding(tmp_path: Path) -> None:
    sdl = (
        f'type Query {{ t: T {ONE} {TWO} @override(from: "php", label: "new") }} {T}'
        f" type Mutation {{ m: T {ONE.replace('GET', 'POST')} {TWO.replace('GET', 'POST')}"
        ' @override(from: "php", label: "new") }'
    )
    assert found_in(tmp_path, sdl, {"new": "percent(12.5)"}) == []


def test_connectors_of_one_source_are_told_apart_by_their_id(tmp_path: Path) -> None:
    other = ONE.replace("@connect(", '@connect(id: "old", ').replace("/a", "/old")
    sdl = f'type Query {{ t: T {other} {ONE} @override(from: "old", label: "percent(5)") }} {T}'
    assert found_in(tmp_path, sdl) == []


def test_a_label_that_nothing_has_is_told(tmp_path: Path) -> None:
    python = (
        'from gateway import override_label\n@override_label("old")\ndef f(context): return True\n'
    )
    found = found_in(tmp_path, f"type Query {{ t: T {ONE} }} {T}", {"gone": True}, python)
    assert found == [
        "OverrideLabelUnused: no @override has the label `gone`, which is decided",
        "OverrideLabelUnused: no @override has the label `old`, which is decided",
    ]


def test_an_override_of_federation_is_the_routers_and_ours_is_not(tmp_path: Path) -> None:
    link = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@override", "@key"])'
    sdl = f'{link} type Query {{ t: T {ONE} @override(from: "products", label: "percent(5)") }} {T}'
    assert found_in(tmp_path, sdl) == []
    moving = sdl.replace("}} type T", "}").replace(
        T,
        f'extend type Query {{ u: T {ONE} {TWO} @override(from: "php", label: "percent(5)") }} {T}',
    )
    document = load_sdl([write_schema(tmp_path, moving)])
    own = [use.node for use in read_overrides(document, read_directives(document)).values()]
    told = subgraph_sdl(document, own)
    assert 'from: "products"' in told
    assert 'from: "php"' not in told


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"labels": {"a": "percent(101)"}}, "a share is 0 to 100"),
        ({"labels": {"a": "soon"}}, r"should be true, false or percent\(20\)"),
        ({"labels": {"1 a": True}}, "is no label"),
        ({"salt": "a\nb"}, "`salt` is one line"),
        ({"anonymous_id": "visitor"}, 'should be "cookie:NAME", "header:NAME" or ""'),
        ({"header_secret_env": "a b"}, "should be the name of an environment variable"),
    ],
)
def test_a_setting_of_no_use_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_config({"override": table})


def test_a_header_for_testers_needs_its_secret(tmp_path: Path) -> None:
    (tmp_path / "s.graphql").write_text(LINK + SOURCES + f"type Query {{ t: T {ONE} }} {T}")
    tables = {"graph": {"schema": ["s.graphql"]}, "override": {"header": "secret"}}
    with pytest.raises(ConfigError, match="GATEWAY_OVERRIDE_SECRET holds no secret"):
        Gateway(build_config(tables), tmp_path, {})
