"""Who is asked for a field that moves: by the label, once for a request, on either executor."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import value_of
from gateway.concurrency.patience import MOST_MISSED
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.testing import FakeSource
from tests.connectors.scenario import use_path
from tests.override.scenes import REST, served

STATS = "{ stats { views likes } }"
VIDEOS = "{ videos { id old title length author } }"
ON_PHP, ON_REST = {"views": 1, "likes": 2}, {"views": 10, "likes": 20}
LABELS = {"version": False, "video": False, "stats": True}


@pytest.mark.parametrize("executor", ["compiled", "graphql-core"])
@pytest.mark.parametrize(
    ("labels", "query", "data", "rest"),
    [
        ({**LABELS, "stats": False}, STATS, {"stats": ON_PHP}, []),
        (LABELS, STATS, {"stats": ON_REST}, ["GET /stats"]),
        (LABELS, "{ version }", {"version": "php"}, []),
        ({**LABELS, "version": True}, "{ version }", {"version": "rest"}, ["GET /version"]),
        (
            LABELS,
            VIDEOS,
            {
                "videos": [
                    {"id": "1", "old": "o1", "title": "php 1", "length": 10, "author": "of php 1"},
                    {"id": "2", "old": "o2", "title": "php 2", "length": 20, "author": "of php 2"},
                ]
            },
            ["GET /author?title=php%201", "GET /author?title=php%202"],
        ),
        (
            {**LABELS, "video": True},
            VIDEOS,
            {
                "videos": [
                    {
                        "id": "1",
                        "old": "o1",
                        "title": "rest 1",
                        "length": 10,
                        "author": "of rest 1",
                    },
                    {
                        "id": "2",
                        "old": "o2",
                        "title": "rest 2",
                        "length": 20,
                        "author": "of rest 2",
                    },
                ]
            },
            ["GET /author?title=rest%201", "GET /author?title=rest%202", "GET /videos?id=1&id=2"],
        ),
        (
            {**LABELS, "video": True},
            "{ videos { author } }",  # the title is asked for behind the scenes
            {"videos": [{"author": "of rest 1"}, {"author": "of rest 2"}]},
            ["GET /author?title=rest%201", "GET /author?title=rest%202", "GET /videos?id=1&id=2"],
        ),
    ],
)
async def test_the_label_says_who_is_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    executor: str,
    labels: dict[str, bool],
    query: str,
    data: Any,
    rest: list[str],
) -> None:
    use_path(executor, monkeypatch)
    async with served(tmp_path, "stats", labels=labels) as client:
        result = await client.execute(query)
        assert (result.data, result.errors) == (data, [])
        assert sorted(client.sources["rest"].paths) == rest


async def test_a_share_is_drawn_by_the_visitor_and_stays(tmp_path: Path) -> None:
    override = {"anonymous_id": "cookie:visitor"}
    async with served(tmp_path, "percent(50)", override=override) as client:
        drawn: Counter[int] = Counter()
        for visitor in range(60):
            headers = {"cookie": f"visitor=v{visitor}"}
            found = {
                (await client.execute(STATS, headers=headers)).data["stats"]["views"]
                for _ in range(2)
            }
            assert len(found) == 1
            drawn.update(found)
        assert drawn.keys() == {1, 10}
        assert len(client.app.worker.serving().labels.counts) == 2


async def test_nothing_is_decided_for_an_operation_without_labels(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        await client.execute("{ videos { id old } }")
        assert not client.app.worker.serving().labels.counts


async def test_only_the_labels_of_the_plan_are_decided(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        await client.execute("{ version }")
        assert client.app.worker.serving().labels.counts == {("version", False): 1}


async def test_what_is_in_flight_is_not_shared_over_the_label(tmp_path: Path) -> None:
    held = asyncio.Event()

    async def answer(_: Any) -> Any:
        await held.wait()
        return REST["GET /stats"]

    rest = FakeSource({**REST, "GET /stats": answer})
    override = {"anonymous_id": "header:x-visitor"}
    async with served(tmp_path, "percent(50)", rest=rest, override=override) as client:
        visitors = [{"x-visitor": f"v{number}"} for number in range(12)]
        asked = [asyncio.create_task(client.execute(STATS, headers=one)) for one in visitors]
        while client.app.worker.serving().sharing.led < 2:
            await asyncio.sleep(0)
        held.set()
        views = Counter(result.data["stats"]["views"] for result in await asyncio.gather(*asked))
        assert views.keys() == {1, 10}
        assert rest.paths == ["GET /stats"]


PYTHON = """
from gateway import override_label
asked = []
@override_label("stats")
async def stats(context):
    asked.append(context.headers.get("x-beta"))
    if context.headers.get("x-beta") == "broken":
        raise RuntimeError("the label service is away")
    return context.headers.get("x-beta") == "yes"
"""


async def test_a_function_decides_and_where_it_fails_nothing_moves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path, "stats", python=PYTHON) as client:
        for beta, views in (("yes", 10), ("no", 1), ("broken", 1)):
            result = await client.execute(STATS, headers={"x-beta": beta})
            assert (result.data["stats"]["views"], result.errors) == (views, [])
        assert "the function of the label stats fails; it is off" in caplog.text


HANGING = """
import asyncio
from gateway import override_label
asked = []
@override_label("stats")
async def stats(context):
    asked.append(1)
    if context.headers.get("x-beta") == "cancelled":
        raise asyncio.CancelledError
    await asyncio.Event().wait()
