"""`vary=` is what a function sees of the client: whether its operation is shared or not, on every path."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway import resolver
from gateway.client.request import ClientRequest
from gateway.client.vary import Vary, partition, vary_of_names
from gateway.concurrency.awaitable import value_of
from gateway.execute import prepared
from gateway.pipeline.feed import Stream
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.testing import GatewayClient
from tests.cli.command import run_gateway

SCHEMA = """
directive @result on FIELD_DEFINITION
directive @around on FIELD_DEFINITION
directive @open on FIELD_DEFINITION
type Query {
  nothing: String
  user: String
  undeclared: String
  waits: String
  info: String
  threaded: String
  batch: String
  result: String @result
  around: String @around
  both: String @around @result
  batched: String @result @around
  open: String @open
  node: Node
  state: String
  loads: String
  rows: [Row!]!
}
interface Node { seen: String }
type Thing implements Node { seen: String }
type Row { user: String }
type Mutation { user: String nothing: String }
type Subscription {
  orders: String
  tenants: String
  own: String
  free: String
}
"""
RESOLVERS = """
import asyncio
from gateway import batch_resolver, context_factory, resolver, schema_directive, subscription, type_resolver


def seen(context):
    assert {name: ", ".join(values) for name, values in context.header_values.items()} == context.headers
    assert (context.client_name is None) == ("x-user" not in context.headers or len(context.headers) == 1)
    return " ".join(f"{name}={value}" for name, value in sorted(context.headers.items()) if name in KNOWN)


KNOWN = ("host", "x-user", "x-other")


@context_factory(vary=["x-other"])
def made(context):
    return {"factory": seen(context)}


@resolver("Query.nothing", vary=[])
def nothing(parent, context):
    return seen(context)


@resolver("Query.user", vary=["X-User"])
def user(parent, context):
    return seen(context)


@resolver("Query.undeclared")
def undeclared(parent, context):
    return " ".join(name for name in KNOWN if name in context.headers) + f" {context.client_name}"


@resolver("Query.waits", vary=["x-user"])
async def waits(parent, context):
    await asyncio.sleep(0)
    return seen(context)


@resolver("Query.info", vary=["x-user"])
def info(parent, context, info):
    assert info.context.headers == context.headers
    return f"{seen(info.context)} {info.path.key}"


@resolver("Query.threaded", blocking=True, vary=["x-user"])
def threaded(parent, context):
    return seen(context)


@batch_resolver("Query.batch", vary=["x-user"])
async def batch(parents, context):
    return [seen(context)] * len(parents)


@schema_directive("result", vary=["host"])
class Result:
    def result(self, value, context):
        return f"{value} [{seen(context)}]"


@schema_directive("around", vary=["x-other"])
class Around:
    def resolve(self, next, parent, context, **arguments):
        return waited(f"({seen(context)})", next(parent, context, **arguments))


async def waited(text, value):
    return f"{text} {await value if asyncio.iscoroutine(value) or asyncio.isfuture(value) else value}"


@schema_directive("open", vary=[])
class Open:
    def result(self, value, context):
        return f"{value} [{seen(context)}]"


@resolver("Query.result", vary=["x-user"])
def result(parent, context):
    return seen(context)


@resolver("Query.around", vary=["x-user"])
def around(parent, context):
    return seen(context)


@resolver("Query.both", vary=["x-user"])
async def both(parent, context, info):
    assert info.context.headers == context.headers
    return seen(context)


@batch_resolver("Query.batched", vary=["x-user"])
async def batched(parents, context):
    return [seen(context)] * len(parents)


@resolver("Query.open", vary=["x-user"])
def open_(parent, context):
    return seen(context)


TYPES = []


@resolver("Query.node", vary=[])
def node(parent, context):
    return {"a": 1}


@type_resolver("Node", vary=["host"])
def type_of(value, context):
    TYPES.append(seen(context))
    return "Thing"


