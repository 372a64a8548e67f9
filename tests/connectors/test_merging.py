"""Batches that wait for a place take others' keys with them: inside one partition, and each gets its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.app.config import build_config
from gateway.connectors.merging import Queued
from gateway.testing import GatewayClient, Result
from tests.connectors.scenario import LINK
from tests.support.backend import Answer, Asked, Backend, backend

SDL = (
    LINK
    + """
  @source(name: "posts", http: { baseURL: "BASE/p" })
  @source(name: "users", http: { baseURL: "BASE/u", headers: [{ name: "x-token", from: "x-token" }] })
type Query {
  pair: [One] @connect(source: "users", http: { GET: "/users?id=1&id=2" }, selection: "id")
  posts(of: String!): [Post] @connect(source: "posts", http: { GET: "/{$args.of}" }, selection: "author: { id: $ }")
}
type One { id: ID }
type Post { author: User }
type User @connect(source: "users", http: { GET: "/users" queryParams: "id: $batch.id" }
  batch: { maxSize: 4 } selection: "id name token") { id: ID! name: String token: String }
"""
)
ALONE = "{ pair { id } }"
QUERY = "query Q($of: String!) { posts(of: $of) { author { id name token } } }"


class Stage:
    """A gateway whose source `users` has one place, and a backend that answers when it is told to."""

    def __init__(self, client: GatewayClient, served: Backend) -> None:
        self.client = client
        self.served = served
        self.gate = asyncio.Event()
        self.joined = 0
        self.tasks: list[asyncio.Task[Result]] = []

    @property
    def batches(self) -> list[list[str]]:
        """The keys of each call, in order."""
        found = [asked.target for asked in self.served.asked if asked.target.startswith("/u/")]
        return [parse_qs(urlsplit(target).query)["id"] for target in found]

    def ask(self, of: str, token: str = "a") -> asyncio.Task[Result]:
        """A request for the users of some posts."""
        headers = {"x-token": token}
        asking = self.client.execute(QUERY, {"of": of}, headers=headers)
        self.tasks.append(asyncio.create_task(asking))
        return self.tasks[-1]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                await asyncio.sleep(0)

    @property
    def places(self) -> Any:
        policies = self.client.app.worker.upstream.policies
        return next(policy.places for policy in policies if policy.name == "users")

    async def hold(self) -> None:
        """Take the only place."""
        self.ask("0", "first")
        await self.until(lambda: len(self.batches) == 1)

    async def queued(self, of: str, token: str = "a") -> asyncio.Task[Result]:
        """A request whose batch has asked for a place, or went with another."""
        before = self.places.pending + self.joined
        task = self.ask(of, token)
        await self.until(lambda: self.places.pending + self.joined > before)
        return task

    async def users(self, task: asyncio.Task[Result]) -> list[tuple[str, str, str]]:
        """What a request got: id, name, and the token that the backend was asked with."""
        result = await task
        assert result.errors == []
        authors = [post["author"] for post in result.data["posts"]]
        return [(author["id"], author["name"], author["token"]) for author in authors]


@asynccontextmanager
async def stage(folder: Path, **users: Any) -> AsyncIterator[Stage]:
    made: Stage

    async def answer(asked: Asked) -> Answer:
        if asked.target.startswith("/p/"):
            return Answer(asked.target.removeprefix("/p/").split("-"))
        await made.gate.wait()
        token = next((value for name, value in asked.headers if name == "x-token"), "none")
        ids = parse_qs(urlsplit(asked.target).query)["id"]
        if "bad" in ids:
            return Answer({"error": "bad"}, 400)
        if "broken" in ids:
            return Answer({"error": "broken"}, 500)
        return Answer([{"id": one, "name": f"n{one}", "token": token} for one in ids])

    with pytest.MonkeyPatch.context() as patch:
        async with backend(answer) as served:
            (folder / "schema.graphql").write_text(SDL.replace("BASE", served.url))
            source = {"max_concurrency": 1, "batch_across_requests": True, **users}
            config = build_config(
                {
                    "graph": {"schema": ["schema.graphql"]},
                    "traffic_shaping": {"router": {"dedupe": {"enabled": False}}},
                    "sources": {"users": source},
                }
            )
            add = Queued.add

            def counted(queued: Queued, views: Any) -> bool:
                has_joined = add(queued, views)
                made.joined += has_joined
                return has_joined

            async with GatewayClient(config, base=folder) as client:
                made = Stage(client, served)
                patch.setattr(Queued, "add", counted)
                try:
                    yield made
                finally:
                    made.gate.set()
                    await asyncio.gather(*made.tasks, return_exceptions=True)


def rows(*ids: str, token: str = "a") -> list[tuple[str, str, str]]:
    return [(one, f"n{one}", token) for one in ids]


async def test_batches_that_wait_go_together_and_each_gets_its_own(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.hold()
        first = await on.queued("1-2")
        second = await on.queued("2-3")
        third = await on.queued("4")
        on.gate.set()
        assert await on.users(first) == rows("1", "2")
        assert await on.users(second) == rows("2", "3")
        assert await on.users(third) == rows("4")
        assert on.batches == [["0"], ["1", "2", "3", "4"]]
        assert on.client.app.worker.upstream.counters.total("merged") == 2


async def test_no_answer_crosses_a_partition(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.hold()
        asked = [(await on.queued("7-8", token), token) for token in "abcabc"]
        on.gate.set()
        for task, token in asked:
            assert await on.users(task) == rows("7", "8", token=token)
        assert on.batches == [["0"], *[["7", "8"]] * 3]


async def test_keys_join_no_batch_that_is_never_sent(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.ask("1-2")
        await on.until(lambda: on.batches == [["1", "2"]])
        equal = await on.queued("1-2")  # to the one on the wire
        other = await on.queued("3")
        on.gate.set()
        assert await on.users(equal) == rows("1", "2")
        assert await on.users(other) == rows("3")


async def test_a_read_with_the_url_of_a_batch_does_not_get_the_keys_that_join_it(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as on:
        await on.hold()
        batch = await on.queued("1-2")
        on.tasks.append(asyncio.create_task(on.client.execute(ALONE, headers={"x-token": "a"})))
        await on.until(lambda: on.places.pending == 2)
        joins = await on.queued("3")
        on.gate.set()
        assert (await on.tasks[-2]).data == {"pair": [{"id": "1"}, {"id": "2"}]}
        assert await on.users(batch) == rows("1", "2")
        assert await on.users(joins) == rows("3")
        assert on.batches[1:] == [["1", "2", "3"], ["1", "2"]]


async def test_the_size_of_a_batch_is_kept(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.hold()
        tasks = [await on.queued(of) for of in ("1-2-3", "4-5", "6")]
        on.gate.set()
        assert [len(await on.users(task)) for task in tasks] == [3, 2, 1]
        assert sorted(map(len, on.batches)) == [1, 2, 4]


async def test_a_cancelled_waiter_hurts_nobody(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.hold()
        leader, follower, other = [await on.queued(of) for of in ("1", "2", "3")]
        follower.cancel()
        leader.cancel()
        await asyncio.wait([leader, follower])
        assert leader.cancelled()
        on.gate.set()
        assert await on.users(other) == rows("3")
        assert on.batches[-1] == ["3"]
        assert (on.places.in_use, on.places.pending) == (0, 0)


async def test_a_leader_cancelled_on_the_wire_leaves_its_followers_to_ask_again(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as on:
        await on.hold()
        leader, follower = await on.queued("1"), await on.queued("2")
        on.tasks[0].cancel()  # who holds the place
        await on.until(lambda: len(on.batches) == 2)
        assert on.batches[1] == ["1", "2"]
        leader.cancel()
        on.gate.set()
        assert await on.users(follower) == rows("2")
        assert on.batches[2:] == [["2"]]


async def test_nothing_joins_what_is_sent(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.hold()
        task = await on.queued("1", "first")
        assert on.batches == [["0"]]
        on.gate.set()
        assert await on.users(task) == rows("1", token="first")
        assert on.batches == [["0"], ["1"]]


def codes(result: Result) -> set[str]:
    return {error["extensions"]["code"] for error in result.errors}


async def test_a_key_that_is_refused_is_its_own_requests_error(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.hold()
        first, second, third = [await on.queued(of) for of in ("1", "bad", "2")]
        on.gate.set()
        assert codes(await second) == {"CONNECTOR_FETCH"}
        assert await on.users(first) == rows("1")
        assert await on.users(third) == rows("2")
        assert on.batches[1] == ["1", "bad", "2"]
        assert sorted(on.batches[2:]) == [["1"], ["2"], ["bad"]]


async def test_a_failure_of_the_backend_is_everybodys(tmp_path: Path) -> None:
    async with stage(tmp_path, retry={"enabled": False}) as on:
        await on.hold()
        first, second = [await on.queued(of) for of in ("1", "broken")]
        apart = await on.queued("5", "b")
        on.gate.set()
        assert codes(await first) == codes(await second) == {"CONNECTOR_FETCH"}
        assert await on.users(apart) == rows("5", token="b")
        assert len(on.batches) == 3


async def test_it_is_off_as_shipped(tmp_path: Path) -> None:
    async with stage(tmp_path, batch_across_requests=False) as on:
        await on.hold()
        tasks = [await on.queued(of) for of in ("1", "2")]
        on.gate.set()
        assert [await on.users(task) for task in tasks] == [rows("1"), rows("2")]
        assert on.batches == [["0"], ["1"], ["2"]]


@pytest.mark.parametrize("late", [True, False])
async def test_a_deadline_is_its_own_waiters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """The leader's time ends while it waits: the follower has its keys asked for under its own."""
    async with stage(tmp_path) as on:
        await on.hold()
        seconds = 0.2 if late else 60
        settings = on.client.app.config.traffic_shaping.router
        object.__setattr__(settings, "timeout_s", seconds)
        leader = await on.queued("1")
        object.__setattr__(settings, "timeout_s", 60)
        follower = await on.queued("2")
        if late:
            assert codes(await leader) == {"GATEWAY_TIMEOUT"}
        on.gate.set()
        assert await on.users(follower) == rows("2")
        assert on.batches[1:] == ([["2"]] if late else [["1", "2"]])
