"""The schema and resolvers of the tests of sharing: every way in which a client's headers may reach a backend."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "plain", http: { baseURL: "http://127.0.0.1:1" })
  @source(name: "unshared", http: { baseURL: "http://127.0.0.1:1" })
  @source(name: "named", http: { baseURL: "http://127.0.0.1:1" })
  @source(name: "matched", http: { baseURL: "http://127.0.0.1:1" })
  @source(name: "session", http: { baseURL: "http://127.0.0.1:1" })
  @source(
    name: "directive"
    http: { baseURL: "http://127.0.0.1:1", headers: [{ name: "authorization", from: "authorization" }] }
  )

type Query {
  plain(n: Int = 0): Me
    @connect(source: "plain", http: { GET: "/me", queryParams: "n: $args.n" }, selection: "user")
  failing: Me @connect(source: "plain", http: { GET: "/failing" }, selection: "user")
  notes: Me @connect(source: "plain", http: { GET: "/notes" }, selection: "user")
  unshared: Me @connect(source: "unshared", http: { GET: "/me" }, selection: "user")
  named: Me @connect(source: "named", http: { GET: "/me" }, selection: "user")
  matched: Me @connect(source: "matched", http: { GET: "/me" }, selection: "user")
  session: Me @connect(source: "session", http: { GET: "/me" }, selection: "user")
  directive: Me @connect(source: "directive", http: { GET: "/me" }, selection: "user")
  asked: Me
    @connect(
      source: "plain"
      http: { GET: "/me", queryParams: "user: $request.headers.authorization->first" }
      selection: "user"
    )
  mapped: Me
    @connect(
      source: "plain"
      http: { GET: "/me" }
      selection: "user: $request.headers.authorization->first"
    )
  undeclared: String
  nothing: String
  one: String
}
type Mutation {
  write: Me @connect(source: "plain", http: { POST: "/notes" }, selection: "user")
}
type Me { user: String }
"""
RESOLVERS = """
from gateway import resolver


async def ask(context):
    answer = await context.http.get(f"{context.source_url('plain')}/me")
    return f"{answer.json()['user']} {sorted(context.headers.items())} {sorted(context.header_values)}"


@resolver("Query.undeclared")
async def undeclared(parent, context):
    return await ask(context)


@resolver("Query.nothing", vary=[])
async def nothing(parent, context):
    return await ask(context)


@resolver("Query.one", vary=["X-User"])
async def one(parent, context):
    return await ask(context)
"""
SETTINGS = """
[graph]
schema = ["schema.graphql"]
resolvers = "sharing_resolvers"
[logs]
access = "{folder}/access.log"
errors = "{folder}/errors.log"
[traffic_shaping.router]
client_timeout_header = "x-timeout-ms"
dedupe.except_operations = ["Alone"]
[sources.unshared]
dedupe_enabled = false
[sources.session]
session_cookie = "SID"
[[headers.sources.named.request]]
propagate = {{ named = "authorization" }}
[[headers.sources.matched.request]]
propagate = {{ matching = "^auth" }}
"""


@contextmanager
def sharing_project(folder: Path) -> Iterator[Path]:
    """A folder with a configuration; gives the path of that."""
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "sharing_resolvers.py").write_text(RESOLVERS)
    config = folder / "gateway.toml"
    config.write_text(SETTINGS.format(folder=folder))
    path = list(sys.path)
    try:
        yield config
    finally:
        sys.path[:] = path
        sys.modules.pop("sharing_resolvers", None)
