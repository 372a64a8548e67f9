"""`@authenticated`, `@requiresScopes`, `@policy`: what is left of an operation, what is told, and what is not
fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.testing import GatewayClient
from tests.auth.issuing import ISSUER, ec_key, key_set, token_of
from tests.support.backend import Backend, backend

LINK = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
@source(name: "api", http: { baseURL: "http://backend.invalid" })
"""
SDL = (
    LINK
    + """
type Query {
  me: User @connect(source: "api", http: { GET: "/me" }, selection: "id name email ssn level secret { code }")
  users: [User!] @connect(source: "api", http: { GET: "/users" }, selection: "id name email ssn level")
  nodes: [Node] @connect(source: "api", http: { GET: "/nodes" }, selection: "__typename: kind id hidden text")
  any: [Any] @connect(source: "api", http: { GET: "/nodes" }, selection: "__typename: kind id hidden text")
  vault: Vault @connect(source: "api", http: { GET: "/vault" }, selection: "gold")
  paid: String! @authenticated @connect(source: "api", http: { GET: "/paid" }, selection: "$")
  find(level: Level, filter: Filter, by: Stamp): String
    @connect(source: "api", http: { GET: "/find" }, selection: "$")
  policy: String @policy(policies: [["a", "b"], ["c"]])
    @connect(source: "api", http: { GET: "/policy" }, selection: "$")
}
type Mutation {
  wipe: String @requiresScopes(scopes: [["admin"]])
    @connect(source: "api", http: { POST: "/wipe" }, selection: "$")
  touch: String @connect(source: "api", http: { POST: "/touch" }, selection: "$")
}
type User {
  id: ID! @requiresScopes(scopes: [["ids"]])
  name: String
  email: String @requiresScopes(scopes: [["user:email", "user"], ["admin"]])
  ssn: String! @requiresScopes(scopes: [["hr"]])
  level: Level
  secret: Secret
  posts: [String!] @connect(source: "api", http: { GET: "/posts/{$this.id}" }, selection: "$")
}
type Secret { code: String @authenticated }
type Vault @authenticated { gold: Int }
enum Level @requiresScopes(scopes: [["levels"]]) { LOW HIGH }
scalar Stamp @authenticated
input Filter { level: Level inner: Filter text: String }
interface Node { id: ID! hidden: String @authenticated }
type Open implements Node { id: ID! hidden: String text: String }
type Private implements Node @requiresScopes(scopes: [["private"]]) { id: ID! hidden: String text: String }
union Any = Open | Private
"""
)
USER = {"id": 1, "name": "Ann", "email": "a@x", "ssn": "s", "level": "LOW", "secret": {"code": "c"}}
NODES = [
    {"kind": "Open", "id": 1, "hidden": "h1", "text": "t1"},
    {"kind": "Private", "id": 2, "hidden": "h2", "text": "t2"},
]
ANSWERS = {
    "/me": USER,
    "/users": [USER, {**USER, "id": 2, "name": "Bob"}],
    "/nodes": NODES,
    "/vault": {"gold": 7},
    "/paid": "paid",
    "/find": "found",
    "/policy": "decided",
    "/posts/1": ["p"],
    "POST /wipe": "wiped",
    "POST /touch": "touched",
}
POLICIES = """
from gateway import policy_resolver

ASKED = []


@policy_resolver
async def decide(context, policies):
    ASKED.append(policies)
    return {name: True for name in context.headers.get("x-policies", "").split(",")}
"""


@asynccontextmanager
async def gateway(
    folder: Path, directives: Mapping[str, Any] | None = None, sdl: str = SDL, **tables: Any
) -> AsyncIterator[tuple[GatewayClient, Backend]]:
    (folder / "schema.graphql").write_text(sdl)
    (folder / "jwks.json").write_text(json.dumps(key_set(ec_key())))
    (folder / "policy_resolvers.py").write_text(POLICIES)
    config = build_config(
        {
            "graph": {"schema": ["schema.graphql"], "resolvers": "policy_resolvers"},
            "logs": {"access": "off", "slow": "off", "audit": str(folder / "audit.log")},
            "authentication": {"jwt": {"jwks": [{"file": "jwks.json", "issuers": [ISSUER]}]}},
            "authorization": {"directives": directives or {}},
            **tables,
        }
    )
    async with (
        backend(ANSWERS) as server,
        GatewayClient(config, base=folder, sources={"api": server.url}) as client,
    ):
        yield client, server


