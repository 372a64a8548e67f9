"""How long a purge and a revoked key take to reach every worker: two pods of two workers each over one Redis.

`python -m tests.soak.spread [ROUNDS]`: one table; exits with 1 where one took longer than it may. A time is from the
command to the first right answer of a worker, which is asked again and again over a connection of its own.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from statistics import median

import aiohttp
from aiohttp import web

from gateway.auth.api_keys import ApiKey, digest_of_key, make_key, utc_now
from gateway.auth.redis_keys import RedisKeyStore
from gateway.auth.settings import ApiKeySettings
from gateway.redis.settings import RedisSettings
from tests.app.reload.served import Server, server_of
from tests.support.redis_server import RedisServer

WITHIN_POD_S, ANYWHERE_S = 0.05, 1.0
TIMEOUT_S = 20.0
ASK_EVERY_S = 0.005
SCHEMA = """
extend schema @source(name: "shop", http: {{ baseURL: "{url}" }})
type Query {{
  pid: Int
  number: Int @connect(source: "shop", http: {{ GET: "/number" }}, selection: "$")
}}
"""
RESOLVERS = """
import os
from gateway import Context, resolver

@resolver("Query.pid", vary=())
def pid(_, context: Context) -> int:
    return os.getpid()
"""
CONFIG = """
graph = {{ schema = ["schema.graphql"], resolvers = "{module}" }}
[logs]
access = "off"
[sources.shop.cache]
enabled = true
[response_cache.redis]
enabled = true
[authentication.api_keys]
kind = "redis"
[redis]
url = "{redis}"
"""


class Asker:
    """One worker, by the connection that it has taken."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def ask(self, query: str, key: str | None = None) -> tuple[int, object]:
        """Status and data."""
        headers = {"x-api-key": key} if key is not None else None
        async with self._http.post(self._url, json={"query": query}, headers=headers) as answer:
            said = await answer.json()
            return answer.status, said.get("data")


async def askers_of(server: Server, stack: AsyncExitStack) -> list[Asker]:
    """One for each of two workers."""
    found: dict[object, Asker] = {}
    async with asyncio.timeout(TIMEOUT_S):
        while len(found) < 2:
            connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=600)
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            asker = Asker(http, server.url)
            _, said = await asker.ask("{ pid }")
            found.setdefault(str(said), asker)
    return list(found.values())


async def seconds_until(
    asker: Asker, query: str, key: str | None, is_right: Callable[[tuple[int, object]], bool]
) -> float:
    """From now to the first right answer."""
    begin = time.perf_counter()
    async with asyncio.timeout(TIMEOUT_S):
        while not is_right(await asker.ask(query, key)):
            await asyncio.sleep(ASK_EVERY_S)
    return time.perf_counter() - begin


async def purge(pods: list[Server], askers: list[list[Asker]], value: int) -> list[float]:
    """Purge what all workers have in memory: of the pod that is told, then of the other, the slowest worker."""
    whole = [one for of_pod in askers for one in of_pod]
    for one in whole:
        await one.ask("{ number }")
    VALUE[0] = value
    watches = [
        asyncio.create_task(
            seconds_until(one, "{ number }", None, lambda said: said[1] == {"number": value})
        )
        for one in whole
    ]
    body = [{"kind": "subgraph", "subgraph": "shop"}]
    status, said = await pods[0].command("POST", "/invalidation", json=body)
    assert status == 202, said
    times = await asyncio.gather(*watches)
    return [max(times[:2]), max(times[2:])]


async def revoke(store: RedisKeyStore, askers: list[list[Asker]]) -> list[float]:
    """Take a key back that all workers take."""
    whole = [one for of_pod in askers for one in of_pod]
    defaults = ApiKeySettings()
    text, id_ = make_key(defaults.prefix, defaults.environment)
    key = ApiKey(id=id_, client="acme", digest=digest_of_key(text), created=utc_now())
    await asyncio.to_thread(store.change, lambda keys: (*keys, key))
    for one in whole:
        await seconds_until(one, "{ pid }", text, lambda said: said[0] == 200)
    without = lambda keys: tuple(k for k in keys if k.id != key.id)  # noqa: E731
    await asyncio.to_thread(store.change, without)
    times = await asyncio.gather(
        *(seconds_until(one, "{ pid }", text, lambda said: said[0] == 401) for one in whole)
    )
    return [max(times[:2]), max(times[2:])]


VALUE = [0]


async def main(rounds: int) -> int:
    """Measure, and print."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spread-")))
        redis = RedisServer(folder)
        redis.start()
        stack.callback(redis.stop)
        origin = web.Application()
        origin.router.add_get("/number", number)
        runner = web.AppRunner(origin)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address = runner.addresses[0]
        module = "spread_resolvers"
        (folder / f"{module}.py").write_text(RESOLVERS)
        url = f"http://{address[0]}:{address[1]}"
        (folder / "schema.graphql").write_text(SCHEMA.format(url=url))
        (folder / "gateway.toml").write_text(CONFIG.format(module=module, redis=redis.url))
        pods = [
            await stack.enter_async_context(server_of(folder / "gateway.toml")) for _ in range(2)
        ]
        askers = [await askers_of(pod, stack) for pod in pods]
        numbers = count(1)
        purges = [await purge(pods, askers, next(numbers)) for _ in range(rounds)]
        store = RedisKeyStore(RedisSettings(url=redis.url))
        revoked = [await revoke(store, askers) for _ in range(rounds)]
    is_good = True
    for what, times, most in (
        ("purge, workers of the pod that is told", [one for one, _ in purges], WITHIN_POD_S),
        ("purge, workers of the other pod", [other for _, other in purges], ANYWHERE_S),
        ("revoked key, any worker", [max(both) for both in revoked], ANYWHERE_S),
    ):
        middle, worst = median(times) * 1000, max(times) * 1000
        is_good &= median(times) <= most
        print(f"{what:42} {middle:8.1f} ms  worst {worst:8.1f} ms  may take {most * 1000:.0f} ms")
    return 0 if is_good else 1


async def number(_: web.Request) -> web.Response:
    """What the backend says now."""
    return web.json_response(VALUE[0], headers={"cache-control": "max-age=3600"})


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)))