@resolver("Thing.seen", vary=["x-user"])
def thing(parent, context):
    return f"{TYPES[-1]} {seen(context)}"


@resolver("Query.state", vary=[])
def state(parent, context):
    return context.state["factory"]


async def load(keys):
    return [len(keys)] * len(keys)


@resolver("Query.loads", vary=["x-user"])
async def loads(parent, context):
    return str(await context.loaders.of(load).load(1))


@resolver("Query.rows", vary=[])
def rows(parent, context):
    return [{"id": 1}, {"id": 2}]


@resolver("Row.user", vary=["x-user"])
def row_user(parent, context):
    return seen(context)


@resolver("Mutation.user", vary=["x-user"])
def mutation_user(parent, context):
    return seen(context)


@resolver("Mutation.nothing", vary=[])
def mutation_nothing(parent, context):
    return seen(context)


@subscription("Subscription.orders", topic="orders", vary=["host"])
def orders(event, context):
    return f"{event} of {seen(context)}"


@subscription("Subscription.tenants", shared=True, vary=["host", "x-other"])
async def tenants(root, context):
    mine = seen(context)
    async for event in context.pubsub.subscribe("orders"):
        yield f"{event} of {mine}"


@subscription("Subscription.own", vary=["x-user"])
async def own(root, context):
    yield seen(context)


@subscription("Subscription.free", shared=True)
async def free(root, context):
    mine = context.headers["x-user"]
    async for event in context.pubsub.subscribe("orders"):
        yield f"{event} of {mine}"
