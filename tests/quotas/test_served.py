"""Quotas as clients meet them: 429, headers, who has a quota of its own, and what sockets, batches and events pay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import http_sf
import pytest

from gateway.app.config import build_config
from gateway.app.preconditions import check_quotas
from gateway.auth.api_keys import ApiKey, ApiKeys, digest_of_key, make_key, utc_now, write_api_keys
from gateway.auth.principal import Principal
from gateway.errors import ConfigError
from gateway.quotas.quotas import subject_name
from gateway.testing import GatewayClient

SCHEMA = """
type Query {
  rows(first: Int = 3): [Row] @listSize(slicingArguments: ["first"]), slow: Row, bad: Int!, part: Part
}
type Part { rows(first: Int = 3): [Row] @listSize(slicingArguments: ["first"]), bad: Int! }
type Subscription { ticks(to: Int!): Row }
type Row { id: Int }
"""
RESOLVERS = """
import asyncio
from gateway import resolver, subscription

@resolver("Query.rows", vary=[])
async def rows(parent, context, first):
    return [{"id": number} for number in range(min(first, 2))]

@resolver("Part.rows", vary=[])
async def part_rows(parent, context, first):
    return [{"id": number} for number in range(min(first, 2))]

@resolver("Query.part", vary=[])
def part(parent, context):
    return {}

@resolver("Query.bad", vary=[])
@resolver("Part.bad", vary=[])
async def bad(parent, context):
    raise ValueError("bad")

@resolver("Query.slow", vary=[])
async def slow(parent, context):
    await asyncio.sleep(0)
    return {"id": 1}

@subscription("Subscription.ticks", vary=[])
async def ticks(root, context, to):
    for number in range(to):
        yield {"id": number}
