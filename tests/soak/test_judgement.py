"""The soak's own judgement: it has to find what it looks for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.soak.__main__ import leaks
from tests.soak.traffic import fault_in

WHOLE = {"data": {"video": {"title": "a", "tags": [{"name": "x"}, {"name": "y"}]}}}
LATE = [{"message": "late", "extensions": {"code": "GATEWAY_TIMEOUT"}}]
ODD = [{"message": "odd", "extensions": {"code": "ODD"}}]


def data(title: str | None = "a", tags: Any = ({"name": "x"}, {"name": "y"})) -> Any:
    return {"video": {"title": title, "tags": list(tags)}}


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        {"data": data(title=None), "errors": LATE},
        {"data": data(tags=[None, {"name": "y"}]), "errors": LATE},
        {"data": None, "errors": LATE},
    ],
)
def test_right(answer: Any) -> None:
    assert fault_in(answer, WHOLE) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"data": data(title="b")},
        {"data": data(title=None)},
        {"data": data(title="b"), "errors": LATE},
        {"data": data(tags=[{"name": "x"}]), "errors": LATE},
        {"data": {"video": {"title": "a"}}, "errors": LATE},
        {"data": data(title=None), "errors": ODD},
        {"errors": LATE, "data": "text"},
    ],
)
def test_wrong(answer: Any) -> None:
    assert fault_in(answer, WHOLE) is not None


def test_a_refusal_is_always_the_same() -> None:
    refusal = {"errors": [{"message": "no"}]}
    assert fault_in(refusal, refusal) is None
    assert fault_in({"data": None, "errors": LATE}, refusal) is not None


def test_what_is_left_behind() -> None:
    idle = {"fds": 10, "tasks": 3, "in_use": 0}
    assert leaks(idle, {"fds": 12, "tasks": 3, "in_use": 0}) == []
    left = leaks(idle, {"fds": 14, "tasks": 9, "in_use": 1})
    assert left == ["fds: 10 before, 14 after", "tasks: 3 before, 9 after", "1 places are taken"]
