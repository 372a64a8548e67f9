"""The unix broker between real processes: four workers, one that dies, one that hangs, one that comes later."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


class Worker:
    """A process that runs `tests.broker.worker`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.name = ""

    async def hear(self) -> dict[str, Any]:
        """Its next line."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 30)
        event: dict[str, Any] = json.loads(line)
        return event

    async def ask(self, **command: Any) -> dict[str, Any]:
        """A command, and its next line."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        await self.process.stdin.drain()
        return await self.hear()


class Workers:
    """The processes of one folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.all: list[Worker] = []

    async def start(self, number: int = 1) -> list[Worker]:
        """Start some at once, and wait until each has told its name."""
        started = [
            Worker(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.broker.worker", self.folder,
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
                    limit=2**24,
                )
            )
            for _ in range(number)
        ]  # fmt: skip
        self.all += started
        for worker in started:
            worker.name = (await worker.hear())["started"]
        return started


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    with tempfile.TemporaryDirectory(prefix="broker-") as folder:
        running = Workers(folder)
        yield running
        for worker in running.all:
            if worker.process.returncode is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.process.kill()
            await worker.process.wait()
            worker.process._transport.close()  # type: ignore[attr-defined]


async def heard(worker: Worker, number: int) -> list[Any]:
    """The payloads of its next events."""
    return [(await worker.hear())["payload"] for _ in range(number)]


async def test_four_workers_that_start_at_once_hear_every_event(workers: Workers) -> None:
    four = await workers.start(4)
    for worker in four:
        others = sorted(other.name for other in four if other is not worker)
        assert await worker.ask(peers=True) == {"peers": others}
        assert await worker.ask(listen="comments.v1") == {"listening": "comments.v1"}
    sent = {w.name: [[w.name, n, "x" * 100] for n in range(200)] for w in four}
    commands = [
        json.dumps({"topic": "comments.v1", "payloads": sent[worker.name]}).encode() + b"\n"
        for worker in four
    ]
    for worker, command in zip(four, commands, strict=True):  # all publish at the same time
        assert worker.process.stdin is not None
        worker.process.stdin.write(command)
    for worker in four:
        events = [await worker.hear() for _ in range(801)]
        assert {"published": 200} in events
        payloads = [event["payload"] for event in events if "payload" in event]
        for name, expected in sent.items():
            assert [payload for payload in payloads if payload[0] == name] == expected


async def test_a_worker_that_comes_later_hears_all_that_follows(workers: Workers) -> None:
    (first,) = await workers.start()
    (second,) = await workers.start()
    await second.ask(listen="a")
    assert await first.ask(topic="a", payloads=[1]) == {"published": 1}
    assert await heard(second, 1) == [1]


async def test_a_worker_that_dies_takes_nothing_with_it(workers: Workers) -> None:
    first, second, third = await workers.start(3)
    await second.ask(listen="a")
    third.process.kill()
    await third.process.wait()
    assert await first.ask(topic="a", payloads=[1, 2]) == {"published": 2}
    assert await heard(second, 2) == [1, 2]
    (fourth,) = await workers.start()
    assert await fourth.ask(peers=True) == {"peers": sorted([first.name, second.name])}
    assert not (Path(workers.folder) / f"{third.name}.sock").exists()


async def test_a_worker_that_ends_says_so_and_leaves_no_socket(workers: Workers) -> None:
    first, second = await workers.start(2)
    await first.ask(listen="a")
    assert second.process.stdin is not None
    second.process.stdin.close()
    assert await second.hear() == {"ended": True}
    assert await second.process.wait() == 0
    assert [p.stem for p in Path(workers.folder).iterdir()] == [first.name]
    assert await first.ask(peers=True) == {"peers": []}


async def test_a_worker_that_hangs_is_cut_off_and_knows_that_it_lost_events(
    workers: Workers,
) -> None:
    first, second = await workers.start(2)
    await second.ask(listen="a")
    os.kill(second.process.pid, signal.SIGSTOP)
    # More than the sockets and the writer hold: the publisher waits, then goes on without it.
    payloads = ["x" * 20_000] * 60
    assert await first.ask(topic="a", payloads=payloads) == {"published": 60}
    os.kill(second.process.pid, signal.SIGCONT)
    events = [await second.hear()]
    while "payload" in events[-1]:
        events.append(await second.hear())
    assert events[-1] == {"topic": "a", "lost": True}
    await second.ask(listen="a")
    while (await first.ask(peers=True))["peers"] != [second.name]:
        await asyncio.sleep(0)
    await first.ask(topic="a", payloads=["again"])
    assert await heard(second, 1) == ["again"]
