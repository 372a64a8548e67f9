"""What a flag changes of an answer: who is asked, what it is asked, and who shares an execution with whom."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.testing import FakeSource
from tests.connectors.scenario import use_path
from tests.flags.scenes import FLAGS, ON_OFF, SDL, SOURCES, flag, served, write_flags

A, B = {"x-tenant": "a"}, {"x-tenant": "b"}
STATS, SEARCH = "{ stats { views } }", '{ search(q: "x") { id note } }'


@pytest.mark.parametrize("executor", ["compiled", "graphql-core"])
async def test_a_flag_chooses_the_connector_and_what_it_is_asked(
    tmp_path: Path, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_path(executor, monkeypatch)
    async with served(tmp_path) as client:
        for headers, views, sort in ((A, 10, "by-score"), (B, 1, "by-date"), ({}, 1, "by-date")):
            found = await client.execute(STATS, headers=headers)
            assert found.data == {"stats": {"views": views}}
            found = await client.execute(SEARCH, headers=headers)
            assert found.data == {"search": [{"id": sort, "note": ""}]}


async def test_a_flag_is_decided_once_for_a_request_and_only_where_it_is_used(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as client:
        counts = client.app.worker.flags.counts
        await client.execute("{ version }", headers=A)
        assert not counts
        await client.execute(f"{{ ...on Query {STATS} a: stats {{ views }} }}", headers=A)
        assert counts == {("new-stats", "on", "TARGETING_MATCH"): 1}
        await client.execute(SEARCH, headers=A)
        assert sum(counts.values()) == 3


async def test_clients_share_an_execution_only_where_its_flags_are_equal(tmp_path: Path) -> None:
    rest = FakeSource({**SOURCES["rest"], "GET /search": slow_search})
    async with served(tmp_path, sources={**SOURCES, "rest": rest}) as client:
        asked = [client.execute(SEARCH, headers=headers) for headers in (A, B, A, B, {})]
        found = [answer.data["search"][0]["id"] for answer in await asyncio.gather(*asked)]
        assert found == ["by-score", "by-date", "by-score", "by-date", "by-date"]
        assert len(rest.calls) == 2


async def slow_search(call: object) -> object:
    """Leaves the others time to come."""
    for _ in range(20):
        await asyncio.sleep(0)
    return [{"id": call.query["sort"]}]  # type: ignore[attr-defined]


async def test_a_flag_that_changes_counts_from_then_on(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        assert (await client.execute(STATS)).data["stats"]["views"] == 1
        write_flags(tmp_path, {**FLAGS, "new-stats": flag(ON_OFF, "on")})
        await client.app.worker.flags.port.look()  # type: ignore[union-attr]
        assert (await client.execute(STATS)).data["stats"]["views"] == 10
        (tmp_path / "flags.json").write_text('{"flags": ')  # half a file
        await client.app.worker.flags.port.look()  # type: ignore[union-attr]
        assert (await client.execute(STATS)).data["stats"]["views"] == 10


async def test_a_switch_counts_more_than_a_flag(tmp_path: Path) -> None:
    (tmp_path / "switches.json").write_text('{"flag:new-stats": false}')
    tables = {"override": {"switches": "switches.json"}}
    async with served(tmp_path, tables=tables) as client:
        assert (await client.execute(STATS, headers=A)).data["stats"]["views"] == 1
        assert not client.app.worker.flags.counts


async def test_a_label_names_a_variant(tmp_path: Path) -> None:
    flags = {"stats": flag({"php": "p", "rest": "r"}, "php", {"if": [{"var": "tenant"}, "rest"]})}
    sdl = SDL.replace("flag:new-stats", "flag:stats:rest")
    defaults = {"defaults": {"stats": "p", "ranking": "x", "note": ""}}
    async with served(tmp_path, flags={**FLAGS, **flags}, settings=defaults, sdl=sdl) as client:
        assert (await client.execute(STATS)).data["stats"]["views"] == 1
        assert (await client.execute(STATS, headers=A)).data["stats"]["views"] == 10


async def test_python_reads_the_flags_that_it_declares(tmp_path: Path) -> None:
    python = """
from gateway import resolver
@resolver("Query.version", vary="$flags.ranking")
def version(parent, context):
    return context.flags["ranking"]
@resolver("Query.search", vary=())
def search(parent, context, q=None):
    return [{"id": len(context.flags)}]
"""
    async with served(tmp_path, python=python) as client:
        answer = await client.execute('{ version search(q: "x") { id } }', headers=A)
        assert answer.data == {"version": "by-score", "search": [{"id": "0"}]}
        counts = client.app.worker.flags.counts
        assert counts == {("ranking", "score", "TARGETING_MATCH"): 1}


async def test_an_answer_that_a_flag_decides_is_of_the_client(tmp_path: Path) -> None:
    tables = {
        "sources": {name: {"cache": {"enabled": True, "ttl_s": 60}} for name in ("php", "rest")},
        "response_cache": {"client_headers": True},
    }
    async with served(tmp_path, tables=tables) as client:
        scopes = []
        for query in (STATS, "{ search { id } }", "{ version }"):
            headers = {"apollo-require-preflight": "1", **A}
            params = {"query": query}
            answer = await client.http.get(client.app.path, params=params, headers=headers)
            scopes.append(answer.headers["cache-control"].partition(",")[0])
        assert scopes == ["private", "private", "public"]


async def test_the_log_and_the_trace_say_which_variant_it_was(tmp_path: Path) -> None:
    tables = {
        "logs": {"access": str(tmp_path / "access.log")},
        "explain": {"trace_header": "always"},
    }
    async with served(tmp_path, tables=tables) as client:
        answer = await client.execute(SEARCH, headers={**A, "x-gateway-trace": "true"})
        assert answer.extensions["trace"]["plan"]["flags"] == ["note=none", "ranking=score"]
    (line,) = (tmp_path / "access.log").read_text().splitlines()
    assert json.loads(line)["flags"] == ["note=none", "ranking=score"]
