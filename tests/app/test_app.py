"""The composition: mounting, lifespan, hooks, masking, and what the log says of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway import ConfigError, create_app
from gateway.app.preconditions import check_graphql_core
from gateway.testing import GatewayClient

SCHEMA = """
type Query {
  state: String
  fails: String
  fails_for_clients: String
  greeting(name: String!): String
  who: String
}
type Subscription { ticks: Int }
"""
RESOLVERS = """
from gateway import ClientError, context_factory, on_shutdown, on_startup, resolver, subscription

events = []


@on_startup
async def start(state):
    events.append("start")
    return {"pool": "a pool"}


@on_shutdown
def stop(state):
    events.append(f"stop {state['pool']}")


@context_factory
async def per_request(context):
    return {"user": context.headers.get("x-user", "nobody")}


@resolver("Query.state")
def state(parent, context):
    return context.state["pool"]


@resolver("Query.who")
def who(parent, context):
    return f"{context.state['user']} {context.client_name} {context.client_version}"


@resolver("Query.fails")
def fails(parent, context):
    raise RuntimeError("secret-dsn://user:password@host")


@resolver("Query.fails_for_clients")
async def fails_for_clients(parent, context):
    raise ClientError("Only on Mondays.", code="CLOSED", extensions={"until": "Monday"})


@resolver("Query.greeting")
def greeting(parent, context, name):
    return f"Hello, {name}!"


@subscription("Subscription.ticks")
async def ticks(root, context):
    yield 1
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "app_resolvers"
[logs]
access = "{folder}/access.log"
errors = "{folder}/errors.log"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "app_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG.format(folder=tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("app_resolvers", None)


def lines(project: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project / name).read_text().splitlines()]