def of(scope: str | None = "") -> dict[str, str]:
    """The headers of somebody with these scopes; None: of nobody."""
    return {} if scope is None else {"authorization": f"Bearer {token_of(ec_key(), scope=scope)}"}


def paths(errors: list[dict[str, Any]]) -> list[str]:
    return [".".join(error["path"]) for error in errors]


@pytest.mark.parametrize(
    ("query", "scope", "data", "denied"),
    [
        ("{ me { name } }", None, {"me": {"name": "Ann"}}, []),
        ("{ me { name email } }", None, {"me": {"name": "Ann", "email": None}}, ["me.email"]),
        ("{ me { x: email } }", "user", {"me": {"x": None}}, ["me.x"]),
        ("{ me { email } }", "user user:email", {"me": {"email": "a@x"}}, []),
        ("{ me { email } }", "admin", {"me": {"email": "a@x"}}, []),
        ("{ me { name ssn } }", "admin", {"me": None}, ["me.ssn"]),
        ("{ users { name ssn } }", "", {"users": None}, ["users.@.ssn"]),
        ("{ users { name level } }", "", {"users": [{"name": "Ann", "level": None}, {"name": "Bob", "level": None}]}, ["users.@.level"]),
        ("{ me { secret { code } } }", None, {"me": {"secret": {"code": None}}}, ["me.secret.code"]),
        ("{ me { name } vault { gold } }", None, {"me": {"name": "Ann"}, "vault": None}, ["vault"]),
        ("{ me { name } paid }", None, None, ["paid"]),
        ("{ me { name } paid }", "", {"me": {"name": "Ann"}, "paid": "paid"}, []),
        ("{ nodes { id } }", None, {"nodes": [None, None]}, ["nodes.@.id"]),
        ("{ nodes { id } }", "private", {"nodes": [{"id": "1"}, {"id": "2"}]}, []),
        ("{ nodes { ... on Open { id hidden text } } }", None, {"nodes": [{"id": "1", "hidden": None, "text": "t1"}, {}]}, ["nodes.@.... on Open.hidden"]),
        ("{ nodes { ... on Private { text } } }", "", {"nodes": [{}, {"text": None}]}, ["nodes.@.... on Private"]),
        ("{ any { ...F ... on Open { text } } } fragment F on Node { hidden }", "", {"any": [{"hidden": None, "text": "t1"}, {"hidden": None}]}, ["any.@.hidden"]),
        ("{ any { __typename } }", None, {"any": [{"__typename": "Open"}, {"__typename": "Private"}]}, []),
        ("{ me { email @skip(if: true) name } }", None, {"me": {"name": "Ann"}}, []),
        ("query($s: Boolean = true) { me { email @skip(if: $s) name } }", None, {"me": {"name": "Ann"}}, []),
        ("{ me { posts } }", None, {"me": {"posts": ["p"]}}, []),
        ("{ me { id posts } }", "", {"me": None}, ["me.id"]),
        ("{ me { name } find(level: LOW) }", None, {"me": {"name": "Ann"}, "find": None}, ["find"]),
        ("{ find(filter: { inner: { level: LOW } }) me { name } }", None, {"find": None, "me": {"name": "Ann"}}, ["find"]),
        ('{ find(filter: { text: "x" }) }', None, {"find": "found"}, []),
        ("query($f: Filter) { find(filter: $f) me { name } }", None, {"find": "found", "me": {"name": "Ann"}}, []),
        ("query($f: Filter = {level: LOW}) { find(filter: $f) me { name } }", None, {"find": None, "me": {"name": "Ann"}}, ["find"]),
        ('{ find(by: "now") me { name } }', None, {"find": None, "me": {"name": "Ann"}}, ["find"]),
        ('{ find(by: "now") }', "", {"find": "found"}, []),
    ],
)  # fmt: skip
async def test_what_is_denied_is_null_and_told(
    tmp_path: Path, query: str, scope: str | None, data: Any, denied: list[str]
) -> None:
    async with gateway(tmp_path) as (client, _):
        found = await client.execute(query, headers=of(scope))
        assert (found.data, paths(found.errors)) == (data, denied)
        assert {e["extensions"]["code"] for e in found.errors} <= {"UNAUTHORIZED_FIELD_OR_TYPE"}
        assert (await client.execute(query, headers=of(scope))).data == data  # from memory