"""
ROWS = "{ rows { id } }"


LOOSE = [{"requests": 1_000, "seconds": 1}]


def tables(windows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    quotas = {"policies": {"default": {"windows": windows, **more.pop("policy", {})}}}
    return {
        "graph": {"schema": ["schema.graphql"], "resolvers": "quota_resolvers"},
        "logs": {"access": "off"},
        "quotas": {**quotas, **more.pop("quotas", {})},
        **more,
    }


@asynccontextmanager
async def gateway(
    folder: Path, windows: list[dict[str, Any]], **more: Any
) -> AsyncIterator[GatewayClient]:
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "quota_resolvers.py").write_text(RESOLVERS)
    async with GatewayClient(build_config(tables(windows, **more)), base=folder) as client:
        yield client


async def test_what_is_over_the_quota_is_answered_with_429(tmp_path: Path) -> None:
    async with gateway(tmp_path, [{"requests": 2, "seconds": 3600}]) as client:
        first, second, third = [await client.execute(ROWS) for _ in range(3)]
    assert (first.status, second.status, third.status) == (200, 200, 429)
    assert third.data is None
    error = third.errors[0]
    assert error["message"] == "The quota is used up: 2 requests in 3600 seconds."
    assert error["extensions"] == {
        "quota": "default",
        "window": "requests-3600",
        "code": "RATE_LIMIT_EXCEEDED",
    }
    assert 1799 <= int(third.headers["retry-after"]) <= 1800
    assert third.headers["cache-control"] == "no-store"


async def test_headers_are_structured_fields(tmp_path: Path) -> None:
    windows: list[dict[str, Any]] = [
        {"requests": 5, "seconds": 10, "name": "burst"},
        {"requests": 100, "seconds": 3600},
    ]
    async with gateway(tmp_path, windows) as client:
        await client.execute(ROWS)
        result = await client.execute(ROWS)
    policy: Any = http_sf.parse(result.headers["ratelimit-policy"].encode(), tltype="list")
    left: Any = http_sf.parse(result.headers["ratelimit"].encode(), tltype="list")
    assert policy == [("burst", {"q": 5, "w": 10}), ("requests-3600", {"q": 100, "w": 3600})]
    assert [(name, said["r"]) for name, said in left] == [("burst", 3), ("requests-3600", 98)]
    assert [said["t"] for _, said in left] == [4, 72]


async def test_headers_can_be_switched_off(tmp_path: Path) -> None:
    windows = [{"requests": 1, "seconds": 10}]
    async with gateway(tmp_path, windows, quotas={"headers": False}) as client:
        results = [await client.execute(ROWS) for _ in range(2)]
    assert [result.status for result in results] == [200, 429]
    assert not [name for result in results for name in result.headers if "ratelimit" in name]
    assert "retry-after" in results[1].headers


async def test_measuring_lets_all_in_and_counts_it(tmp_path: Path) -> None:
    windows = [{"requests": 1, "seconds": 3600}]
    async with gateway(tmp_path, windows, policy={"mode": "measure"}) as client:
        assert [(await client.execute(ROWS)).status for _ in range(3)] == [200] * 3
        quotas = client.app.worker.quotas
        assert quotas is not None
        found = {labels: value for _, labels, value in quotas.samples()}
    assert found["default", "admitted"] == 1
    assert found["default", "measured"] == 2


COST = {"cost": {"mode": "measure"}}


async def test_cost_is_reserved_and_what_was_not_needed_comes_back(tmp_path: Path) -> None:
    """An operation may cost 3 and costs 2: of 10 there is room for four, and not for a fifth."""
    async with gateway(tmp_path, [{"cost": 10, "seconds": 36_000}], **COST) as client:
        found = [await client.execute(ROWS) for _ in range(5)]
    assert [result.status for result in found] == [200] * 4 + [429]
    assert "The quota is used up: 10 cost in 36000 seconds." in found[4].errors[0]["message"]


@pytest.mark.parametrize(
    ("query", "estimated"),
    [
        ("{ rows { id } bad }", 3),
        ("{ part { rows { id } bad } }", 4),
        ("{ part { rows(first: 1) { id } bad } slow { id } }", 3),
    ],
)
async def test_an_answer_with_an_error_pays_its_estimate(
    tmp_path: Path, query: str, estimated: int
) -> None:
    """What an error has made null was fetched all the same: who makes operations fail does not get them free."""
    async with gateway(tmp_path, [{"cost": 1_000, "seconds": 36_000}], **COST) as client:
        found = [await client.execute(query) for _ in range(3)]
    assert all(result.status == 200 and result.errors for result in found)
    assert f";r={1_000 - 3 * estimated};" in found[-1].headers["ratelimit"]


async def test_an_answer_in_parts_pays_its_estimate(tmp_path: Path) -> None:
    query = "{ slow { id } ... @defer { rows { id } } }"
    more = {**COST, "incremental": {"enabled": True}}
    async with gateway(tmp_path, [{"cost": 1_000, "seconds": 36_000}], **more) as client:
        asked = {"accept": "multipart/mixed"}
        for _ in range(2):
            answer = await client.http.post("/graphql", json={"query": query}, headers=asked)
            assert '"hasNext":false' in answer.text
        last = await client.execute("{ slow { id } }")
    assert f";r={1_000 - 2 * 4 - 1};" in last.headers["ratelimit"]


async def test_what_costs_more_than_the_whole_quota_is_told_so(tmp_path: Path) -> None:
    async with gateway(tmp_path, [{"cost": 10, "seconds": 60}], **COST) as client:
        result = await client.execute("{ rows(first: 11) { id } }")
    assert result.status == 429
    assert result.errors[0]["message"] == (
        "The operation costs 11, more than the whole quota: 10 cost in 60 seconds."
    )
    assert "retry-after" not in result.headers


async def test_a_quota_of_cost_needs_costs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a quota is of cost, and cost is not counted"):
        async with gateway(tmp_path, [{"cost": 10, "seconds": 60}]):
            pass


async def test_a_batch_pays_for_each_operation(tmp_path: Path) -> None:
    windows = [{"requests": 2, "seconds": 3600}]
    async with gateway(tmp_path, windows, batching={"enabled": True}) as client:
        answers = await client.http.post("/graphql", json=[{"query": ROWS}] * 3)
    codes = [
        answer.get("errors", [{}])[0].get("extensions", {}).get("code") for answer in answers.json()
    ]
    assert codes == [None, None, "RATE_LIMIT_EXCEEDED"]
    assert "ratelimit" in answers.headers


async def test_each_client_pays_for_what_they_share(tmp_path: Path) -> None:
    windows = [{"requests": 100, "seconds": 36_000}, {"cost": 1_000, "seconds": 36_000}]
    async with gateway(tmp_path, windows, **COST) as client:
        query = "{ slow { id } }"
        found = await asyncio.gather(*(client.execute(query) for _ in range(4)))
        last = await client.execute(query)
        sharing = client.app.worker.serving().sharing
    assert [result.status for result in found] == [200] * 4
    assert sharing.shared > 0
    assert 'requests-36000";r=95' in last.headers["ratelimit"]
    assert 'cost-36000";r=995' in last.headers["ratelimit"]


async def test_a_subscription_pays_on_start_and_for_each_event(tmp_path: Path) -> None:
    async with gateway(tmp_path, [{"requests": 3, "seconds": 3600}]) as client:
        results = [item async for item in client.subscribe("subscription { ticks(to: 9) { id } }")]
        refused = await client.execute(ROWS)
    assert [item.data["ticks"]["id"] for item in results if item.data] == [0, 1]
    assert results[-1].errors[0]["extensions"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert refused.status == 429


async def test_a_subscription_that_has_no_room_does_not_start(tmp_path: Path) -> None:
    async with gateway(tmp_path, [{"requests": 1, "seconds": 3600}]) as client:
        await client.execute(ROWS)
        results = [item async for item in client.subscribe("subscription { ticks(to: 1) { id } }")]
    assert [item.data for item in results] == [None]


def keys(folder: Path, **limits: str | None) -> dict[str, str]:
    """Keys of clients, by their names; each under the policy that is given."""
    made = {name: make_key("gw", "live") for name in limits}
    kept = tuple(
        ApiKey(id=id_, client=name, digest=digest_of_key(text), created=utc_now(), scopes=(), limits=limits[name])
        for name, (text, id_) in made.items()
    )  # fmt: skip
    (folder / "keys.json").write_bytes(write_api_keys(ApiKeys(kept)))
    return {name: text for name, (text, _) in made.items()}


async def test_a_client_is_under_the_policy_that_its_key_or_its_name_has(tmp_path: Path) -> None:
    found = keys(tmp_path, acme=None, other="partner", plain=None)
    policies = {
        "default": {"windows": [{"requests": 1, "seconds": 3600}]},
        "partner": {"windows": [{"requests": 2, "seconds": 3600}]},
    }
    more = {
        "clients": {"acme": {"quota": "partner"}},
        "quotas": {"policies": policies},
        "authentication": {"api_keys": {"file": "keys.json"}},
    }
    async with gateway(tmp_path, LOOSE, **more) as client:
        statuses = {
            name: [
                (await client.execute(ROWS, headers={"x-api-key": key})).status for _ in range(3)
            ]
            for name, key in found.items()
        }
        anonymous = [(await client.execute(ROWS)).status for _ in range(2)]
    assert statuses == {
        "acme": [200, 200, 429],
        "other": [200, 200, 429],
        "plain": [200, 429, 429],
    }
    assert anonymous == [200, 429]


async def test_an_address_is_counted_before_anybody_is_asked_who_it_is(tmp_path: Path) -> None:
    keys(tmp_path, acme=None)
    more = {
        "quotas": {"address": {"requests": 5, "seconds": 3600}},
        "authentication": {"api_keys": {"file": "keys.json"}},
    }
    async with gateway(tmp_path, LOOSE, **more) as client:
        statuses = [
            (await client.execute(ROWS, headers={"x-api-key": f"gw_live_invented{n}_x"})).status
            for n in range(7)
        ]
        quotas = client.app.worker.quotas
    assert statuses == [401] * 5 + [429] * 2
    assert quotas is not None
    assert len(quotas._local) == 0  # invented keys take no room


async def test_a_policy_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"clients\.acme\.quota: no policy has this name"):
        async with gateway(tmp_path, LOOSE, clients={"acme": {"quota": "none"}}):
            pass


def test_a_default_policy_without_windows_is_refused() -> None:
    def quotas(**policies: Any) -> None:
        check_quotas(build_config({"quotas": {"policies": policies}}))

    with pytest.raises(ConfigError, match=r"quotas\.policies\.default\.windows: .*no windows"):
        quotas(default={"windows": []})
    window = {"requests": 1, "seconds": 1}
    quotas(default={"windows": [window]}, partner={})  # who is named is exempt


def test_subjects_tell_principals_clients_and_addresses_apart() -> None:
    def subject(per: str, **members: Any) -> str | None:
        principal = Principal(**members)
        return subject_name(principal, per)

    user = {"id": "u1", "kind": "user", "issuer": "i", "client": "app"}
    other = {**user, "id": "u2"}
    assert subject("principal", **user) != subject("principal", **other)
    assert subject("principal", **user) != subject("principal", **{**user, "issuer": "j"})
    assert subject("client", **user) == subject("client", **other)
    assert subject("address", **user) is None
    assert subject("principal") is None
