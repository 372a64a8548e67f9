"""Leaders and followers: what is shared, and what belongs to one of them alone."""

from __future__ import annotations

import asyncio

import pytest

from gateway.concurrency.singleflight import FollowerTimeoutError, SharedCall, Singleflight
from gateway.errors import UpstreamError


class Calls:
    """Counts calls that end when the test says so."""

    def __init__(self) -> None:
        self.open: Singleflight[str] = Singleflight()
        self.calls: list[asyncio.Future[str]] = []
        self.told: list[str] = []

    async def call(self) -> str:
        self.calls.append(asyncio.get_running_loop().create_future())
        return await self.calls[-1]

    def ask(self, key: str, left_s: float = 60) -> asyncio.Task[str]:
        deadline = asyncio.get_running_loop().time() + left_s
        return asyncio.create_task(self.open.call_once(key, self.call, deadline, self.told.append))


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_equal_calls_are_one_and_others_are_not() -> None:
    asked = Calls()
    same = [asked.ask("a") for _ in range(3)]
    other = asked.ask("b")
    await turns()
    assert len(asked.calls) == 2
    asked.calls[0].set_result("A")
    asked.calls[1].set_result("B")
    assert list(await asyncio.gather(*same, other)) == ["A", "A", "A", "B"]
    assert sorted(asked.told) == ["led", "shared", "shared"]
    later = asked.ask("a")  # nothing is kept
    await turns()
    asked.calls[2].set_result("C")
    assert await later == "C"


async def test_an_error_is_shared_and_a_cancellation_is_not() -> None:
    asked = Calls()
    leader, follower, third = (asked.ask("a") for _ in range(3))
    await turns()
    leader.cancel()
    await turns()
    assert len(asked.calls) == 2  # the follower leads, the third follows it
    asked.calls[1].set_exception(UpstreamError("HTTP_CLIENT_ERROR", source="s"))
    for task in (follower, third):
        with pytest.raises(UpstreamError):
            await task
    with pytest.raises(asyncio.CancelledError):
        await leader


async def test_a_followers_cancellation_and_deadline_are_its_own() -> None:
    asked = Calls()
    leader, impatient, late = asked.ask("a"), asked.ask("a"), asked.ask("a", left_s=0.0)
    await turns()
    impatient.cancel()
    with pytest.raises(TimeoutError):
        await late
    asked.calls[0].set_result("A")
    assert await leader == "A"
    assert impatient.cancelled()


async def test_the_leaders_own_deadline_is_not_its_followers() -> None:
    asked = Calls()
    leader, follower = asked.ask("a", left_s=-1.0), asked.ask("a")
    await turns()
    asked.calls[0].set_exception(UpstreamError("GATEWAY_TIMEOUT", source="s"))
    await turns()
    asked.calls[1].set_result("A")
    assert await follower == "A"
    with pytest.raises(UpstreamError):
        await leader


async def test_nobody_joins_what_was_read_before_a_write() -> None:
    asked = Calls()
    before, joined = asked.ask("a"), asked.ask("a")
    await turns()
    asked.open.close()
    after = asked.ask("a")
    await turns()
    asked.calls[0].set_result("old")
    asked.calls[1].set_result("new")
    assert list(await asyncio.gather(before, joined, after)) == ["old", "old", "new"]


async def test_one_timer_serves_followers_whose_deadlines_come_in_any_order() -> None:
    loop = asyncio.get_running_loop()
    shared: SharedCall[str] = SharedCall()
    begin = loop.time()
    followers = {
        name: shared.join(begin + after_s)
        for name, after_s in (("b", 0.02), ("a", 0.01), ("c", 60))
    }
    patient = shared.join()
    for name in ("a", "b"):
        with pytest.raises(FollowerTimeoutError):
            await followers[name]
    shared.finish("it")
    assert [await followers["c"], await patient] == ["it", "it"]
    for follower in (*followers.values(), patient):
        shared.leave(follower)
    assert shared.followers == {}


async def test_a_leader_that_times_out_by_itself_is_no_follower_that_does() -> None:
    shared: SharedCall[str] = SharedCall()
    follower = asyncio.create_task(shared.follow())
    await turns()
    shared.fail(TimeoutError("of the call"))
    with pytest.raises(TimeoutError, match="of the call") as caught:
        await follower
    assert not isinstance(caught.value, FollowerTimeoutError)
