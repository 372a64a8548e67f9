"""What backends are told of who asks: `$principal`, `$request.claims`, header rules; and who shares a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.auth.api_keys import ApiKeys, make_key, write_api_keys
from gateway.auth.principal import Principal, names_of, path_of
from gateway.connectors.header_rule_settings import InsertHeader
from gateway.testing import GatewayClient
from tests.auth.issuing import ISSUER, ec_key, key_set, token_of
from tests.auth.test_api_keys import kept
from tests.support.backend import Asked, Backend, backend

SDL = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
@source(name: "api", http: { baseURL: "http://backend.invalid" })
type Query {
  url: String @connect(source: "api", http: { GET: "/of/{$principal.id}/{$request.claims.tenant.id}" }, selection: "$.target")
  header: String @connect(source: "api", http: { GET: "/h", headers: [{ name: "x-user", value: "{$principal.id}" }] }, selection: "$.user")
  mapped: Said @connect(source: "api", http: { GET: "/m" }, selection: "id: $principal.id scopes: $principal.scopes tenant: $request.claims.tenant.id")
  posted: String @connect(source: "api", http: { POST: "/p", body: "by: $principal.id" }, selection: "$.body")
  quoted: String @connect(source: "api", http: { GET: "/q", headers: [{ name: "x-user", value: "{$request.claims.'https://shop.example/roles'->joinNotNull(',')}" }] }, selection: "$.user")
  same: String @connect(source: "api", http: { GET: "/same" }, selection: "$.target")
  row(id: ID!): Row @connect(source: "api", http: { GET: "/r/{$args.id}" }, selection: "id")
}
type Said { id: String scopes: [String!] tenant: String }
type Row { id: String mine: String @connect(source: "api", http: { GET: "/mine/{$this.id}?u={$principal.id}" }, selection: "$.target") }
"""


def echo(asked: Asked) -> Any:
    headers = dict(asked.headers)
    return {
        "id": "1",
        "target": asked.target,
        "user": headers.get("x-user"),
        "tenant": headers.get("x-tenant"),
        "body": asked.body.decode(),
    }


@asynccontextmanager
async def gateway(folder: Path, **tables: Any) -> AsyncIterator[tuple[GatewayClient, Backend]]:
    (folder / "schema.graphql").write_text(SDL)
    (folder / "jwks.json").write_text(json.dumps(key_set(ec_key())))
    config = build_config(
        {
            "graph": {"schema": ["schema.graphql"]},
            "logs": {"access": "off", "slow": "off"},
            "authentication": {"jwt": {"jwks": [{"file": "jwks.json", "issuers": [ISSUER]}]}},
            **tables,
        }
    )
    async with (
        backend(echo) as server,
        GatewayClient(config, base=folder, sources={"api": server.url}) as client,
    ):
        yield client, server


def of(sub: str = "alice", **claims: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {token_of(ec_key(), sub=sub, **claims)}"}


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("{ url }", {"url": "/of/alice/t1"}),
        ("{ header }", {"header": "alice"}),
        ("{ mapped { id scopes tenant } }", {"mapped": {"id": "alice", "scopes": ["a", "b"], "tenant": "t1"}}),
        ("{ posted }", {"posted": '{"by":"alice"}'}),
        ('{ row(id: "1") { mine } }', {"row": {"mine": "/mine/1?u=alice"}}),
    ],
)  # fmt: skip
async def test_connectors_say_who_asks(tmp_path: Path, query: str, answer: Any) -> None:
    async with gateway(tmp_path) as (client, _):
        headers = of(scope="b a", tenant={"id": "t1"})
        assert (await client.execute(query, headers=headers)).data == answer


async def test_nobody_has_no_id(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, _):
        found = await client.execute("{ header mapped { id scopes } }")
        assert found.data == {"header": None, "mapped": {"id": None, "scopes": []}}


RULES = [
    {"propagate": {"matching": "^x-"}},
    {"insert": {"name": "X-User", "value_from": "$principal.id"}},
    {"insert": {"name": "x-tenant", "value_from": "$request.claims.tenant.id"}},
]


async def test_a_rule_inserts_always_and_a_clients_own_header_never_counts(tmp_path: Path) -> None:
    rules = {"headers": {"all": {"request": RULES}}}
    async with gateway(tmp_path, **rules) as (client, server):
        spoof = {"x-user": "root", "X-Tenant": "all", "x-kept": "k"}
        for headers in (spoof, {**spoof, **of(tenant={"id": 7})}):
            await client.execute("{ same }", headers=headers)
        first, second = (
            {
                name: value
                for name, value in asked.headers
                if name in ("x-user", "x-tenant", "x-kept")
            }
            for asked in server.asked
        )
        assert first == {"x-kept": "k", "x-user": "", "x-tenant": ""}
        assert second == {"x-kept": "k", "x-user": "alice", "x-tenant": "7"}