"""
CONFIG = (
    '[graph]\nschema = ["schema.graphql"]\nresolvers = "reads_resolvers"\n[logs]\naccess = "off"\n'
)
HEADERS = {
    "host": "a.example",
    "x-user": "ada",
    "x-other": "o",
    "cookie": "c=1",
    "apollographql-client-name": "web",
}
CLIENT = "host=a.example"
SEEN = {
    "nothing": "",
    "user": "x-user=ada",
    "waits": "x-user=ada",
    "info": "x-user=ada info",
    "threaded": "x-user=ada",
    "batch": "x-user=ada",
    "result": "x-user=ada [host=a.example]",
    "around": "(x-other=o) x-user=ada",
    "both": "(x-other=o) x-user=ada [host=a.example]",
    "batched": "(x-other=o) x-user=ada [host=a.example]",
    "open": "x-user=ada []",
    "node": {"seen": "host=a.example x-user=ada"},
    "state": "x-other=o",
    "loads": "1",
    "rows": [{"user": "x-user=ada"}, {"user": "x-user=ada"}],
}
BELOW = {"node": " { seen }", "rows": " { user }"}
UNDECLARED = "host x-user x-other web"


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[GatewayClient]:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "reads_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG)
    path = list(sys.path)
    async with GatewayClient(tmp_path / "gateway.toml") as started:
        yield started
    sys.path[:] = path
    sys.modules.pop("reads_resolvers", None)


async def ask(client: GatewayClient, query: str) -> Any:
    answer = await client.execute(query, headers=HEADERS)
    assert not answer.errors, answer.errors
    return answer.data


@pytest.mark.parametrize("beside", ["", " undeclared", " batch2: batch"])
@pytest.mark.parametrize("name", SEEN)
async def test_a_function_sees_what_it_declares(
    client: GatewayClient, name: str, beside: str
) -> None:
    data = await ask(client, f"{{ {name}{BELOW.get(name, '')}{beside} }}")
    assert data[name] == SEEN[name]
    if "undeclared" in beside:
        assert data["undeclared"] == UNDECLARED


@pytest.mark.parametrize("name", SEEN)
async def test_so_it_does_on_the_fallback_path(
    client: GatewayClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "MAX_SHAPING", -1)
    data = await ask(client, f"{{ {name}{BELOW.get(name, '')} undeclared }}")
    assert data == {name: SEEN[name], "undeclared": UNDECLARED}


async def test_all_at_once(client: GatewayClient) -> None:
    fields = " ".join(name + BELOW.get(name, "") for name in SEEN)
    assert await ask(client, f"{{ {fields} }}") == SEEN


async def test_in_mutations(client: GatewayClient) -> None:
    assert await ask(client, "mutation { user nothing }") == {"user": "x-user=ada", "nothing": ""}


async def test_in_a_stream_of_ones_own(client: GatewayClient) -> None:
    accept = {"accept": "text/event-stream", **HEADERS}
    body = {"query": "subscription { own }"}
    answer = await client.http.post("/graphql", json=body, headers=accept)
    assert json.dumps({"data": {"own": "x-user=ada"}}, separators=(",", ":")) in answer.text


async def opened(client: GatewayClient, query: str, **headers: str) -> Stream:
    values = {name.replace("_", "-"): [value] for name, value in headers.items()}

    asking = ClientRequest({name: value for name, [value] in values.items()})

    async def new_context() -> Any:
        return await value_of(client.app.worker.serving().new_context(asking))

    serving = client.app.worker.serving()
    operation = Operation(GraphQLParams(query), asking, serving)
    stream = await serving.subscriptions.answer(operation, new_context)
    assert isinstance(stream, Stream)
    return stream


async def events(client: GatewayClient, streams: list[Stream]) -> list[Any]:
    """The next event of each, after one was published."""
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    for _ in range(5):
        await asyncio.sleep(0)
    await client.app.worker.broker.publish("orders", "one")
    answers = [await asyncio.wait_for(one, 10) for one in waiting]
    for stream in streams:
        await stream.aclose()
    return [next(iter(json.loads(answer.body)["data"].values())) for answer in answers]


# Every header that a stream may be told apart by, those of the connection itself among them.
@pytest.mark.parametrize("name", ["host", "origin", "accept", "x-request-id", "traceparent"])
async def test_streams_are_shared_by_what_was_declared(
    tmp_path: Path, client: GatewayClient, name: str
) -> None:
    del client
    sys.modules.pop("reads_resolvers", None)
    declared = RESOLVERS.replace('vary=["host"]', f'vary=["{name}"]')
    (tmp_path / "reads_resolvers.py").write_text(
        declared.replace('KNOWN = ("host"', f'KNOWN = ("{name}"')
    )
    async with GatewayClient(tmp_path / "gateway.toml") as other:
        own = [{name: f"tenant-{letter}"} for letter in "aba"]
        streams = [await opened(other, "subscription { orders }", **one) for one in own]
        assert len(other.app.worker.serving().subscriptions.streams.feeds) == 2
        assert await events(other, streams) == [f"one of {name}=tenant-{x}" for x in "aba"]


async def test_tenants_have_streams_of_their_own(client: GatewayClient) -> None:
    hosts = ["tenant-a.example", "tenant-b.example", "tenant-a.example"]
    for field, feeds in (("orders", 2), ("tenants", 2)):
        streams = [await opened(client, f"subscription {{ {field} }}", host=host) for host in hosts]
        assert len(client.app.worker.serving().subscriptions.streams.feeds) == feeds
        assert await events(client, streams) == [f"one of host={host}" for host in hosts]


async def test_what_declares_nothing_is_not_shared(client: GatewayClient) -> None:
    users = ["ada", "bob", "ada"]
    streams = [await opened(client, "subscription { free }", x_user=user) for user in users]
    assert client.app.worker.serving().subscriptions.streams.feeds == {}
    assert await events(client, streams) == [f"one of {user}" for user in users]


UNDECLARED_RESOLVERS = """
from gateway import context_factory, resolver, schema_directive, type_resolver


@schema_directive("loud")
class Loud:
    def result(self, value, context):
        return value


@type_resolver("Node")
def node(value, context):
    return "Thing"


