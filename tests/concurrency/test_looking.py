"""Looking at something again and again: what fails is told once, and the last look ends it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.concurrency.looking import Looking

log = logging.getLogger("gateway.tests")


async def test_a_look_that_fails_is_told_once_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    looks: list[int] = []
    is_over = asyncio.Event()

    def look() -> bool:
        looks.append(len(looks))
        if len(looks) in (1, 2, 4):
            raise ValueError("of the look")
        if len(looks) == 5:
            is_over.set()
        return len(looks) < 5

    looking = Looking(look, lambda: 0, "the thing", log)
    looking.begin()
    looking.begin()
    await is_over.wait()
    await looking.stop()
    assert looks == [0, 1, 2, 3, 4]
    assert [record.getMessage() for record in caplog.records] == [
        "the thing cannot be looked at"
    ] * 2


async def test_it_can_begin_again_after_its_last_look() -> None:
    looks: list[int] = []

    async def look() -> bool:
        looks.append(len(looks))
        return False

    looking = Looking(look, lambda: 0, "the thing", log)
    for number in (1, 2):
        looking.begin()
        while len(looks) < number:
            await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
    await looking.stop()
    assert len(looks) == 2
