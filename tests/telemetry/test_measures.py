"""What a whole gateway's metrics say after real requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app.config import build_config
from gateway.app.gateway import create_app
from gateway.client.request import ClientRequest
from gateway.observe.measures import MAX_CODES
from gateway.observe.usage import MAX_PENDING
from gateway.response.record import OperationRecord
from gateway.testing import GatewayClient
from tests.support.backend import Answer, Asked, backend

SCHEMA = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
  @source(name: "rest", http: { baseURL: "http://rest.invalid" })
type Query {
  static: String
  user(id: ID!): User @connect(source: "rest", http: { GET: "/users/{$args.id}" }, selection: "id name")
  node: Node
}
interface Node { id: ID! old: String @deprecated(reason: "gone soon") }
type User implements Node { id: ID! name: String old: String @deprecated(reason: "gone soon") }
type Subscription { ticks: Int }
"""
RESOLVERS = """
import asyncio
from gateway import resolver, subscription, type_resolver


@resolver("Query.static")
def static(parent, context):
    return "it"


@resolver("Query.node")
def node(parent, context):
    return {"id": "1", "old": "o"}


@resolver("User.old")
def old(parent, context):
    return "o"


@type_resolver("Node", vary=())
def type_of(value, context):
    return "User"


@subscription("Subscription.ticks")
async def ticks(parent, context):
    yield 1
    await asyncio.Event().wait()
"""
Read = dict[str, dict[tuple[str, ...], Any]]


def read(client: GatewayClient) -> Read:
    """Every value by name and labels."""
    assert client.app.worker.measures is not None
    snapshot = client.app.worker.measures.registry.snapshot()
    return {name: dict(values) for name, values in snapshot.items()}


def times(histogram: list[float]) -> float:
    return sum(histogram[:-1])


@asynccontextmanager
async def gateway_over(
    folder: Path,
    answers: Any,
    *,
    schema: str = SCHEMA,
    resolvers: str = RESOLVERS,
    **tables: Mapping[str, Any],
) -> AsyncIterator[GatewayClient]:
    (folder / "schema.graphql").write_text(schema)
    module = "metrics_resolvers" if resolvers is RESOLVERS else "more_metrics_resolvers"
    (folder / f"{module}.py").write_text(resolvers)
    async with backend(answers) as served:
        config = build_config(
            {
                "graph": {"schema": ["schema.graphql"], "resolvers": module},
                "sources": {"rest": {"url": served.url, "retry": {"enabled": False}}},
                "logs": {"access": "off"},
                **tables,
            }
        )
        async with GatewayClient(config, base=folder) as client:
            yield client


