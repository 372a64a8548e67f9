"""Who asks, over HTTP and the whole gateway: 401, anonymous, tokens, cookies, keys; and who shares with whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app.config import build_config
from gateway.auth.api_keys import ApiKeys, make_key, write_api_keys
from gateway.auth.principal import Principal
from gateway.client.flags import DecidedFlag
from gateway.client.vary import Vary, partition, vary_of_names
from gateway.errors import ClientError
from gateway.testing import GatewayClient
from tests.auth.issuing import AUDIENCE, ISSUER, ec_key, key_set, okp_key, token_of
from tests.auth.test_api_keys import kept
from tests.auth.test_key_sets import set_of
from tests.support.backend import Answer, backend

SCHEMA = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
@source(name: "api", http: { baseURL: "http://backend.invalid" })
type Query {
  public: String @connect(source: "api", http: { GET: "/public" }, selection: "$")
  who: String
  tenant: String
  everything: String
}
"""
RESOLVERS = """
import asyncio

from gateway import resolver

CALLS = []


@resolver("Query.who", vary=["$principal.id"])
async def who(parent, context):
    CALLS.append("who")
    await asyncio.sleep(0)
    assert context.principal.scopes == frozenset() and not context.principal.claims, context.principal
    return context.principal.id


@resolver("Query.tenant", vary=["$request.claims.tenant.id"])
async def tenant(parent, context):
    CALLS.append("tenant")
    await asyncio.sleep(0)
    assert context.principal.id is None
    return context.principal.member("claims.tenant.id")


@resolver("Query.everything")
async def everything(parent, context):
    return f"{context.principal.id} of {context.principal.client}"
"""


@asynccontextmanager
async def gateway(
    tmp_path: Path,
    *,
    authentication: Mapping[str, Any] | None = None,
    public: Any = "open",
    **tables: Any,
) -> AsyncIterator[GatewayClient]:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "authentication_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(ec_key())))
    if not (tmp_path / "keys.json").exists():
        (tmp_path / "keys.json").write_bytes(write_api_keys(ApiKeys()))
    jwt = {"jwks": [{"file": "jwks.json", "issuers": [ISSUER], "audiences": [AUDIENCE]}]}
    given = authentication or {}
    config = build_config(
        {
            "graph": {"schema": ["schema.graphql"], "resolvers": "authentication_resolvers"},
            "logs": {"access": "off", "slow": "off"},
            "authentication": {
                "jwt": {**jwt, **given.get("jwt", {})},
                "api_keys": {"file": "keys.json", **given.get("api_keys", {})},
            },
            **tables,
        }
    )
    async with (
        backend({"/public": public}) as server,
        GatewayClient(config, base=tmp_path, sources={"api": server.url}) as client,
    ):
        yield client


def bearer(**claims: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {token_of(ec_key(), **claims)}"}


async def test_absent_is_anonymous_and_bad_is_401(tmp_path: Path) -> None:
    async with gateway(tmp_path) as client:
        assert (await client.execute("{ who }")).data == {"who": None}
        assert (await client.execute("{ who }", headers=bearer())).data == {"who": "alice"}
        bad = await client.execute("{ public }", headers={"authorization": "Bearer nonsense"})
        assert (bad.status, bad.data) == (401, None)
        assert bad.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert bad.errors[0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "*/*"])
async def test_401_is_told_in_every_media_type(tmp_path: Path, accept: str) -> None:
    async with gateway(tmp_path) as client:
        headers = {"authorization": "Bearer x", "accept": accept}
        for answer in (
            await client.http.post("/graphql", json={"query": "{ who }"}, headers=headers),
            await client.http.get("/graphql?query={who}", headers=headers),
        ):
            assert answer.status_code == 401


async def test_nobody_in_particular_may_be_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path, authorization={"require_authentication": True}) as client:
        refused = await client.execute("{ public }")
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert (await client.execute("{ public }", headers=bearer())).data == {"public": "open"}
        assert (await client.http.get("/health/live")).status_code == 200
        preflight = {"origin": "https://a.example", "access-control-request-method": "POST"}
        assert (await client.http.options("/graphql", headers=preflight)).status_code == 204