BY_FILTER = "query($f: Filter = {level: LOW}) { find(filter: $f) me { name } }"
BY_LEVEL = "query($l: Level) { find(filter: { inner: { level: $l } }) me { name } }"


@pytest.mark.parametrize(
    ("query", "variables", "is_denied"),
    [
        (BY_FILTER, {}, True),
        (BY_FILTER, {"f": None}, False),
        (BY_FILTER, {"f": {}}, False),
        (BY_FILTER, {"f": {"text": "x"}}, False),
        (BY_FILTER, {"f": {"level": None, "inner": None}}, False),
        (BY_FILTER, {"f": {"level": "LOW"}}, True),
        (BY_FILTER, {"f": {"text": "x", "inner": {"inner": {"level": "HIGH"}}}}, True),
        (BY_LEVEL, {}, False),
        (BY_LEVEL, {"l": None}, False),
        (BY_LEVEL, {"l": "LOW"}, True),
        ("query($b: Stamp) { find(by: $b) me { name } }", {"b": "now"}, True),
        ("query($b: Stamp) { find(by: $b) me { name } }", {}, False),
    ],
)
async def test_a_variable_is_under_the_rules_of_what_it_holds(
    tmp_path: Path, query: str, variables: dict[str, Any], is_denied: bool
) -> None:
    async with gateway(tmp_path) as (client, server):
        for _ in range(2):
            found = await client.execute(query, variables)
            assert found.data == {"find": None if is_denied else "found", "me": {"name": "Ann"}}
            assert paths(found.errors) == (["find"] if is_denied else [])
        assert any(asked.target == "/find" for asked in server.asked) is not is_denied
        both: list[dict[str, Any]] = [
            {"f": {"level": "LOW"}, "l": "LOW", "b": "now"},
            {"f": {}, "l": None, "b": None},
        ]
        for sent in both:  # one's decisions are not the other's
            given = {name: value for name, value in sent.items() if f"${name}" in query}
            found = await client.execute(query, given)
            assert bool(found.errors) is (sent is both[0])
        of_levels = await client.execute(query, both[0], headers=of("levels"))
        assert of_levels.data["find"] == "found" or "$b" in query


async def test_nothing_denied_is_fetched(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, server):
        await client.execute("{ me { name } vault { gold } paid }")
        await client.execute("mutation { touch wipe }", headers=of("write"))
        assert sorted(asked.line for asked in server.asked) == ["GET /me", "POST /touch"]


@pytest.mark.parametrize(
    "query", ["{ vault { gold } }", "{ __typename paid }", "mutation { wipe }"]
)
async def test_where_nothing_is_left_the_whole_request_is_refused(
    tmp_path: Path, query: str
) -> None:
    async with gateway(tmp_path) as (client, server):
        found = await client.execute(query)
        assert (found.status, found.data) == (403, None)
        assert found.errors[0]["extensions"]["code"] == "UNAUTHORIZED_FIELD_OR_TYPE"
        assert not server.asked


async def test_an_operation_may_be_refused_for_a_part(tmp_path: Path) -> None:
    async with gateway(tmp_path, {"unauthorized": "reject"}) as (client, server):
        found = await client.execute("{ me { name email } paid }")
        assert (found.status, found.data, paths(found.errors)) == (403, None, ["me.email", "paid"])
        assert not server.asked
        assert (await client.execute("{ me { name } }")).data == {"me": {"name": "Ann"}}


