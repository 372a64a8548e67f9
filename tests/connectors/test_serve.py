"""Every scenario once more as users run it: by `gateway serve`, in a process with an environment, over a socket.

One process imports the gateway and forks for each server, so that a scenario costs a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.connectors.scenario import SOURCE, Scenario, located
from tests.connectors.test_scenarios import SCENARIOS
from tests.support.backend import backend
from tests.support.serving import Serving, toml


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    started = Serving()
    yield started
    started.close()


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
async def test_scenario(scenario: Scenario, serving: Serving, tmp_path: Path) -> None:
    tables = {"graph": {"schema": ["schema.graphql"]}, **scenario.tables}
    (tmp_path / "gateway.toml").write_text(toml(tables), encoding="utf-8")
    async with backend(scenario.answers) as server:
        sdl = scenario.sdl.replace("BASE", server.url)
        (tmp_path / "schema.graphql").write_text(sdl, encoding="utf-8")
        env = {name: value.replace("BASE", server.url) for name, value in scenario.env.items()}
        with serving.serve(tmp_path, env=env) as url:
            async with httpx.AsyncClient() as client:
                accept = {"accept": "application/graphql-response+json"}
                response = await client.post(
                    f"{url}/graphql",
                    json={"query": scenario.query, "variables": dict(scenario.variables or {})},
                    headers={**accept, **(scenario.headers or {})},
                )
        lines, expected = [request.line for request in server.asked], list(scenario.asked)
    if not scenario.is_ordered:
        lines.sort()
        expected.sort()
    assert lines == expected
    content = response.json()
    assert content.get("data") == scenario.data
    assert located(content.get("errors", [])) == located(scenario.errors)
    for error in scenario.errors:
        if isinstance(error, Mapping):
            assert error in content["errors"]


@pytest.mark.parametrize(
    ("http", "name"),
    [
        ('GET: "/{▸$env.NOT_SET}"', "$env.NOT_SET"),
        ('GET: "/" headers: [{ name: "a", value: "{▸$config.not.set}" }]', "$config.not"),
        ('POST: "/" body: "a: ▸$env { NOT_SET }"', "$env.NOT_SET"),
        ('GET: "/" queryParams: "a: $([▸$env.NOT_SET->first])"', "$env.NOT_SET"),
    ],
)
def test_a_variable_that_a_request_needs_and_nothing_sets_ends_the_start(
    http: str, name: str, serving: Serving, tmp_path: Path
) -> None:
    sdl = SOURCE.replace("BASE", "http://127.0.0.1:1") + (
        f'type Query {{ a: String @connect(source: "b", http: {{ {http} }}, selection: "$") }}'
    )
    column = sdl.partition("\n")[2].index("▸") + 1
    (tmp_path / "s.graphql").write_text(sdl.replace("▸", ""), encoding="utf-8")
    with (
        pytest.raises(RuntimeError) as raised,
        serving.serve(tmp_path, ("--schema", "s.graphql")),
    ):
        pass
    assert f"s.graphql:2:{column}: {name} is not set" in str(raised.value)


@pytest.mark.parametrize(
    "given", ["$($env.NOT_SET ?? 'x')", "$env.NOT_SET?", "$($env.NOT_SET ?? $config.none ?? null)"]
)
def test_a_variable_that_may_be_absent_says_so(
    given: str, serving: Serving, tmp_path: Path
) -> None:
    sdl = SOURCE.replace("BASE", "http://127.0.0.1:1") + (
        f'type Query {{ a: String @connect(source: "b", http: {{ GET: "/{{{given}}}" }}, selection: "$") }}'
    )
    (tmp_path / "s.graphql").write_text(sdl, encoding="utf-8")
    with serving.serve(tmp_path, ("--schema", "s.graphql")) as url:
        assert httpx.get(f"{url}/health/ready").text == "ready"