@pytest.mark.parametrize(
    "value", ["Basic YTpi", "bearer", "", "Token x", "Bearer a.b.c, Bearer d.e.f", "Bearer  "]
)
async def test_a_header_of_another_form_is_refused(tmp_path: Path, value: str) -> None:
    async with gateway(tmp_path) as client:
        assert (await client.execute("{ who }", headers={"authorization": value})).status == 401


async def test_another_prefix_may_be_somebody_elses(tmp_path: Path) -> None:
    authentication = {"jwt": {"ignore_other_prefixes": True}}
    async with gateway(tmp_path, authentication=authentication) as client:
        for value, status in (("Basic YTpi", 200), ("Bearer x", 401)):
            found = await client.execute("{ who }", headers={"authorization": value})
            assert found.status == status


async def test_a_bad_token_may_be_taken_for_nobody(tmp_path: Path) -> None:
    authentication = {"jwt": {"on_error": "continue"}}
    async with gateway(tmp_path, authentication=authentication) as client:
        for value in ("Bearer nonsense", "Basic x"):
            found = await client.execute("{ who }", headers={"authorization": value})
            assert found.data == {"who": None}


async def test_a_token_may_come_in_a_cookie(tmp_path: Path) -> None:
    async with gateway(tmp_path, authentication={"jwt": {"cookie": "session"}}) as client:
        cookie = {"cookie": f"a=b; session={token_of(ec_key(), sub='carol')}"}
        assert (await client.execute("{ who }", headers=cookie)).data == {"who": "carol"}
        both = {**cookie, **bearer()}
        assert (await client.execute("{ who }", headers=both)).data == {"who": "alice"}
        assert (await client.execute("{ who }", headers={"cookie": "session=x"})).status == 401
        # A backend may be passed the cookie: it has to be good beside a header that is.
        forged = {**bearer(), "cookie": "session=x"}
        assert (await client.execute("{ who }", headers=forged)).status == 401


@pytest.mark.parametrize("is_required", [False, True])
async def test_an_answer_for_those_who_are_known_is_for_no_shared_cache(
    tmp_path: Path, is_required: bool
) -> None:
    tables: dict[str, Any] = {
        "headers": {"all": {"response": [{"propagate": {"named": "cache-control"}}]}},
        "authorization": {"require_authentication": is_required},
    }
    told = (("cache-control", "public, max-age=60"), ("content-type", "application/json"))
    async with gateway(tmp_path, public=Answer("open", 200, told), **tables) as client:
        found = await client.execute("{ public }", headers=bearer())
        assert found.data == {"public": "open"}
        words = {word.strip() for word in found.headers["cache-control"].split(",")}
        assert ("private" in words, "public" in words) == (is_required, not is_required)


async def test_a_token_by_an_edwards_curve_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / "edwards.json").write_text(json.dumps(key_set(okp_key())))
    jwt = {"jwks": [{"file": "edwards.json", "issuers": [ISSUER], "audiences": [AUDIENCE]}]}
    async with gateway(tmp_path, authentication={"jwt": jwt}) as client:
        token = token_of(okp_key(), "Ed25519", sub="dora")
        found = await client.execute("{ who }", headers={"authorization": f"Bearer {token}"})
        assert found.data == {"who": "dora"}
        assert (await client.execute("{ who }", headers=bearer())).status == 401


async def test_a_token_is_refused_from_its_end_on_also_from_memory(tmp_path: Path) -> None:
    async with gateway(tmp_path) as client:
        headers = bearer()
        assert (await client.execute("{ who }", headers=headers)).status == 200
        later = client.app.auth._clock() + 300 + 60
        client.app.auth._clock = lambda: later
        remembered = next(iter(client.app.auth._known_tokens.values()))
        assert remembered.expires <= later
        set_of(client.app.auth).issuer.claims._now = lambda: int(later)
        assert (await client.execute("{ who }", headers=headers)).status == 401


async def test_a_long_token_is_refused_unread(tmp_path: Path) -> None:
    async with gateway(tmp_path) as client:
        token = token_of(ec_key(), filler="x" * 500_000)
        with pytest.raises(ClientError, match="longer than"):
            client.app.auth.authenticate({"authorization": f"Bearer {token}"})