async def test_a_dry_run_takes_nothing_away(tmp_path: Path) -> None:
    async with gateway(tmp_path, {"dry_run": True}) as (client, _):
        found = await client.execute("{ me { email } paid }")
        assert found.data == {"me": {"email": "a@x"}, "paid": "paid"}
        assert not found.errors
        assert paths(found.extensions["authorizationErrors"]) == ["me.email", "paid"]


async def test_what_a_dry_run_says_is_said_to_nobody_else(tmp_path: Path) -> None:
    import asyncio

    async with gateway(tmp_path, {"dry_run": True}) as (client, _):
        scopes = ["admin", "", "admin", None]
        asked = (client.execute("{ me { email } }", headers=of(scope)) for scope in scopes)
        found = await asyncio.gather(*asked)
        assert [bool(one.extensions) for one in found] == [False, True, False, True]
        assert {one.data["me"]["email"] for one in found} == {"a@x"}


@pytest.mark.parametrize("how", ["extensions", "disabled"])
async def test_errors_may_be_told_elsewhere_or_nowhere(tmp_path: Path, how: str) -> None:
    async with gateway(tmp_path, {"errors": how}) as (client, _):
        found = await client.execute("{ me { email } }")
        assert (found.data, found.errors) == ({"me": {"email": None}}, [])
        assert bool(found.extensions) is (how == "extensions")


@pytest.mark.parametrize(
    ("policies", "data"),
    [("", None), ("a", None), ("a,b", "decided"), ("c", "decided"), ("b,c", "decided")],
)
async def test_policies_are_decided_once_for_an_operation(
    tmp_path: Path, policies: str, data: str | None
) -> None:
    async with gateway(tmp_path) as (client, _):
        import policy_resolvers  # type: ignore[import-not-found]

        policy_resolvers.ASKED.clear()
        query = "{ policy again: policy me { name } }"
        found = await client.execute(query, headers={"x-policies": policies})
        assert found.data == {"policy": data, "again": data, "me": {"name": "Ann"}}
        assert policy_resolvers.ASKED == [["a", "b", "c"]]


async def test_two_principals_share_nothing_that_was_decided_differently(tmp_path: Path) -> None:
    import asyncio

    async with gateway(tmp_path) as (client, server):
        query, scopes = "{ me { email } }", ["admin", "other", "admin", None]
        found = await asyncio.gather(*(client.execute(query, headers=of(s)) for s in scopes))
        assert [one.data["me"]["email"] for one in found] == ["a@x", None, "a@x", None]
        assert len(server.asked) <= 2


async def test_denials_are_audited(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, _):
        await client.execute("query Q { me { email } }", headers=of("x"))
        await client.execute("{ me { name } }")
        _, line = map(json.loads, (tmp_path / "audit.log").read_text().splitlines())
        assert (line["event"], line["operation_name"], line["denied"]) == (
            "denied",
            "Q",
            ["User.email"],
        )
        assert line["actor"]["principal"] == "alice"


@pytest.mark.parametrize("incremental", [True, False])
async def test_deferred_fields_are_denied_too(tmp_path: Path, incremental: bool) -> None:
    async with gateway(tmp_path, incremental={"enabled": True}) as (client, server):
        query = "{ me { name ... @defer { email secret { code } } } paid }"
        headers = {"accept": "multipart/mixed" if incremental else "application/json"}
        answer = await client.http.post("/graphql", json={"query": query}, headers=headers)
        assert b"a@x" not in answer.content
        assert b'"c"' not in answer.content
        assert all(asked.target != "/paid" for asked in server.asked)
        if incremental:
            assert answer.content.count(b"UNAUTHORIZED_FIELD_OR_TYPE") == 3


