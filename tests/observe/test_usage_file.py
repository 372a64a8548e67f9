"""The file of usage: renamed, broken, full, and written by a worker that ends."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.observe.usage_file import LineWriter, UsageFile, read_usage_lines, renamed


def test_a_large_file_is_renamed_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    file = UsageFile(path, max_size_bytes=1, max_files=2)
    for number in range(5):
        file.append([{"n": number}])
    names = [path, *renamed(path, 3)]
    found = {one.name: json.loads(one.read_text())["n"] for one in names if one.exists()}
    assert found == {"usage.jsonl": 4, "usage.jsonl.1": 3, "usage.jsonl.2": 2}


def test_a_half_line_harms_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "usage.jsonl"
    file = UsageFile(path, max_size_bytes=10**6, max_files=2)
    file.append([{"n": 1}])
    with open(path, "ab") as torn:
        torn.write(b'{"n": 2, "cli')
    file.append([{"n": 3}])
    assert list(read_usage_lines([path])) == [{"n": 1}, {"n": 3}]
    assert "usage.jsonl:2: not JSON" in caplog.text


def test_lines_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A file system that is full takes a part of a write and says nothing."""
    path = tmp_path / "usage.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = UsageFile(path, max_size_bytes=10**6, max_files=2)
    file.append([{"n": 1}])
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            file.append([{"n": number, "name": "x" * 20} for number in range(9)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    file.append([{"n": 2}])
    assert list(read_usage_lines([path])) == [{"n": 1}, {"n": 2}]


async def test_what_is_being_written_when_the_worker_ends_is_written_whole(tmp_path: Path) -> None:
    path, lines = tmp_path / "usage.jsonl", [[{"n": 1}], [{"n": 2}]]
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    go_on, file = threading.Event(), UsageFile(path, 10**6, 1)
    blocking = asyncio.ensure_future(asyncio.to_thread(go_on.wait))
    writer = LineWriter(file, lambda: lines.pop(0), 0.0, "lines", logging.getLogger("test"))
    writer.begin()
    while len(lines) == 2:
        await asyncio.sleep(0)
    ending = asyncio.create_task(writer.aclose())
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(blocking, ending)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"n": 1}, {"n": 2}]