async def test_a_user_in_an_application_may_do_what_both_may(tmp_path: Path) -> None:
    text, _ = make_key("gw", "live")
    keys = ApiKeys((kept(text, scopes=("read", "export")),))
    (tmp_path / "keys.json").write_bytes(write_api_keys(keys))
    async with gateway(tmp_path) as client:
        headers = {"x-api-key": text, **bearer(scope="read write")}
        found = await client.execute("{ everything }", headers=headers)
        assert found.data == {"everything": "alice of acme"}
        principal = next(iter(client.app.auth._joints.values()))
        assert principal.scopes == {"read"}
        bad = {**headers, "authorization": "Bearer x"}
        assert (await client.execute("{ everything }", headers=bad)).status == 401
        assert (await client.execute("{ everything }", headers={"x-api-key": text})).data == {
            "everything": "acme of acme"
        }


async def test_a_batch_is_of_one_principal(tmp_path: Path) -> None:
    async with gateway(tmp_path, batching={"enabled": True}) as client:
        body = [{"query": "{ who }"}, {"query": "{ everything }"}]
        answer = await client.http.post("/graphql", json=body, headers=bearer(azp="app"))
        assert [one["data"] for one in answer.json()] == [
            {"who": "alice"},
            {"everything": "alice of app"},
        ]


async def test_refreshed_tokens_of_one_user_share_and_users_do_not(tmp_path: Path) -> None:
    async with gateway(tmp_path) as client:
        await client.execute("{ who }")
        import authentication_resolvers as resolvers  # type: ignore[import-not-found]

        resolvers.CALLS.clear()
        users = ["alice", "bob", "alice", "bob", "alice"]
        headers = [bearer(sub=sub, jti=str(number)) for number, sub in enumerate(users)]
        found = await asyncio.gather(*(client.execute("{ who }", headers=h) for h in headers))
        assert [one.data["who"] for one in found] == users
        assert resolvers.CALLS == ["who", "who"]


async def test_a_claim_is_a_partition(tmp_path: Path) -> None:
    async with gateway(tmp_path) as client:
        await client.execute("{ who }")
        import authentication_resolvers as resolvers

        resolvers.CALLS.clear()
        tenants = ["x", "y", "x", None, 1, "1"]
        headers = [
            bearer(sub=str(number), tenant={"id": tenant}) for number, tenant in enumerate(tenants)
        ]
        found = await asyncio.gather(*(client.execute("{ tenant }", headers=h) for h in headers))
        assert [one.data["tenant"] for one in found] == ["x", "y", "x", None, "1", "1"]
        assert len(resolvers.CALLS) == 5


class Somebody:
    """A client of the partition function."""

    def __init__(self, principal: Principal, **values: list[str]) -> None:
        self.principal = principal
        self.values = values
        self.flags: dict[str, DecidedFlag] | None = None


def test_what_is_not_declared_is_not_there() -> None:
    claims = {"sub": "a", "tenant": {"id": 1, "name": "n"}, "secret": "s"}
    principal = Principal(id="a", kind="user", scopes=frozenset({"x"}), claims=claims, client="c")
    view = vary_of_names(["$principal.client", "$request.claims.tenant.id"]).view(
        Somebody(principal, cookie=["c"])
    )
    assert view.headers == {}
    assert view.principal.claims == {"tenant": {"id": 1}}
    assert (view.principal.id, view.principal.client) == (None, "c")
    assert not view.principal.scopes


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"n": 1}, {"n": 1.0}, False),
        ({"n": 1}, {"n": True}, False),
        ({"n": "1"}, {"n": 1}, False),
        ({"n": [1, 2]}, {"n": [1, 2]}, True),
        ({"n": {"a": 1, "b": 2}}, {"n": {"b": 2, "a": 1}}, True),
        ({"n": []}, {"n": {}}, False),
        ({}, {"n": None}, True),
    ],
)
def test_a_partition_tells_values_apart(first: Any, second: Any, same: bool) -> None:
    identity = Vary(principal=frozenset({"claims.n"}))
    keys = [partition(identity.view(Somebody(Principal(claims=c)))) for c in (first, second)]
    assert (keys[0] == keys[1]) is same


@pytest.mark.parametrize("name", ["$principal.secret", "$this.id", "$principal", "$principal.key"])
def test_what_cannot_be_read_cannot_be_declared(name: str) -> None:
    with pytest.raises(ValueError, match=r"principal"):
        vary_of_names([name])