"""


async def test_a_function_that_does_not_answer_is_off_and_not_waited_for_in_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    override = {"timeout_ms": 1}
    async with served(tmp_path, "stats", python=HANGING, override=override) as client:
        for beta in ("cancelled", *["no"] * (MOST_MISSED + 2)):
            result = await client.execute(STATS, headers={"x-beta": beta})
            assert (result.data["stats"]["views"], result.errors) == (1, [])
        (mark,) = [m for m in client.app.graph.marks if m.kind == "override_label"]
        assert mark.target.__globals__["asked"] == [1] * (1 + MOST_MISSED)
    assert caplog.text.count("the function of the label stats fails; it is off") == 2


async def test_a_batch_of_operations_is_decided_once(tmp_path: Path) -> None:
    tables = {"batching": {"enabled": True}}
    async with served(tmp_path, "stats", python=PYTHON, tables=tables) as client:
        both = [{"query": STATS}, {"query": "{ a: stats { views } }"}]
        answer = await client.http.post(client.app.path, json=both, headers={"x-beta": "yes"})
        assert [next(iter(one["data"].values()))["views"] for one in answer.json()] == [10, 10]
        (mark,) = [m for m in client.app.graph.marks if m.kind == "override_label"]
        assert mark.target.__globals__["asked"] == ["yes"]


@pytest.mark.parametrize(
    ("settings", "headers", "views"),
    [
        ({"header": "secret"}, {"x-gateway-override-secret": "s" * 16}, 10),
        ({"header": "secret"}, {"x-gateway-override-secret": "s" * 15}, 1),
        ({"header": "secret"}, {}, 1),
        ({}, {"x-gateway-override-secret": "s" * 16}, 1),
        ({"header": "scope"}, {}, 1),
    ],
)
async def test_a_tester_decides_where_it_may(
    tmp_path: Path, settings: dict[str, Any], headers: dict[str, str], views: int
) -> None:
    env = {"GATEWAY_OVERRIDE_SECRET": "s" * 16}
    async with served(tmp_path, "percent(0)", override=settings, env=env) as client:
        asked = {"x-gateway-override": "percent(0)=on", **headers}
        assert (await client.execute(STATS, headers=asked)).data["stats"]["views"] == views


async def test_a_scope_lets_a_tester_decide(tmp_path: Path) -> None:
    async with served(tmp_path, "percent(0)", override={"header": "scope"}) as client:
        serving = client.app.worker.serving()
        for scopes, views in (({"override"}, 10), ({"other"}, 1)):
            principal = Principal("ann", "user", scopes=frozenset(scopes))
            tester = ClientRequest(
                {"x-gateway-override": "percent(0)=on"}, principal=principal, request_id="r"
            )
            operation = Operation(GraphQLParams(STATS), tester, serving)
            context = await value_of(serving.new_context(tester))
            answer = await value_of(serving.pipeline.run(operation, context))
            assert f'"views":{views},'.encode() in answer.body


@pytest.mark.parametrize("asked", ["percent(0)", "percent(0)=maybe", "other=on", ""])
async def test_what_a_tester_cannot_mean_is_told(tmp_path: Path, asked: str) -> None:
    env = {"GATEWAY_OVERRIDE_SECRET": "s" * 16}
    headers = {"x-gateway-override": asked, "x-gateway-override-secret": "s" * 16}
    async with served(tmp_path, "percent(0)", override={"header": "secret"}, env=env) as client:
        result = await client.execute(STATS, headers=headers)
        assert [error["extensions"]["code"] for error in result.errors] == ["BAD_REQUEST"]
        assert "is no `LABEL=on`" in result.errors[0]["message"]
        many = {**headers, "x-gateway-override": ",".join(["percent(0)=off"] * 65)}
        (error,) = (await client.execute(STATS, headers=many)).errors
        assert error["message"] == "x-gateway-override: more than 64 labels."


async def test_an_answer_that_a_label_chose_is_private(tmp_path: Path) -> None:
    tables = {
        "sources": {name: {"cache": {"enabled": True, "ttl_s": 60}} for name in ("php", "rest")},
        "response_cache": {"client_headers": True},
    }
    async with served(tmp_path, tables=tables) as client:
        scopes = {}
        for query in (STATS, "{ videos { id old } }"):
            headers = {"apollo-require-preflight": "1"}
            params = {"query": query}
            answer = await client.http.get(client.app.path, params=params, headers=headers)
            scopes[query] = answer.headers["cache-control"].partition(",")[0]
        assert list(scopes.values()) == ["private", "public"]


async def test_the_plan_the_log_and_the_trace_say_which_label_was_on(tmp_path: Path) -> None:
    tables = {
        "logs": {"access": str(tmp_path / "access.log")},
        "explain": {"plan_header": True, "trace_header": "always"},
    }
    async with served(tmp_path, "percent(100)", tables=tables) as client:
        headers = {"x-gateway-plan": "true", "x-gateway-trace": "true"}
        result = await client.execute(STATS, headers=headers)
        assert "with percent(100)" in result.extensions["plan"]["tree"]
        assert "[batch, overridden, wants" in result.extensions["plan"]["tree"]
        assert '"percent(100)=on"' in str(result.extensions["trace"]).replace("'", '"')
    assert '"overrides":["percent(100)=on"]' in (tmp_path / "access.log").read_text()
