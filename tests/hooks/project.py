"""A project with one hook of each kind, which say in their answers that they have run."""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path

from typer.testing import CliRunner, Result

from gateway.cli.app import app

SCHEMA = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
@source(name: "shop", http: { baseURL: "http://shop.test" })

type Query {
  hello(a: Int): String
  who: String
  price(id: ID!): Int @connect(source: "shop", http: { GET: "/price/{$args.id}" }, selection: "$.value")
}
type Mutation { count: Int }
type Subscription { ticks: Int }
"""
HOOKS = """
from gateway import (
    ClientError, Principal, Response, on_operation, on_request, on_response, on_startup, on_upstream, principal,
    resolver, subscription,
)

told = []


@on_startup
def start(state):
    told.clear()
    return {"greeting": "Hello"}


@principal(vary="x-user")
async def by_header(request):
    if request.headers.get("x-user") == "broken":
        raise RuntimeError("no principal")
    user = request.headers.get("x-user")
    return Principal(id=user, kind="user") if user else None


@on_request(vary=("x-closed", "$principal.id"), order=2)
def closed(request):
    told.append(f"request {request.method} {request.path} {request.principal.id}")
    if request.headers.get("x-closed") == "refused":
        raise ClientError("Closed.", code="CLOSED", http_status=503)
    if request.headers.get("x-closed") == "broken":
        raise RuntimeError("a secret")
    if request.headers.get("x-closed") == "answered":
        return Response(503, {"closed": True}, headers={"retry-after": "60"})


@on_request(vary=(), order=1)
async def first(request):
    told.append("first")


@on_operation(vary="x-plan", variables=True)
def within_plan(operation, request):
    told.append(f"operation {operation.type} {operation.name} {dict(operation.variables)}")
    if operation.name == "Dear" and request.headers.get("x-plan") != "gold":
        raise ClientError("Not in your plan.", code="PLAN", http_status=403)
    if operation.name == "Broken":
        raise RuntimeError("a secret")


@on_upstream("shop", vary="$principal.id")
async def as_user(request):
    request.headers["x-user"] = request.client.principal.id or "nobody"


@on_upstream("shop")
async def sign(request, send):
    request.headers["x-signature"] = f"{request.method} {len(request.url)} {request.headers['x-user']}"
    response = await send(request)
    told.append(f"answered {request.source} {response.status}")
    return response


@on_response(vary="x-stamp")
def stamp(response, request):
    response.headers["x-stamp"] = request.state["greeting"]
    if request.headers.get("x-stamp") == "broken":
        raise RuntimeError("a secret")
    if request.headers.get("x-stamp"):
        response.extensions["stamp"] = request.headers["x-stamp"]


@resolver("Query.hello", vary=())
def hello(parent, context, a=None):
    return context.state["greeting"]


@resolver("Query.who", vary="$principal.id")
def who(parent, context):
    return context.principal.id


@resolver("Mutation.count")
def count(parent, context):
    return 1


@subscription("Subscription.ticks", vary=())
async def ticks(root, context):
    yield 1
    yield 2
"""
CONFIG = """
[graph]
schema = "schema.graphql"
resolvers = "{name}"

[logs]
access = "{folder}/access.log"
errors = "{folder}/errors.log"

[batching]
enabled = true

[subscription]
enabled = true
"""


def write(
    folder: Path, name: str, hooks: str = HOOKS, schema: str = SCHEMA, more: str = ""
) -> Path:
    """The configuration file of a project; its Python is the module `name`, which nobody has imported."""
    sys.modules.pop(name, None)
    (folder / "schema.graphql").write_text(schema)
    (folder / f"{name}.py").write_text(hooks)
    config = folder / "gateway.toml"
    config.write_text(CONFIG.format(name=name, folder=folder) + more)
    return config


def gateway(*arguments: str, folder: Path) -> Result:
    """A command, in this process, as it is called in a folder."""
    with chdir(folder):
        return CliRunner().invoke(app, list(arguments), catch_exceptions=False)