async def test_a_connectors_header_takes_the_place_of_the_clients(tmp_path: Path) -> None:
    rules = {"headers": {"all": {"request": [{"propagate": {"matching": "^x-"}}]}}}
    async with gateway(tmp_path, **rules) as (client, _):
        found = await client.execute("{ header }", headers={"x-user": "root"})
        assert found.data == {"header": None}
        found = await client.execute("{ header }", headers={"x-user": "root", **of()})
        assert found.data == {"header": "alice"}


@pytest.mark.parametrize("sub", ["a\r\nx-admin: 1", "a\x00", "名\n", " root", "root\t"])
async def test_a_claim_cannot_write_another_header(tmp_path: Path, sub: str) -> None:
    rules = {"headers": {"all": {"request": RULES}}}
    async with gateway(tmp_path, **rules) as (client, server):
        found = await client.execute("{ same }", headers=of(sub))
        assert found.errors[0]["extensions"]["code"] == "INVALID_REQUEST_VALUE"
        assert not server.asked


X_USER = {"insert": {"name": "X-User", "value_from": "$principal.id"}}


@pytest.mark.parametrize(
    "rules",
    [
        [X_USER, {"propagate": {"matching": "^x"}}],
        [{"propagate": {"matching": "x.user"}}, X_USER, {"propagate": {"named": "x-user"}}],
        [X_USER, {"propagate": {"named": "x-foo", "rename": "x_user"}}],
        [X_USER, {"propagate": {"named": "x_user"}}],
    ],
)
@pytest.mark.parametrize("by_source", [False, True])
async def test_no_rule_lets_a_client_say_who_it_is(
    tmp_path: Path, rules: list[Any], by_source: bool
) -> None:
    own = {"all": {"request": [X_USER]}, "sources": {"api": {"request": rules}}}
    tables = {"headers": own if by_source else {"all": {"request": rules}}}
    sent = {"x-user": "root", "x_user": "root", "X-USER": "root", "x-foo": "root"}
    async with gateway(tmp_path, **tables) as (client, server):
        for who, headers in (("", {}), ("alice", of())):
            server.asked.clear()
            await client.execute("{ same }", headers={**sent, **headers})
            (asked,) = server.asked
            names = [(n.lower().replace("_", "-"), value) for n, value in asked.headers]
            assert [value for name, value in names if name == "x-user"] == [who]


async def test_a_pattern_copies_no_api_key(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"keys": []}')
    text, _ = make_key("gw", "live")
    (tmp_path / "keys.json").write_bytes(write_api_keys(ApiKeys((kept(text),))))
    tables = {"authentication": {"api_keys": {"file": "keys.json"}}}
    for rule, is_sent in (({"matching": "^x-"}, False), ({"named": "x-api-key"}, True)):
        rules = {"headers": {"all": {"request": [{"propagate": rule}]}}}
        async with gateway(tmp_path, **tables, **rules) as (client, server):
            await client.execute("{ same }", headers={"x-api-key": text, "x-other": "1"})
            assert (text in dict(server.asked[0].headers).values()) is is_sent


@pytest.mark.parametrize(
    ("header", "is_error"),
    [
        ('{ name: "x-user", from: "x-user" }', True),
        ('{ name: "X_User", from: "x-other" }', True),
        ('{ name: "x-user", value: "{$request.headers.user->first}" }', True),
        ('{ name: "x-user", value: "{$args.u}" }', True),
        ('{ name: "x-user", value: "{$principal.id}" }', False),
        ('{ name: "x-user", value: "{$request.claims.sub}" }', False),
        ('{ name: "x-user", value: "service" }', False),
        ('{ name: "x-other", from: "x-user" }', False),
    ],
)
@pytest.mark.parametrize("is_on_source", [False, True])
def test_no_directive_lets_a_client_say_who_it_is(
    tmp_path: Path, header: str, is_error: bool, is_on_source: bool
) -> None:
    of_source, of_field = (
        f", headers: [{header}]" if one else "" for one in (is_on_source, not is_on_source)
    )
    (tmp_path / "schema.graphql").write_text(
        f"""
        extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
        @source(name: "api", http: {{ baseURL: "http://backend.invalid"{of_source} }})
        type Query {{ a(u: String): Int @connect(source: "api", http: {{ GET: "/a"{of_field} }}, selection: "$") }}
        """
    )
    tables = {"headers": {"all": {"request": [X_USER]}}}
    config = build_config({"graph": {"schema": ["schema.graphql"]}, **tables})
    codes = [finding.code for finding in build_graph(config, tmp_path, {}).errors]
    wanted = "InvalidHeader" if is_on_source and "$args" in header else "IdentityHeader"
    assert codes == ([wanted] if is_error else [])


