"""A client of Redis: how it is made, what is said of what cannot be, and how soon it gives up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import redis.exceptions

from gateway.app.config import build_config
from gateway.errors import ConfigError
from gateway.redis.client import make_redis
from gateway.redis.settings import RedisSettings
from tests.support.redis_server import RedisServer


async def test_a_client_speaks_to_the_server(redis_url: str) -> None:
    client = make_redis(RedisSettings(url=redis_url), "a test")
    async with client:
        await client.set("name", b"value")
        assert await client.get("name") == b"value"


def test_an_url_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"Redis server, and redis\.url is not set") as caught:
        make_redis(RedisSettings(), "quotas.store")
    assert caught.value.key == "quotas.store"


def test_the_package_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        make_redis(RedisSettings(url="redis://localhost"), "a test")
    assert caught.value.hint == "pip install 'compiled-graphql-gateway[redis]'"


@pytest.mark.parametrize("url", ["http://localhost", "localhost:6379", "redis://a b", ""])
def test_an_url_is_one_of_redis(url: str) -> None:
    with pytest.raises(ConfigError, match="redis://host:port/db"):
        build_config({"redis": {"url": url}})


def test_an_option_of_no_use_is_told_by_its_key() -> None:
    with pytest.raises(ConfigError) as caught:
        make_redis(RedisSettings(url="redis://localhost/0?socket_timeout=soon"), "a test")
    assert caught.value.key == "redis.url"


def test_a_password_is_in_no_repr() -> None:
    assert "secret" not in repr(RedisSettings(url="redis://:secret@localhost"))


async def test_a_server_that_is_away_or_hangs_is_an_error_after_one_attempt(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    client = make_redis(RedisSettings(url=server.url, timeout_s=0.2), "a test")
    async with client:
        with pytest.raises(redis.exceptions.ConnectionError):
            await client.get("name")
        server.start()
        try:
            assert await client.get("name") is None
            server.pause()
            with pytest.raises(redis.exceptions.TimeoutError):
                await client.get("name")
            server.resume()
            assert await client.get("name") is None
        finally:
            server.stop()
        with pytest.raises(redis.exceptions.ConnectionError):
            await client.get("name")
        nowhere = make_redis(RedisSettings(url="redis://nowhere.invalid:1"), "a test")
        async with nowhere:
            with pytest.raises(redis.exceptions.ConnectionError):
                await nowhere.get("name")