@pytest.mark.parametrize(
    ("query", "denied"),
    [
        ("{ users { name ... @defer { email level } } }", ["users.@.email", "users.@.level"]),
        (
            "{ nodes { ... on Open { text ... @defer { hidden } } } }",
            ["nodes.@.... on Open.hidden"],
        ),
        ("{ me { name } ... @defer { vault { gold } } }", ["vault"]),
        ("{ ... @defer { vault { gold } } }", ["vault"]),
    ],
)
async def test_a_deferred_field_is_denied_at_its_place_in_the_response(
    tmp_path: Path, query: str, denied: list[str]
) -> None:
    async with gateway(tmp_path, incremental={"enabled": True}) as (client, _):
        whole = await client.execute(query.replace("@defer", ""))
        assert paths(whole.errors) == denied
        answer = await client.http.post(
            "/graphql", json={"query": query}, headers={"accept": "multipart/mixed"}
        )
        told = [json.loads(part) for part in re.findall(rb"{.*}", answer.content)]
        assert paths(told[0]["errors"]) == denied
        assert ("data" in told[0]) == (whole.data is not None)


async def test_what_runs_without_a_plan_is_filtered_as_all_else(tmp_path: Path) -> None:
    flags = "".join(f"$b{n}: Boolean = true " for n in range(12))
    fields = " ".join(f"n{n}: name @include(if: $b{n})" for n in range(12))
    query = f"query({flags}) {{ me {{ {fields} email }} paid }}"
    async with gateway(tmp_path) as (client, server):
        for headers in (of(), of("other")):
            for variables, names in (({}, 12), ({"b3": False}, 11)):
                found = await client.execute(query, variables, headers=headers)
                assert len([key for key in found.data["me"] if key.startswith("n")]) == names
                assert found.data["me"]["email"] is None
                assert (found.data["paid"], paths(found.errors)) == ("paid", ["me.email"])
        server.asked.clear()
        nobody = await client.execute(query)
        assert (nobody.data, paths(nobody.errors)) == (None, ["me.email", "paid"])
        assert all(asked.target != "/paid" for asked in server.asked)
        allowed = await client.execute(query, headers=of("admin"))
        assert allowed.data["me"]["email"] == "a@x"


@pytest.mark.parametrize(
    "query",
    [
        "{ users @stream(initialCount: 1) { name email } me { name } }",
        "{ me { ... @defer { ... @defer { name email } } } users { name } }",
    ],
)
async def test_what_no_plan_delivers_in_parts_is_delivered_whole(
    tmp_path: Path, query: str
) -> None:
    whole = re.sub(r"@stream\(initialCount: 1\)|@defer", "", query)
    async with gateway(tmp_path, incremental={"enabled": True}) as (client, _):
        wanted = await client.execute(whole)
        assert len(wanted.errors) == 1
        answer = await client.http.post(
            "/graphql", json={"query": query}, headers={"accept": "multipart/mixed"}
        )
        assert b"a@x" not in answer.content
        (payload,) = [
            json.loads(part) for part in re.findall(rb"\r\n\r\n({.*})\r\n", answer.content)
        ]
        assert payload["data"] == wanted.data
        assert payload["errors"] == wanted.errors


async def test_what_is_too_large_for_a_plan_is_answered_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.plan.compile.MAX_FIELDS", 20)
    query = "{ me { " + " ".join(f"n{n}: name" for n in range(30)) + " email } }"
    async with gateway(tmp_path) as (client, server):
        refused = await client.execute(query)
        assert (refused.data, refused.errors[0]["extensions"]["code"]) == (
            None,
            "UNAUTHORIZED_FIELD_OR_TYPE",
        )
        assert not server.asked
        allowed = await client.execute(query, headers=of("admin"))
        assert allowed.data["me"]["email"] == "a@x"


async def test_introspection_shows_what_is_protected(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, _):
        found = await client.execute('{ __type(name: "Vault") { name } }')
        assert found.data == {"__type": {"name": "Vault"}}


RENAMED = """
extend schema @link(
  url: "https://specs.apollo.dev/federation/v2.6",
  import: [{ name: "@authenticated", as: "@signedIn" }, "@policy"]
)
"""


async def test_an_import_that_is_one_item_is_a_list_of_it(tmp_path: Path) -> None:
    one = RENAMED.replace("[{", "{").replace('}, "@policy"]', "}")
    assert "import: {" in one
    sdl = (
        one
        + LINK
        + """
    directive @signedIn on FIELD_DEFINITION
    type Query { paid: String @signedIn @connect(source: "api", http: { GET: "/paid" }, selection: "$") }
    """
    )
    async with gateway(tmp_path, sdl=sdl) as (client, _):
        assert (await client.execute("{ paid }")).status == 403