async def test_hooks_run_once_and_in_order(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        assert (await client.execute("{ state }")).data == {"state": "a pool"}
        assert sys.modules["app_resolvers"].events == ["start"]
    assert sys.modules["app_resolvers"].events == ["start", "stop a pool"]


async def test_the_context_factory_runs_for_each_request(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        headers = {"x-user": "ada", "graphql-client-name": "web", "graphql-client-version": "1"}
        assert (await client.execute("{ who }", headers=headers)).data == {"who": "ada web 1"}
        apollo = {"apollographql-client-name": "ios", "apollographql-client-version": "2"}
        assert (await client.execute("{ who }", headers=apollo)).data == {"who": "nobody ios 2"}


async def test_an_unexpected_error_is_masked_with_an_id_that_the_log_has(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute("{ state fails }")
    assert result.data == {"state": "a pool", "fails": None}
    (error,) = result.errors
    assert error["message"] == "Internal server error"
    assert error["path"] == ["fails"]
    assert set(error["extensions"]) == {"code", "errorId"}
    assert "secret" not in json.dumps(result.errors)
    (logged,) = lines(project, "errors.log")
    assert logged["error_id"] == error["extensions"]["errorId"]
    assert "secret-dsn" in logged["message"]
    assert "Query.fails" in logged["traceback"] or "def fails" in logged["traceback"]
    assert lines(project, "access.log")[0]["error_ids"] == [error["extensions"]["errorId"]]


async def test_a_client_error_goes_out_as_it_is(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        (error,) = (await client.execute("{ fails_for_clients }")).errors
    assert error["message"] == "Only on Mondays."
    assert error["extensions"] == {"until": "Monday", "code": "CLOSED"}


async def test_masking_can_be_off_for_development(project: Path) -> None:
    with (project / "gateway.toml").open("a") as file:
        file.write("[errors]\nmask = false\n")
    async with GatewayClient(project / "gateway.toml") as client:
        (error,) = (await client.execute("{ fails }")).errors
    assert error["message"].startswith("secret-dsn")


async def test_every_log_line_fits_the_schema_and_holds_no_values(project: Path) -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs/log-line.schema.json").read_text())
    async with GatewayClient(project / "gateway.toml") as client:
        await client.execute(
            'query Hello($n: String!) { a: greeting(name: $n) b: greeting(name: "literal-value") }',
            {"n": "variable-value"},
            headers={"authorization": "Bearer token-value", "cookie": "c=cookie-value"},
        )
        await client.execute("{ fails }")
        await client.execute("{")
        await client.http.post("/graphql", content=b"{")
        await client.http.patch("/graphql")
    written = lines(project, "access.log") + lines(project, "errors.log")
    assert [line.get("status") for line in written[:5]] == [200, 200, 400, 415, 405]
    for line in written:
        jsonschema.validate(line, schema)
    text = (project / "access.log").read_text() + (project / "errors.log").read_text()
    for value in ("variable-value", "literal-value", "token-value", "cookie-value"):
        assert value not in text
    first = written[0]
    assert (first["operation_name"], first["operation_type"], first["plan_cache"]) == (
        "Hello",
        "query",
        "miss",
    )


async def test_a_subscription_over_plain_http_is_refused(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute("subscription { ticks }")
    assert result.status == 400
    assert result.errors[0]["extensions"]["code"] == "BAD_REQUEST"


async def test_mounted_below_another_application(project: Path) -> None:
    gateway = create_app(project / "gateway.toml")
    host = Starlette(routes=[Mount("/api", app=gateway)])
    async with (
        gateway.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=host), base_url="http://host.test"
        ) as client,
    ):
        answer = await client.post("/api/graphql", json={"query": "{ state }"})
        assert answer.json() == {"data": {"state": "a pool"}}
        assert (await client.get("/api/health/live")).status_code == 200
        assert (await client.get("/api/health/ready")).text == "ready"
        assert (await client.get("/api/nothing")).status_code == 404
    assert gateway.worker.is_ready is False


async def test_not_ready_before_and_after_the_lifespan(project: Path) -> None:
    gateway = create_app(project / "gateway.toml")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=gateway), base_url="http://host.test"
    ) as client:
        assert (await client.get("/health/ready")).status_code == 503


async def test_warm_documents_are_compiled_before_readiness(project: Path) -> None:
    (project / "warm.graphql").write_text("{ state }")
    with (project / "gateway.toml").open("a") as file:
        file.write('[plan_cache]\nwarm = ["warm.graphql"]\n')
    async with GatewayClient(project / "gateway.toml") as client:
        await client.execute("{ state }")
    assert lines(project, "access.log")[0]["plan_cache"] == "hit"


async def test_a_warm_document_that_is_refused_ends_the_start(project: Path) -> None:
    (project / "warm.graphql").write_text("{ nope }")
    with (project / "gateway.toml").open("a") as file:
        file.write('[plan_cache]\nwarm = ["warm.graphql"]\n')
    client = GatewayClient(project / "gateway.toml")
    with pytest.raises(
        ConfigError, match=r"warm.graphql: plan_cache.warm: .*Cannot query field 'nope'"
    ):
        await client.__aenter__()


async def test_a_context_factory_that_fails_is_masked(project: Path) -> None:
    with (project / "app_resolvers.py").open("a") as file:
        file.write("\n\n@context_factory\ndef broken(context):\n    raise KeyError('secret')\n")
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute("{ state }")
    assert result.status == 500
    assert result.errors[0]["message"] == "Internal server error"


@pytest.mark.parametrize(
    ("trusted", "sent", "kept"),
    [
        (True, "abc-1", True),
        (True, "bad id\x01", False),
        (True, "x" * 129, False),
        (False, "abc-1", False),
    ],
)
async def test_the_request_id(project: Path, trusted: bool, sent: str, kept: bool) -> None:
    with (project / "gateway.toml").open("a") as file:
        file.write(f"[http]\ntrust_request_id = {str(trusted).lower()}\n")
    async with GatewayClient(project / "gateway.toml") as client:
        result = await client.execute("{ state }", headers={"x-request-id": sent})
    assert (result.headers["x-request-id"] == sent) is kept
    assert lines(project, "access.log")[0]["request_id"] == result.headers["x-request-id"]


@pytest.mark.parametrize(
    ("allowed", "header", "has_plan", "data"),
    [
        (True, "true", True, {"state": "a pool"}),
        (True, "dry-run", True, None),
        (True, None, False, {"state": "a pool"}),
        (False, "dry-run", False, {"state": "a pool"}),
    ],
)
async def test_a_plan_in_the_answer_where_it_is_allowed(
    project: Path, allowed: bool, header: str | None, has_plan: bool, data: Any
) -> None:
    with (project / "gateway.toml").open("a") as file:
        file.write(f"[explain]\nplan_header = {str(allowed).lower()}\n")
    async with GatewayClient(project / "gateway.toml") as client:
        headers = {"x-gateway-plan": header} if header else {}
        result = await client.execute("{ state }", headers=headers)
    assert result.data == data
    assert ("plan" in result.extensions) is has_plan
    if has_plan:
        assert "state: String" in result.extensions["plan"]["tree"]
        assert "def part_0(run):" in result.extensions["plan"]["source"]


@pytest.mark.parametrize("version", [(3, 2, 14), (3, 3, 0), (3, 3, 1)])
def test_a_graphql_core_with_open_advisories_is_refused(version: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"the gateway needs 3\.3\.2 or later"):
        check_graphql_core(version)
    check_graphql_core((3, 3, 2))
    check_graphql_core((3, 4, 0))
