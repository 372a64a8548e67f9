"""Refusals in the audit log: each is counted, a flood is a few lines, and their numbers add up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.auth.api_keys import ApiKeys, make_key, write_api_keys
from gateway.auth.refusals import bad_key, bad_token, nobody
from gateway.observe.refusals import MOST_KINDS, Refusals
from tests.auth.issuing import ISSUER, ec_key, key_set
from tests.auth.test_api_keys import NOW, kept
from tests.telemetry.test_operation_log import lines
from tests.transport.served import Served, served
from tests.transport.sockets import connected

Lines = list[dict[str, Any]]


@pytest.fixture
def told() -> Lines:
    return []


@pytest.fixture
async def refusals(told: Lines) -> AsyncIterator[Refusals]:
    made = Refusals(lambda event, line: told.append({"event": event, **line}))
    yield made
    made.close()


async def test_a_flood_is_two_lines_whose_numbers_add_up(refusals: Refusals, told: Lines) -> None:
    for number in range(10_000):
        refusals.note(bad_token("it has expired"), f"192.0.2.{number % 256}")
    assert [line["count"] for line in told] == [1]
    refusals.tell()
    assert [line["count"] for line in told] == [1, 9_999]
    assert told[0]["addresses"] == ["192.0.2.0"]
    assert told[1]["addresses"] == [f"192.0.2.{number}" for number in range(1, 6)]
    assert {s[1][0]: s[2] for s in refusals.samples()} == {
        "token": 10_000,
        "key": 0,
        "none": 0,
    }
    refusals.note(bad_token("it has expired"), "")
    assert len(told) == 3


async def test_kinds_are_told_apart_and_are_few(refusals: Refusals, told: Lines) -> None:
    refusals.note(nobody(), "a")
    refusals.note(bad_key("it is not valid any more", "k1"), "b")
    refusals.note(bad_key("it is not valid any more", "k2"), "b")
    assert [(line["credential"], line["key"]) for line in told] == [
        ("none", None),
        ("key", "k1"),
        ("key", "k2"),
    ]
    for number in range(1_000):
        refusals.note(bad_key("it is not valid any more", f"k{number}"), "c")
    refusals.close()
    assert len(told) <= 2 * (MOST_KINDS + 1)
    assert sum(line["count"] for line in told) == 1_003
    assert {line["credential"] for line in told} == {"none", "key", "various"}


SCHEMA = "type Query { a: Int } type Subscription { b: Int @authenticated }"
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "refusing_resolvers"
[logs]
access = "off"
audit = "{folder}/audit.log"
[authentication.api_keys]
file = "keys.json"
[[authentication.jwt.jwks]]
file = "jwks.json"
issuers = ["{issuer}"]
"""
RESOLVERS = """
from gateway import resolver, subscription

@resolver("Query.a", vary=())
def a(parent, context):
    return 1

@subscription("Subscription.b")
async def b(parent, context):
    yield 1
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "refusing_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "jwks.json").write_text(json.dumps(key_set(ec_key())))
    (tmp_path / "keys.json").write_bytes(write_api_keys(ApiKeys()))
    (tmp_path / "gateway.toml").write_text(CONFIG.format(folder=tmp_path, issuer=ISSUER))
    async with served(tmp_path / "gateway.toml") as running:
        yield running


async def test_every_transport_is_told_of_and_no_secret_is(server: Served, tmp_path: Path) -> None:
    text, id_ = make_key("gw", "live")
    (tmp_path / "keys.json").write_bytes(write_api_keys(ApiKeys((kept(text, revoked=NOW),))))
    assert server.app.auth.keys is not None
    await server.app.auth.keys.look()
    body = {"query": "{ a }"}
    async with aiohttp.ClientSession() as session:
        for headers in ({"x-api-key": text}, {"authorization": "Bearer secret.token.x"}):
            for _ in range(3):
                async with session.post(server.url, json=body, headers=headers) as answer:
                    assert answer.status == 401
    async with connected(server, False) as client:
        await client.send(type="connection_init", payload={"x-api-key": text})
        assert (await client.hear())[0] == 4403
    server.app.worker.refusals.tell()
    found = [line for line in lines(tmp_path / "audit.log") if line["event"] != "configuration"]
    assert [(line["event"], line.get("credential"), line["count"]) for line in found] == [
        ("api_keys", None, 1),
        ("unauthenticated", "key", 1),
        ("unauthenticated", "token", 1),
        ("unauthenticated", "key", 3),
        ("unauthenticated", "token", 2),
    ]
    assert found[0]["added"] == [id_]
    assert (found[1]["key"], found[1]["addresses"]) == (id_, ["127.0.0.1"])
    written = (tmp_path / "audit.log").read_text()
    assert text not in written
    assert "secret" not in written
    assert text.split("_")[3] not in written


async def test_a_refused_subscription_is_told_of(server: Served, tmp_path: Path) -> None:
    async with connected(server, {}) as client:
        await client.subscribe("subscription Probe { b }")
        assert (await client.hear())["type"] == "error"
    (_, line) = lines(tmp_path / "audit.log")
    assert (line["event"], line["outcome"], line["denied"]) == (
        "denied",
        "refused",
        ["Subscription.b"],
    )
    assert (line["operation_name"], line["error_codes"]) == (
        "Probe",
        ["UNAUTHORIZED_FIELD_OR_TYPE"],
    )
