"""API keys in a real Redis: a command changes them, workers watch them, and an outage takes away nobody's key."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner

from gateway.app.config import build_config
from gateway.auth.api_keys import ApiKey, ApiKeys, make_key, write_api_keys
from gateway.auth.key_store import KeyStoreError, add_key
from gateway.auth.redis_keys import RedisKeyStore
from gateway.auth.watched import LOOK_EVERY_S
from gateway.cli.app import app
from gateway.errors import ConfigError
from gateway.redis.settings import RedisSettings
from gateway.telemetry.catalogue import AUTH_KEYS_AGE
from gateway.testing import GatewayClient
from tests.auth.test_api_keys import kept
from tests.support.redis_server import RedisServer
from tests.support.serving import Serving

SCHEMA = "type Query { me: String }"
RESOLVERS = """
from gateway import resolver

@resolver("Query.me", vary=["$principal.id"])
def me(parent, context):
    return context.principal.id
"""


def tables(url: str, **more: Any) -> dict[str, Any]:
    return {
        "graph": {"schema": ["schema.graphql"], "resolvers": "redis_resolvers"},
        "logs": {"access": "off"},
        "redis": {"url": url, "timeout_s": 0.5},
        "authentication": {"api_keys": {"kind": "redis", **more}},
        "authorization": {"require_authentication": True},
    }


def project(folder: Path) -> None:
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "redis_resolvers.py").write_text(RESOLVERS)


@asynccontextmanager
async def gateway(folder: Path, url: str, **more: Any) -> AsyncIterator[GatewayClient]:
    project(folder)
    async with GatewayClient(build_config(tables(url, **more)), base=folder) as client:
        yield client


async def asked(client: GatewayClient, key: str) -> tuple[int, Any]:
    """The status and who asks, after each worker's next look at the store."""
    keys = client.app.auth.keys
    assert keys is not None
    await keys.look()
    found = await client.execute("{ me }", headers={"x-api-key": key})
    return found.status, found.data and found.data["me"]


def change(url: str, *keys: ApiKey) -> None:
    """Put these keys into the store, in place of all others."""
    RedisKeyStore(RedisSettings(url=url)).change(lambda _: keys)


def age_s(client: GatewayClient) -> float:
    (found,) = [
        value
        for metric, _, value in client.app.worker.metrics.samples_of_auth()
        if metric is AUTH_KEYS_AGE
    ]
    assert isinstance(found, float)
    return found


async def in_thread(function: Any, *arguments: Any) -> None:
    import asyncio

    await asyncio.to_thread(function, *arguments)


async def test_keys_come_change_and_go(tmp_path: Path, redis_url: str) -> None:
    text, _ = make_key("gw", "live")
    async with gateway(tmp_path, redis_url) as client:
        await in_thread(change, redis_url, kept(text))
        assert await asked(client, text) == (200, "acme")
        await in_thread(change, redis_url, kept(text, client="other"))
        assert await asked(client, text) == (200, "other")
        await in_thread(change, redis_url)
        assert (await asked(client, text))[0] == 401
    assert LOOK_EVERY_S <= 0.5


async def test_while_redis_is_away_the_last_keys_are_used_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer(tmp_path)
    server.start()
    text, _ = make_key("gw", "live")
    await in_thread(change, server.url, kept(text))
    try:
        async with gateway(tmp_path, server.url) as client:
            assert await asked(client, text) == (200, "acme")
            assert client.app.auth.keys is not None
            now = client.app.auth.keys._clock()
            client.app.auth.keys._clock = lambda: now + 100
            server.stop()
            for _ in range(3):
                assert await asked(client, text) == (200, "acme")
            assert age_s(client) > 50
            assert caplog.text.count("cannot be read; the last one stays in use") == 1
            server.start()  # it has lost what it held
            assert await asked(client, text) == (200, "acme")
            assert age_s(client) > 50
            await in_thread(change, server.url, kept(make_key("gw", "live")[0]))
            assert (await asked(client, text))[0] == 401
            assert age_s(client) < 50
            server.pause()
            assert (await asked(client, text))[0] == 401
            server.resume()
    finally:
        server.stop()


