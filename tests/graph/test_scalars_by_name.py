"""What a scalar's name alone makes of it is told, and can be chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.app.build import Graph, build_graph
from gateway.app.config import build_config
from gateway.errors import ConfigError
from gateway.graph.scalars import BUILT_IN, MEANINGS
from tests.connectors.scenario import SOURCE, Scenario, execute

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = ["DateTime", "BigInt", "UUID", "URL", "JSON", "Upload"]
SDL = SOURCE + "".join(f"\nscalar {name}" for name in (*NAMES, "Stamp"))
SDL += """
type Query {
  at: DateTime @connect(source: "b", http: { GET: "/at" }, selection: "$")
  stamp: Stamp @connect(source: "b", http: { GET: "/at" }, selection: "$")
  n: BigInt @connect(source: "b", http: { GET: "/n" }, selection: "$")
}"""


def graph_of(folder: Path, scalars: dict[str, str], resolvers: str = "") -> Graph:
    (folder / "s.graphql").write_text(SDL.replace("BASE", "http://h"))
    given: dict[str, Any] = {"schema": ["s.graphql"], "scalars": scalars}
    if resolvers:
        (folder / "own_scalars.py").write_text(resolvers)
        given["resolvers"] = "own_scalars"
    return build_graph(build_config({"graph": given}), folder, {})


def test_each_is_known_and_told(tmp_path: Path) -> None:
    assert BUILT_IN.keys() == MEANINGS.keys() == set(NAMES)
    notes = [f for f in graph_of(tmp_path, {}).findings if f.code == "ScalarByName"]
    assert {f.message.split()[5]: f.line for f in notes} == {
        name: line for line, name in enumerate(NAMES, 3)
    }
    assert {f.severity for f in notes} == {"note"}
    assert all("[graph.scalars]" in (f.hint or "") for f in notes)


def test_the_documentation_has_each_meaning() -> None:
    page = (ROOT / "docs/check.md").read_text()
    for name, meaning in MEANINGS.items():
        assert f"| `{name}` | {meaning} |" in page


def test_what_is_chosen_is_not_told(tmp_path: Path) -> None:
    own = "from gateway import scalar\n@scalar('URL')\nclass Own:\n    serialize = str\n"
    graph = graph_of(tmp_path, {"DateTime": "JSON", "UUID": "UUID"}, own)
    told = {f.message.split()[5] for f in graph.findings if f.code == "ScalarByName"}
    assert told == set(NAMES) - {"DateTime", "UUID", "URL"}


def test_a_scalar_that_the_schema_lacks_is_no_scalar(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"graph\.scalars\.Nope: the schema declares no such"):
        graph_of(tmp_path, {"Nope": "JSON"})


async def test_what_is_chosen_is_what_answers(tmp_path: Path) -> None:
    mysql = "2026-11-29 10:00:00"
    scenario = Scenario(
        sdl=SDL,
        query="{ at n }",
        answers={"/at": mysql, "/n": "12"},
        data={"at": mysql, "n": "12"},
        asked=(),
        tables={
            "graph": {
                "schema": ["schema.graphql"],
                "scalars": {"DateTime": "JSON", "BigInt": "JSON", "Stamp": "DateTime"},
            }
        },
    )
    result, _ = await execute(scenario, tmp_path)
    assert (result.data, result.errors) == (scenario.data, [])
    (tmp_path / "2").mkdir()
    scenario = Scenario(
        **{f: getattr(scenario, f) for f in scenario.__slots__} | {"query": "{ stamp }"}
    )
    result, _ = await execute(scenario, tmp_path / "2")
    assert result.data == {"stamp": None}
    assert result.errors[0]["path"] == ["stamp"]