@context_factory
def user(context):
    return {}


@resolver("Query.declared", vary=["x-user"])
async def declared(parent, context):
    return ""


@resolver("Query.undeclared")
async def undeclared(parent, context):
    return ""


@resolver("Query.node", vary=[])
async def one(parent, context):
    return {"id": 1}


@resolver("Thing.id", vary=[])
def id_(parent, context):
    return 1


@resolver("Mutation.declared", vary=[])
async def write(parent, context):
    return ""
"""
UNDECLARED_SDL = (
    "directive @loud on FIELD_DEFINITION\ninterface Node { id: ID }\ntype Thing implements Node { id: ID }\n"
    "type Query { declared: String undeclared: String node: Node }\ntype Mutation { declared: String }\n"
)


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_gateway(*arguments, "--config", "gateway.toml", cwd=folder)


def write_undeclared(folder: Path, resolvers: str) -> None:
    (folder / "schema.graphql").write_text(UNDECLARED_SDL)
    (folder / "told_resolvers.py").write_text(resolvers)
    (folder / "gateway.toml").write_text(CONFIG.replace("reads_resolvers", "told_resolvers"))


def test_what_switches_sharing_off_is_told(tmp_path: Path) -> None:
    write_undeclared(tmp_path, UNDECLARED_RESOLVERS)
    lines = UNDECLARED_RESOLVERS.splitlines()
    checked = command(tmp_path, "check")
    assert checked.returncode == 0, checked
    for title, at in (
        ("@loud", '@schema_directive("loud")'),
        ("the type resolver of Node", '@type_resolver("Node")'),
        ("the context factory user", "@context_factory"),
    ):
        line = next(number for number, text in enumerate(lines, 1) if text == at)
        found = [told for told in checked.stdout.splitlines() if title in told]
        assert len(found) == 1
        assert f"told_resolvers.py:{line}: warning: {title} does not declare `vary=`" in found[0]
    assert "3 warnings" in checked.stderr
    planned = command(tmp_path, "plan", "{ declared }")
    assert "not shared: @loud (" in planned.stdout


def test_a_plan_says_who_shares_it(tmp_path: Path) -> None:
    declared = UNDECLARED_RESOLVERS.replace('("loud")', '("loud", vary=[])')
    declared = declared.replace('("Node")', '("Node", vary=[])')
    declared = declared.replace("@context_factory\n", "@context_factory(vary=['x-tenant'])\n")
    write_undeclared(tmp_path, declared)
    assert "NothingIsShared" not in command(tmp_path, "check").stdout
    for query, line in (
        ("{ declared }", "shared by clients with equal x-tenant, x-user"),
        ("{ declared undeclared }", "told_resolvers.py:26) may read anything of a client: declare"),
        ("{ __typename }", "not shared: it waits for nothing"),
        ("mutation { declared }", "not shared: it is a mutation"),
    ):
        assert line in command(tmp_path, "plan", query).stdout


def test_the_old_name_is_taken_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="`reads=` is called `vary=`"):
        marked: Any = resolver("Query.old", reads=["Host"])(lambda parent, context: None)  # type: ignore[call-arg]
    assert marked.__gateway_marks__[0].vary == vary_of_names(["host"])


def test_a_pattern_does_not_read_what_connection_names() -> None:
    """RFC 9110 §7.6.1. Who names a header shares with those that have none."""
    vary = Vary(patterns=frozenset({"^x-"}))
    views = [
        vary.view(ClientRequest({"x-a": "1", **more}))
        for more in ({"x-hop": "2", "connection": "close, X-Hop"}, {}, {"x-hop": "2"})
    ]
    assert [view.headers for view in views] == [{"x-a": ["1"]}, {"x-a": ["1"]}, {"x-a": ["1"], "x-hop": ["2"]}]  # fmt: skip
    assert partition(views[0]) == partition(views[1]) != partition(views[2])