async def test_a_worker_that_finds_a_redis_without_keys_does_not_say_that_there_are_none(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the first key was made, or after a Redis that keeps nothing on a disk has begun anew."""
    text, _ = make_key("gw", "live")
    async with gateway(tmp_path, redis_url, wait_for_keys=True) as client:
        for _ in range(2):
            assert (await asked(client, text))[0] == 503
        assert (await client.http.get("/health/ready")).status_code == 503
        assert age_s(client) > 0
        wrong = "cannot be read; there is none to use: Redis has no gateway:api_keys"
        assert caplog.text.count(wrong) == 1
        await in_thread(change, redis_url, kept(text))
        assert await asked(client, text) == (200, "acme")
        assert (await client.http.get("/health/ready")).status_code == 200
    # A document without keys says that there are none.
    await in_thread(change, redis_url)
    async with gateway(tmp_path, redis_url, wait_for_keys=True) as client:
        assert (await asked(client, text))[0] == 401
        assert (await client.http.get("/health/ready")).status_code == 200


async def test_before_the_first_keys_a_key_is_503_and_readiness_may_wait(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    text, _ = make_key("gw", "live")
    async with gateway(tmp_path, server.url, wait_for_keys=True) as client:
        assert (await asked(client, text))[0] == 503
        assert (await client.execute("{ me }")).status == 401
        assert (await client.http.get("/health/ready")).status_code == 503
        server.start()
        try:
            await in_thread(change, server.url, kept(text))
            assert await asked(client, text) == (200, "acme")
            assert (await client.http.get("/health/ready")).status_code == 200
        finally:
            server.stop()


async def test_a_document_of_no_use_leaves_the_keys_as_they_were(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    text, _ = make_key("gw", "live")
    await in_thread(change, redis_url, kept(text))
    async with gateway(tmp_path, redis_url) as client:
        with redis.Redis.from_url(redis_url) as other:
            other.hset("gateway:api_keys", mapping={"keys": b"{", "version": b"x"})
            for _ in range(2):
                assert await asked(client, text) == (200, "acme")
            assert caplog.text.count("is invalid; the last one stays in use") == 1
            other.delete("gateway:api_keys")
            other.set("gateway:api_keys", "no hash")
            assert await asked(client, text) == (200, "acme")


def test_two_who_change_keys_at_once_lose_none(redis_url: str) -> None:
    store = RedisKeyStore(RedisSettings(url=redis_url))
    texts = [make_key("gw", "live")[0] for _ in range(3)]
    is_first = True

    def slow(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        nonlocal is_first
        if is_first:
            is_first = False
            with redis.Redis.from_url(redis_url) as other:
                document = write_api_keys(ApiKeys((kept(texts[1]),)))
                other.hset("gateway:api_keys", mapping={"keys": document, "version": b"2"})
        return (*keys, kept(texts[0]))

    store.change(slow)
    add_key(store, kept(texts[2]))
    assert [key.id for key in store.keys().keys] == [texts[n].split("_")[2] for n in (1, 0, 2)]


def test_what_cannot_be_used_is_told(tmp_path: Path, redis_url: str) -> None:
    server = RedisServer(tmp_path)
    away = RedisKeyStore(RedisSettings(url=server.url))
    with pytest.raises(KeyStoreError, match="Redis cannot be used"):
        away.keys()
    with redis.Redis.from_url(redis_url) as other:
        other.hset("gateway:api_keys", "keys", b"{")
    with pytest.raises(KeyStoreError, match="holds no document of keys"):
        RedisKeyStore(RedisSettings(url=redis_url)).keys()
    with pytest.raises(ConfigError, match="`kind` says redis"):
        build_config(tables(redis_url, file="keys.json"))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("", "gateway.toml:4: authentication.api_keys.kind: it needs a Redis server"),
        ('[redis]\nurl = "redis://localhost"\n', "compiled-graphql-gateway[redis]"),
    ],
)
def test_the_check_says_that_a_url_or_the_extra_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, told: str
) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    project(tmp_path)
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = ["schema.graphql"]\n[authentication.api_keys]\nkind = "redis"\n' + lines
    )
    result = CliRunner().invoke(app, ["check", str(tmp_path / "gateway.toml")])
    assert result.exit_code == 2
    assert told in result.output


def test_a_revoked_key_is_refused_by_every_worker_of_every_server(
    tmp_path: Path, redis_url: str
) -> None:
    """Two servers, one of two workers; the command line is the only one that changes keys."""
    import http.client
    import time
    from urllib.parse import urlsplit

    project(tmp_path)
    (tmp_path / "gateway.toml").write_text(
        f"""
        [graph]
        schema = ["schema.graphql"]
        resolvers = "redis_resolvers"
        [telemetry]
        enabled = false
        [logs]
        access = "off"
        [redis]
        url = "{redis_url}"
        [authentication.api_keys]
        kind = "redis"
        """
    )

    def run(*arguments: str) -> str:
        given = ["keys", *arguments, "--config", str(tmp_path / "gateway.toml")]
        result = CliRunner().invoke(app, given)
        assert result.exit_code == 0, result.output
        return result.output.strip()

    text = run("create", "--client", "shop")
    id_ = text.split("_")[2]
    assert run("list") == f"{id_} shop live"
    serving = Serving()
    try:
        with (
            serving.serve(tmp_path, ["--workers", "2"]) as first,
            serving.serve(tmp_path) as second,
        ):

            def statuses(wanted: int) -> None:
                """Every one of the next answers of both servers has a status, at last."""
                deadline = time.monotonic() + 30
                in_a_row = 0
                while in_a_row < 20:
                    for url in (first, second):
                        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
                        headers = {"x-api-key": text, "content-type": "application/json"}
                        connection.request(
                            "POST", "/graphql", json.dumps({"query": "{ me }"}), headers
                        )
                        found = connection.getresponse().status
                        connection.close()
                        in_a_row = in_a_row + 1 if found == wanted else 0
                    assert time.monotonic() < deadline, found

            statuses(200)
            new = run("rotate", id_, "--overlap", "1h")
            assert new.split("_")[2] != id_
            statuses(200)
            run("revoke", id_)
            statuses(401)
    finally:
        serving.close()