async def test_claims_with_urls_for_names_are_read(tmp_path: Path) -> None:
    name = "https://shop.example/roles"
    rule = {"insert": {"name": "x-tenant", "value_from": f"$request.claims.'{name}'"}}
    async with gateway(tmp_path, headers={"all": {"request": [rule]}}) as (client, server):
        roles: list[dict[str, Any]] = [{name: ["r1", "r2"]}, {name: ["r1"]}]
        await asyncio.gather(*(client.execute("{ same }", headers=of(**one)) for one in roles))
        sent = [dict(asked.headers)["x-tenant"] for asked in server.asked]
        assert sorted(sent) == ["r1", "r1 r2"]
        found = [(await client.execute("{ quoted }", headers=of(**one))).data for one in roles]
        assert found == [{"quoted": "r1,r2"}, {"quoted": "r1"}]


@pytest.mark.parametrize("path", ["https://x.example/roles", "'a", "a..b", "", "a.'b'c"])
def test_a_claim_that_is_not_named_whole_is_an_error(path: str) -> None:
    with pytest.raises(ValueError, match="quotes"):
        InsertHeader(name="x", value_from=f"$request.claims.{path}")


def test_the_names_of_a_path() -> None:
    for names in (("claims", "a.b", "c"), ("claims", "it's"), ("claims", 'a"b'), ("id",)):
        assert names_of(path_of(names)) == names
    assert path_of(names_of("claims.'a-b'.\"c\"")) == "claims.a-b.c"


async def test_two_claims_are_never_one_to_a_backend(tmp_path: Path) -> None:
    rules = {"headers": {"all": {"request": RULES}}}
    pairs: list[tuple[Any, Any]] = [
        ({"tenant": {"id": 10**20 + 1}}, {"tenant": {"id": 10**20 + 2}}),
        ({"tenant": {"id": 0.0}}, {"tenant": {"id": -0.0}}),
        ({"tenant": {"id": ["a b"]}}, {"tenant": {"id": ["a", "b"]}}),
        ({"tenant": {"id": "rémy"}}, {"tenant": {"id": "rÃ©my"}}),
        ({"tenant": {"id": "é"}}, {"tenant": {"id": "名"}}),
        ({"tenant": {"id": [""]}}, {"tenant": {"id": []}}),
    ]
    async with gateway(tmp_path, **rules) as (client, server):
        for first, second in pairs:
            server.asked.clear()
            await asyncio.gather(
                *(client.execute("{ same }", headers=of(**claims)) for claims in (first, second))
            )
            values = {dict(asked.headers)["x-tenant"] for asked in server.asked}
            assert len(values) == len(server.asked) == 2


async def test_calls_are_shared_by_whom_the_backend_cannot_tell_apart(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, server):

        async def ask(query: str) -> list[Any]:
            server.asked.clear()
            users = [of(sub, jti=str(n)) for n, sub in enumerate(["alice", "bob", "alice"])]
            found = await asyncio.gather(*(client.execute(query, headers=u) for u in users))
            return [next(iter(one.data.values())) for one in found]

        assert await ask("{ same }") == ["/same"] * 3
        assert len(server.asked) == 1
        assert await ask("{ header }") == ["alice", "bob", "alice"]
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"n": 1}, "1"),
        ({"n": True}, "true"),
        ({"n": None}, ""),
        ({"n": ["a", "b"]}, "a b"),
        ({"n": ["a b", "c"]}, '["a b","c"]'),
        ({"n": ['["a"]']}, '["[\\"a\\"]"]'),
        ({"n": 10**30}, "1" + "0" * 30),
        ({"n": {"a": [1]}}, '{"a":[1]}'),
        ({}, ""),
    ],
)
def test_a_claim_as_a_headers_value(value: Any, text: str) -> None:
    assert Principal(claims=value).text_of("claims.n") == text


@pytest.mark.parametrize(
    "given",
    [{}, {"value": "a", "value_from": "$principal.id"}, {"value_from": "x-user"}, {"value_from": "$this.id"}],
)  # fmt: skip
def test_an_insert_has_one_value(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"value|principal"):
        InsertHeader(name="x", **given)


def test_the_schema_passes_the_check(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text(SDL)
    graph = build_graph(build_config({"graph": {"schema": ["schema.graphql"]}}), tmp_path, {})
    assert not graph.errors
