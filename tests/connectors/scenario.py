"""One scenario: SDL, canned answers and an operation, to the response and the exact upstream requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gateway.pipeline.pipeline
from gateway.app.config import build_config
from gateway.execute.operation import fall_back, source_of
from gateway.testing import GatewayClient, Result
from tests.support.backend import Answerer, Asked, backend

LINK = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])'
SOURCE = LINK + ' @source(name: "b", http: { baseURL: "BASE" })\n'


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is served, asked and expected.

    Attributes:
        sdl: `BASE` in it is the backend's URL.
        answers: By target, or a function of the request.
        asked: Lines `METHOD target body` that the backend got, in any order.
        errors: Each error, in any order: `(code, path)`, or the whole of it.
    """

    sdl: str
    query: str
    answers: Mapping[str, Any] | Answerer
    data: Any
    asked: tuple[str, ...]
    errors: tuple[tuple[str, str] | Mapping[str, Any], ...] = ()
    variables: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    tables: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    is_ordered: bool = False


async def execute(scenario: Scenario, folder: Path) -> tuple[Result, list[Asked]]:
    """Run one scenario over HTTP."""
    async with backend(scenario.answers) as server:
        (folder / "schema.graphql").write_text(scenario.sdl.replace("BASE", server.url))
        tables = {"graph": {"schema": ["schema.graphql"]}, **scenario.tables}
        env = {name: value.replace("BASE", server.url) for name, value in scenario.env.items()}
        client = GatewayClient(build_config(tables), base=folder, env=env)
        async with client:
            result = await client.execute(
                scenario.query, scenario.variables, headers=scenario.headers
            )
        return result, server.asked


def on_graphql_core(prepared: Any, variables: Any, context: Any, literals: Any = None) -> Any:
    """In place of `execute_operation`: the other executor, whatever the plan says."""
    return fall_back(prepared, source_of(prepared, literals), variables, context, "a test")


def use_path(path: str, monkeypatch: Any) -> None:
    """Run the operations of a test on `compiled` plans or by `graphql-core`."""
    if path == "graphql-core":
        monkeypatch.setattr(gateway.pipeline.pipeline, "execute_operation", on_graphql_core)


def located(errors: Iterable[Any]) -> list[tuple[str, str]]:
    """`(code, path)` of each error, sorted; GraphQL's own errors have no code."""
    return sorted(
        (error.get("extensions", {}).get("code", ""), ".".join(map(str, error.get("path", []))))
        if isinstance(error, Mapping)
        else error
        for error in errors
    )