async def test_requests_by_status_operations_by_name_and_calls_by_source(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer({}, 502) if asked.target == "/users/9" else Answer({"id": "1", "name": "A"})

    async with gateway_over(tmp_path, answer) as client:
        for number in ("1", "1", "9"):
            await client.execute(f'query Find {{ user(id: "{number}") {{ name }} }}')
        await client.execute("{ static }")
        await client.execute("{ nope }")
        await client.http.post("/graphql", content=b"{")
        found = read(client)
    served = found["http_server_request_duration_seconds"]
    assert {labels: times(value) for labels, value in served.items() if times(value)} == {
        ("200",): 4, ("400",): 1, ("415",): 1,
    }  # fmt: skip
    assert found["http_server_active_requests"] == {(): 0}
    operations = found["graphql_server_operation_duration_seconds"]
    assert {labels: times(value) for labels, value in operations.items()} == {
        ("Find", "query"): 3, ("", "query"): 1,
    }  # fmt: skip
    assert found["gateway_operation_errors"] == {
        ("Find", "CONNECTOR_FETCH"): 1, ("", "GRAPHQL_VALIDATION_FAILED"): 1,
    }  # fmt: skip
    assert found["gateway_operations_failed"] == {("client",): 1, ("source",): 1, ("gateway",): 0}
    calls = found["http_client_request_duration_seconds"]
    assert {(source, error): times(value) for (source, _, error), value in calls.items()} == {
        ("rest", ""): 2, ("rest", "502"): 1,
    }  # fmt: skip
    assert found["gateway_plan_cache_lookups"][("hit_normalized",)] == 1
    assert found["gateway_plan_cache_lookups"][("hit",)] == 1
    assert found["gateway_plan_cache_entries"] == {(): 2}
    assert found["gateway_operation_dedupe"][("leader",)] == 3
    assert found["gateway_upstream_places"]["rest", "in_use"] == 0
    assert found["gateway_workers"] == {(): 1}
    assert found["process_resident_memory_bytes"][()] > 10_000_000


async def test_an_operation_is_counted_once_for_the_gravest_of_its_errors(tmp_path: Path) -> None:
    query = '{ a: user(id: "9") { name } b: user(id: "1") { name } broken denied }'
    schema = SCHEMA.replace("static: String", "static: String broken: Int denied: Int")
    resolvers = (
        RESOLVERS
        + """

@resolver("Query.broken")
def broken(parent, context):
    raise RuntimeError("ours")


@resolver("Query.denied")
def denied(parent, context):
    raise ClientError("theirs", code="DENIED")
"""
    )
    resolvers = resolvers.replace("from gateway import ", "from gateway import ClientError, ", 1)
    answers = {"/users/1": {"id": "1", "name": "A"}}
    async with gateway_over(tmp_path, answers, schema=schema, resolvers=resolvers) as client:
        assert read(client)["gateway_operations_failed"] == {
            ("client",): 0, ("source",): 0, ("gateway",): 0,
        }  # fmt: skip
        for text in (query, '{ a: user(id: "9") { name } denied }', "{ denied }", "{ static }"):
            await client.execute(text)
        found = read(client)
    assert found["gateway_operations_failed"] == {("client",): 1, ("source",): 1, ("gateway",): 1}


async def test_those_who_share_an_execution_share_its_failure(tmp_path: Path) -> None:
    async with gateway_over(tmp_path, {}) as client:
        places = next(p.places for p in client.app.worker.upstream.policies if p.name == "rest")
        places.limit = 0
        text = '{ user(id: "9") { name } }'
        asking = [asyncio.ensure_future(client.execute(text)) for _ in range(2)]
        while not (places.pending and read(client)["gateway_operation_dedupe"][("follower",)] == 1):
            await asyncio.sleep(0)
        places.limit = 1
        places.wake()
        await asyncio.gather(*asking)
        assert read(client)["gateway_operations_failed"]["source",] == 2


async def test_a_source_that_is_gone_is_an_error_and_opens_its_breaker(tmp_path: Path) -> None:
    breaker = {"enabled": True, "request_threshold": 2}
    sources = {
        "rest": {
            "url": "http://127.0.0.1:9",
            "retry": {"enabled": False},
            "circuit_breaker": breaker,
        }
    }
    async with gateway_over(tmp_path, {}, sources=sources) as client:
        before = read(client)["gateway_upstream_breaker_state"]
        assert [before["rest", state] for state in ("closed", "half_open", "open")] == [1, 0, 0]
        for number in range(3):
            await client.execute(f'{{ user(id: "{number}") {{ name }} }}')
        found = read(client)
    calls = found["http_client_request_duration_seconds"]
    assert {(source, error): times(value) for (source, _, error), value in calls.items()} == {
        ("rest", "HTTP_CLIENT_ERROR"): 2
    }
    state = found["gateway_upstream_breaker_state"]
    assert [state["rest", name] for name in ("closed", "half_open", "open")] == [0, 0, 1]
    decisions = {
        (source, what): count
        for (source, _, what), count in found["gateway_upstream_decisions"].items()
    }
    assert decisions["rest", "breaker_opened"] == 1
    assert decisions["rest", "breaker_refused"] == 1


async def test_requests_in_flight_are_active_and_may_share_one_execution(tmp_path: Path) -> None:
    async with gateway_over(tmp_path, {"/users/1": {"id": "1", "name": "A"}}) as client:
        source = client.app.worker.upstream.policies
        places = next(policy.places for policy in source if policy.name == "rest")
        places.limit = 0
        text = '{ user(id: "1") { name } }'
        asking = [asyncio.ensure_future(client.execute(text)) for _ in range(2)]
        while not (places.pending and read(client)["gateway_operation_dedupe"][("follower",)] == 1):
            await asyncio.sleep(0)
        assert read(client)["http_server_active_requests"] == {(): 2}
        places.limit = 1
        places.wake()
        await asyncio.gather(*asking)
        found = read(client)
    assert found["http_server_active_requests"] == {(): 0}
    assert found["gateway_operation_dedupe"][("leader",)] == 1
    assert found["gateway_upstream_queue_wait_seconds"]["rest",] > 0


async def test_fields_by_client_are_sums_over_plans(tmp_path: Path) -> None:
    query = """
    query A { static node { __typename ...Old ... on User { name } } }
    fragment Old on Node { old }
    """
    async with gateway_over(tmp_path, {}) as client:
        for name in ("app", "app", "web"):
            await client.execute(query, headers={"graphql-client-name": name})
        await client.execute("{ static }")
        found = read(client)
        await client.execute("{ static }", headers={"graphql-client-name": "app"})
        again = read(client)
    usage = found["gateway_field_requests"]
    assert usage == {
        ("Query.static", "app"): 2, ("Query.node", "app"): 2, ("Node.old", "app"): 2,
        ("User.name", "app"): 2, ("Query.static", "web"): 1, ("Query.node", "web"): 1,
        ("Node.old", "web"): 1, ("User.name", "web"): 1, ("Query.static", ""): 1,
    }  # fmt: skip
    assert found["gateway_deprecated_field_requests"] == {
        ("Node.old", "app"): 2,
        ("Node.old", "web"): 1,
    }
    assert again["gateway_field_requests"]["Query.static", "app"] == 3


async def test_usage_is_bounded_by_clients_and_by_fields(tmp_path: Path) -> None:
    telemetry = {"metrics": {"max_clients": 1, "max_fields": 2, "max_operations": 1}}
    async with gateway_over(tmp_path, {}, telemetry=telemetry) as client:
        for name in ("app", "web", "tv"):
            await client.execute("query A { static }", headers={"graphql-client-name": name})
        await client.execute("query B { node { id } }", headers={"graphql-client-name": "app"})
        found = read(client)
    assert found["gateway_field_requests"] == {
        ("Query.static", "app"): 1,
        ("Query.static", "other"): 2,
        ("other", "app"): 2,
    }
    operations = found["graphql_server_operation_duration_seconds"]
    assert {labels: times(value) for labels, value in operations.items()} == {
        ("A", "query"): 3,
        ("other", "query"): 1,
    }


async def test_plans_that_wait_to_be_summed_are_bounded_and_none_is_lost(tmp_path: Path) -> None:
    async with gateway_over(tmp_path, {}) as client:
        usage = client.app.worker.measures.usage  # type: ignore[union-attr]
        await client.execute("query A { static }")
        prepared = (
            client.app.worker.serving().pipeline.plans.lookup("query A { static }", None).value
        )
        for number in range(MAX_PENDING * 2):
            usage.count(prepared, ClientRequest({}, client_name=f"client {number}"))
        assert len(usage._pending) == MAX_PENDING
        found = read(client)
    assert sum(found["gateway_field_requests"].values()) == MAX_PENDING * 2 + 1


async def test_an_open_subscription_is_seen_and_its_request_is_not_for_ever(tmp_path: Path) -> None:
    async with gateway_over(tmp_path, {}) as client:
        sent: asyncio.Queue[Any] = asyncio.Queue()
        gone = asyncio.Event()
        first = iter([{"type": "http.request", "body": b'{"query":"subscription S { ticks }"}'}])

        async def receive() -> Any:
            for message in first:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        scope = {
            "type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "root_path": "",
            "headers": [(b"content-type", b"application/json"), (b"accept", b"text/event-stream")],
        }  # fmt: skip
        request = asyncio.ensure_future(client.app(scope, receive, sent.put))
        while b"ticks" not in (await sent.get()).get("body", b""):
            pass
        found = read(client)
        gone.set()
        await request
        ended = read(client)
    assert found["gateway_subscriptions_open"] == {(): 1}
    assert found["http_server_active_requests"] == {(): 0}
    assert times(found["http_server_request_duration_seconds"]["200",]) == 1
    assert found["gateway_field_requests"] == {("Subscription.ticks", ""): 1}
    assert ended["gateway_subscriptions_open"] == {(): 0}
    assert times(ended["http_server_request_duration_seconds"]["200",]) == 1


async def test_failures_are_series_before_the_first_one(tmp_path: Path) -> None:
    async with gateway_over(tmp_path, {}) as client:
        served = read(client)["http_server_request_duration_seconds"]
    assert times(served["500",]) == times(served["503",]) == times(served["200",]) == 0


@pytest.mark.parametrize("telemetry", [{"enabled": False}, {"metrics": {"enabled": False}}])
async def test_switched_off_nothing_is_there(tmp_path: Path, telemetry: Any) -> None:
    async with gateway_over(tmp_path, {}, telemetry=telemetry) as client:
        assert (await client.execute("{ static }")).data == {"static": "it"}
        assert client.app.worker.measures is None
        assert client.app.worker.upstream.counters.durations is None


async def test_a_mounted_gateway_opens_no_port(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "metrics_resolvers.py").write_text(RESOLVERS)
    app = create_app(
        build_config({"graph": {"schema": ["schema.graphql"], "resolvers": "metrics_resolvers"}}),
        base=tmp_path,
    )
    async with app.lifespan():
        assert app.worker.metrics.server is None


async def test_steps_by_field_each_for_all_of_its_parents(tmp_path: Path) -> None:
    async with gateway_over(tmp_path, {"/users/1": {"id": "1", "name": "A"}}) as client:
        for _ in range(2):
            await client.execute('{ user(id: "1") { name } node { ... on User { old } } }')
        await client.execute('{ user(id: "2") { name } }')
        found = read(client)
    steps = found["gateway_resolver_step_duration_seconds"]
    assert {field: times(value) for (field,), value in steps.items()} == {
        "Query.user": 3, "Query.node": 2, "User.old": 2,
    }  # fmt: skip
    assert steps["Query.user",][-1] > 0


async def test_steps_are_counted_without_a_log_of_slow_operations(tmp_path: Path) -> None:
    logs = {"access": "off", "slow": "off"}
    async with gateway_over(tmp_path, {}, logs=logs) as client:
        await client.execute("{ static }")
        found = read(client)
    assert times(found["gateway_resolver_step_duration_seconds"]["Query.static",]) == 1


async def test_codes_of_errors_are_bounded(tmp_path: Path) -> None:
    async with gateway_over(tmp_path, {}) as client:
        measures = client.app.worker.measures
        assert measures is not None
        for number in range(MAX_CODES + 5):
            record = OperationRecord()
            record.operation_name, record.error_codes = "A", [f"CODE_{number}"] * 2
            measures.operations.ended(record, 0.001)
        found = read(client)["gateway_operation_errors"]
    assert len(found) == MAX_CODES + 1
    assert found["A", "other"] == 5
    assert found["A", "CODE_0"] == 1
