"""Each case of this folder, by our own server and as an ASGI application under another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.transport.server.protocols import HttpProtocol
from tests.cases.case import ABSENT, FOLDER, Message, read_case
from tests.cases.play import differences, play
from tests.support.backend import Asked

CASES = [read_case(path) for path in sorted(FOLDER.glob("*.md")) if path.name != "README.md"]
ADAPTERS: dict[str, Any] = {"own": HttpProtocol, "asgi": "h11"}


def bears(asked: Asked, request: Message) -> bool:
    """Whether a call has the headers that the case shows, and none that it says are absent."""
    sent = dict(asked.headers)
    return all(sent.get(name, ABSENT) == value for name, value in request.headers)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("case", CASES, ids=[case.path.stem for case in CASES])
async def test_case(case: Any, adapter: str, tmp_path: Path) -> None:
    responses, asked = await play(case, tmp_path, ADAPTERS[adapter])
    got = [one.line for one in asked]
    expected = [call.request.line for call in case.calls]
    assert got == expected if case.is_ordered else sorted(got) == sorted(expected)
    for call in case.calls:
        assert any(bears(one, call.request) for one in asked if one.line == call.request.line)
    for (_, written), answers in zip(case.exchanges, responses, strict=True):
        assert len(written) == len(answers)
        for shown, answer in zip(written, answers, strict=True):
            assert differences(shown, answer) == []


def test_each_case_shows_one_behavior_whole() -> None:
    assert len(CASES) >= 60
    assert len({case.title for case in CASES}) == len(CASES)
    for case in CASES:
        assert case.schema, case.path.name
        assert case.exchanges, case.path.name
        assert not case.title.endswith("."), case.path.name