@pytest.mark.parametrize("use", ["@signedIn", "@authenticated", "@federation__authenticated"])
async def test_a_directive_protects_under_each_of_its_names(tmp_path: Path, use: str) -> None:
    sdl = (
        RENAMED
        + LINK.replace("extend schema", "extend schema")
        + f"""
    type Query {{
      paid: String {use} @connect(source: "api", http: {{ GET: "/paid" }}, selection: "$")
    }}
    """
    )
    async with gateway(tmp_path, sdl=sdl) as (client, _):
        assert (await client.execute("{ paid }")).status == 403
        assert (await client.execute("{ paid }", headers=of())).data == {"paid": "paid"}


def findings(folder: Path, sdl: str, **tables: Any) -> list[str]:
    (folder / "schema.graphql").write_text(LINK + sdl)
    graph = build_graph(
        build_config({"graph": {"schema": ["schema.graphql"]}, **tables}), folder, {}
    )
    codes = ("ProtectedRead", "NobodyIsKnown", "MeaninglessRule")
    assert not [
        item for item in graph.findings if item.severity == "error" and item.code not in codes
    ]
    return [item.code for item in graph.findings if item.code in codes]


def known(folder: Path) -> dict[str, Any]:
    """The tables of a gateway to which somebody can show who it is."""
    (folder / "keys.json").write_text('{"keys": []}')
    return {"authentication": {"api_keys": {"file": "keys.json"}}}


@pytest.mark.parametrize(
    ("reads", "protected", "own", "code"),
    [
        ("{$this.ssn}", "ssn: String @authenticated", "", ["ProtectedRead"]),
        ("{$this.ssn}", "ssn: String @authenticated", "@authenticated", []),
        ("{$this.ssn}", "ssn: ID @authenticated", "", []),
        ("{$this.ssn}", "ssn: String @authenticated @policy(policies: [[\"x\"]])", "@authenticated", ["NobodyIsKnown", "ProtectedRead"]),
        ("{$this.inner.ssn}", "inner: Inner", "", ["ProtectedRead"]),
        ("{$this.id}", "ssn: String @authenticated", "", []),
    ],
)  # fmt: skip
def test_an_open_field_that_reads_a_protected_one_does_not_pass_the_check(
    tmp_path: Path, reads: str, protected: str, own: str, code: list[str]
) -> None:
    sdl = f"""
    type Query {{ u: User @connect(source: "api", http: {{ GET: "/me" }}, selection: "id ssn inner {{ ssn }}") }}
    type Inner {{ ssn: String @authenticated }}
    type User {{
      id: ID!
      {protected}
      {"inner: Inner" if "inner: Inner" not in protected else "ssn: String"}
      score: Int {own} @connect(source: "api", http: {{ GET: "/score/{reads}" }}, selection: "$")
    }}
    """
    assert findings(tmp_path, sdl, **known(tmp_path)) == code


SELECTIONS = [
    ("{$this.ssn}", "$.n", []),
    ("{$this.id}", "$this.ssn", ["ProtectedRead"]),
    ("{$this.id}", "$($this { ssn }).ssn", ["ProtectedRead"]),
    ("{$this.id}", "$this.key", ["ProtectedRead"]),
    ("{$this.id}", "$this.name", []),
]


