"""`docs/coming-from.md`: what stands there runs in the framework that it names, and gives what ours gives.

The frameworks are peers of the benchmarks (`--group bench`); without one its example runs here alone.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gateway.testing import BlockingGatewayClient

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "coming-from.md").read_text()
SDL = "type Query { greeting(name: String!): String! me: User } type User { id: ID! firstName: String! }"
DURATIONS = "scalar Duration type Query { greeting(name: String!): String length: Duration }"
FIELDS = '{ greeting(name: "Ada") me { id firstName } }'


def block(section: str, first: str) -> str:
    """A block of a section, by its first line."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.search(rf"^```\w+\n(# {re.escape(first)}\n.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def ours(folder: Path, section: str, sdl: str, query: str) -> Any:
    """What the gateway answers with the page's resolvers."""
    name = f"coming_from_{section.lower()}"
    (folder / "schema.graphql").write_text(sdl)
    (folder / f"{name}.py").write_text(block(section, "here"))
    (folder / "gateway.toml").write_text(
        f'[graph]\nschema = "schema.graphql"\nresolvers = "{name}"\n'
    )
    with BlockingGatewayClient(folder / "gateway.toml", headers={"x-user": "7"}) as client:
        return client.execute(query)


def module_of(folder: Path, section: str, sdl: str = "") -> ModuleType:
    """The page's block for a framework as a module; `SDL` in it is the schema."""
    name = f"their_{section.lower()}"
    text = block(section, section.lower())
    (folder / f"{name}.py").write_text(f"SDL = {sdl!r}\n{text}")
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ariadne(tmp_path: Path) -> None:
    sdl = block("Ariadne", "schema.graphql")
    query = '{ greeting(name: "Ada") me { id firstName posts { title } } fails }'
    here = ours(tmp_path, "Ariadne", sdl, query)
    user = {"id": "7", "firstName": "Ada", "posts": [{"title": "By 7"}]}
    assert here.data == {"greeting": "Hello, Ada!", "me": user, "fails": None}
    assert [error["message"] for error in here.errors] == ["Internal server error"]
    ariadne = pytest.importorskip("ariadne")
    schema = module_of(tmp_path, "Ariadne", sdl).schema
    context = {"request": SimpleNamespace(headers={"x-user": "7"})}
    _, there = asyncio.run(ariadne.graphql(schema, {"query": query}, context_value=context))
    assert there["data"] == here.data
    assert [error["message"] for error in there["errors"]] == ["of the database"]


def test_strawberry(tmp_path: Path) -> None:
    here = ours(tmp_path, "Strawberry", SDL, FIELDS)
    assert here.data == {"greeting": "Hello, Ada!", "me": {"id": "1", "firstName": "Ada"}}
    assert here.errors == []
    pytest.importorskip("strawberry")
    schema = module_of(tmp_path, "Strawberry").schema
    assert schema.execute_sync(FIELDS).data == here.data
    assert ours(tmp_path, "Strawberry", schema.as_str(), FIELDS).data == here.data


def test_tartiflette(tmp_path: Path) -> None:
    query = '{ greeting(name: "Ada") length }'
    here = ours(tmp_path, "Tartiflette", DURATIONS, query)
    assert here.data == {"greeting": "Hello, Ada!", "length": "4 s"}
    assert here.errors == []
    tartiflette = pytest.importorskip("tartiflette")
    module_of(tmp_path, "Tartiflette")

    async def executed() -> Any:
        engine = await tartiflette.create_engine(DURATIONS)
        return await engine.execute(query)

    assert asyncio.run(executed())["data"] == here.data


def test_the_decorators_that_the_tables_name_exist() -> None:
    import gateway

    named = set(re.findall(r"`@([a-z_]+)", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)))
    here = {name for name in named if name not in ("source", "connect", "strawberry")}
    assert here <= set(gateway.__all__)
    assert {"batch_resolver", "context_factory", "scalar", "subscription", "type_resolver"} <= here