@pytest.mark.parametrize(("reads", "selection", "code"), SELECTIONS)
def test_a_protected_key_is_not_answered_by_an_open_field(
    tmp_path: Path, reads: str, selection: str, code: list[str]
) -> None:
    sdl = f"""
    type Query {{ t: T @connect(source: "api", http: {{ GET: "/t" }}, selection: "id ssn key name") }}
    type T @connect(source: "api", http: {{ GET: "/k/{{$this.key}}" }}, selection: "more") {{
      id: ID!
      name: String
      ssn: ID @authenticated
      key: String @authenticated
      more: String
      owner: String @connect(source: "api", http: {{ GET: "/o/{reads}" }}, selection: "{selection}")
    }}
    """
    assert findings(tmp_path, sdl, **known(tmp_path)) == code


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ('errors: { message: "$this.ssn" }', ["ProtectedRead"]),
        ('isSuccess: "$($this.ssn->eq($status))"', ["ProtectedRead"]),
        ('errors: { message: "$this.id" }', []),
    ],
)
def test_what_an_error_says_is_answered_too(tmp_path: Path, where: str, code: list[str]) -> None:
    sdl = f"""
    type Query {{ t: T @connect(source: "api", http: {{ GET: "/t" }}, selection: "id ssn") }}
    type T {{
      id: ID!
      ssn: ID @authenticated
      owner: String @connect(source: "api", http: {{ GET: "/o/{{$this.id}}" }}, selection: "$.n", {where})
    }}
    """
    assert findings(tmp_path, sdl, **known(tmp_path)) == code


def test_a_connector_of_the_type_answers_no_protected_member_in_an_open_one(tmp_path: Path) -> None:
    sdl = """
    type Query { t: T @connect(source: "api", http: { GET: "/t" }, selection: "id ssn") }
    type T @connect(source: "api", http: { GET: "/k/{$this.id}" }, selection: "owner: $this.ssn") {
      id: ID!
      ssn: ID @authenticated
      owner: String
    }
    """
    assert "ProtectedRead" in findings(tmp_path, sdl, **known(tmp_path))


@pytest.mark.parametrize(
    "use",
    [
        "@requiresScopes(scopes: [[admin]])",
        "@requiresScopes(scopes: admin)",
        '@requiresScopes(scopes: [[admin], ["write"]])',
        '@requiresScopes(scopes: [["admin", write]])',
        "@requiresScopes(scopes: [[1]])",
        "@requiresScopes(scopes: [[null]])",
        "@requiresScopes(scopes: [null])",
        "@requiresScopes(scopes: null)",
        '@requiresScopes(scopes: {all: ["admin"]})',
        "@requiresScopes(scopes: [])",
        '@requiresScopes(scopes: [[" "]])',
        '@requiresScopes(scopes: [["read write"]])',
        '@policy(policies: [[" "]])',
        "@requiresScopes(scopes: [[]])",
        '@requiresScopes(scopes: [["admin"], []])',
        '@requiresScopes(scopes: [[""]])',
        "@policy(policies: [[boss]])",
        "@policy(policies: [[]])",
    ],
)
def test_a_rule_that_asks_for_nothing_is_an_error(tmp_path: Path, use: str) -> None:
    sdl = f'type Query {{ a: Int {use} @connect(source: "api", http: {{ GET: "/a" }}, selection: "$") }}'
    assert findings(tmp_path, sdl, **known(tmp_path)) == ["MeaninglessRule"]


OWN = """
directive @authenticated on FIELD_DEFINITION | UNION | INPUT_OBJECT | ARGUMENT_DEFINITION | ENUM_VALUE
  | INPUT_FIELD_DEFINITION | SCHEMA
"""


@pytest.mark.parametrize(
    ("sdl", "count"),
    [
        (OWN + "input I @authenticated { a: Int } type Query { a(i: I): Int @authenticated CONNECT }", 1),
        (OWN + "input I { a: Int @authenticated } type Query { a(i: I): Int CONNECT }", 1),
        (OWN + "type Query { a(s: String @authenticated): Int CONNECT }", 1),
        (OWN + "enum E { A @authenticated } type Query { a(e: E): Int CONNECT }", 1),
        (OWN + "extend schema @authenticated type Query { a: Int CONNECT }", 1),
        (OWN + "union U @authenticated = A | B type A { a: Int } type B { a: Int } type Query { a: Int CONNECT }", 0),
        ('directive @requiresScopes(scopes: [String!]!) on FIELD_DEFINITION type Query { a: Int @requiresScopes(scopes: ["a", "b"]) CONNECT }', 1),
        ('directive @requiresScopes(scope: String) on FIELD_DEFINITION type Query { a: Int @requiresScopes(scope: "a") CONNECT }', 2),
        ('directive @policy(policies: [[P!]!]!) on FIELD_DEFINITION scalar P type Query { a: Int @policy(policies: [["a"]]) CONNECT }', 0),
        ('type Query { a: Int @requiresScopes(scopes: "a") CONNECT }', 0),
    ],
)  # fmt: skip
def test_a_rule_where_nothing_looks_is_an_error(tmp_path: Path, sdl: str, count: int) -> None:
    connect = '@connect(source: "api", http: { GET: "/a" }, selection: "$")'
    found = findings(tmp_path, sdl.replace("CONNECT", connect), **known(tmp_path))
    assert found.count("MeaninglessRule") == count


def test_directives_without_anybody_who_is_known_are_a_warning(tmp_path: Path) -> None:
    sdl = 'type Query { a: Int @authenticated @connect(source: "api", http: { GET: "/a" }, selection: "$") }'
    assert findings(tmp_path, sdl) == ["NobodyIsKnown"]
    assert findings(tmp_path, sdl, authorization={"directives": {"enabled": False}}) == []


HOOK = """
from gateway import principal

@principal(vary=())
async def who(request):
    return None
"""


@pytest.mark.parametrize(
    ("tables", "count"),
    [
        ({"authorization": {"require_authentication": True}}, 1),
        (
            {
                "authorization": {"require_authentication": True},
                "authentication": {"api_keys": {"prefix": "acme", "file": "keys.json"}},
            },
            0,
        ),
        ({}, 0),
    ],
)
def test_authentication_by_which_nobody_is_known_is_a_warning(
    tmp_path: Path, tables: dict[str, Any], count: int
) -> None:
    known(tmp_path)
    plain = 'a: Int @connect(source: "api", http: { GET: "/a" }, selection: "$")'
    assert findings(tmp_path, f"type Query {{ {plain} }}", **tables) == ["NobodyIsKnown"] * count


def test_policies_that_no_function_decides_are_one_warning(tmp_path: Path) -> None:
    connect = '@connect(source: "api", http: { GET: "/a" }, selection: "$")'
    use = f'@policy(policies: [["boss"]]) {connect}'
    found = findings(tmp_path, f"type Query {{ a: Int {use} b: Int {use} }}", **known(tmp_path))
    assert found == ["NobodyIsKnown"]


def test_where_all_are_refused_a_directive_says_nothing_more(tmp_path: Path) -> None:
    sdl = 'type Query { a: Int @authenticated @connect(source: "api", http: { GET: "/a" }, selection: "$") }'
    required = {"authorization": {"require_authentication": True}}
    assert findings(tmp_path, sdl, **required) == ["NobodyIsKnown"]


def test_a_hook_may_know_who_the_client_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "hook_that_knows.py").write_text(HOOK)
    sdl = 'type Query { a: Int @authenticated @connect(source: "api", http: { GET: "/a" }, selection: "$") }'
    (tmp_path / "schema.graphql").write_text(LINK + sdl)
    config = build_config(
        {
            "graph": {"schema": ["schema.graphql"], "resolvers": "hook_that_knows"},
            "authorization": {"require_authentication": True},
        }
    )
    found = build_graph(config, tmp_path, {}).findings
    assert "NobodyIsKnown" not in [finding.code for finding in found]


def test_settings_that_let_more_in_than_they_seem_to_are_warnings(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text("type Query { a: Int }")
    open_ = {
        "jwks": [{"url": "http://issuer.example/keys"}],
        "on_error": "continue",
        "require_expiry": False,
    }
    closed = {"jwks": [{"url": "https://i.example/keys", "issuers": ["i"], "audiences": ["a"]}]}
    for jwt, count in ((open_, 5), (closed, 0)):
        config = build_config(
            {"graph": {"schema": ["schema.graphql"]}, "authentication": {"jwt": jwt}}
        )
        graph = build_graph(config, tmp_path, {})
        assert [f.code for f in graph.findings].count("OpenAuthentication") == count
