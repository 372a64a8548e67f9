"""What the scalar JSON takes as JSON, value by value and many of one type together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from math import isfinite
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.graph.scalars import MAX_DEPTH, MAX_INTEGER, is_json


class Whole(IntEnum):
    ONE = 1


class Lazy(Sequence[int]):
    """What iterates as a list does, and is none."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        return 1

    def __iter__(self) -> Iterator[int]:
        return iter([1])


leaf = st.sampled_from(
    [
        *(None, True, False, "", "é", 0, -1, 1.5, float("nan"), float("inf"), -float("inf")),
        *(Whole.ONE, b"x", {1}, datetime(2026, 1, 1), Lazy(), object()),
    ]
)


def edge(over: bool, sign: int) -> int:
    return sign * (MAX_INTEGER if over else MAX_INTEGER - 1)


large = st.builds(edge, st.booleans(), st.sampled_from([-1, 1]))
whole = st.integers() | large
values = st.recursive(
    leaf | large,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(whole, max_size=4)
        | st.lists(st.floats(), max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "c", 1, None]), inner, max_size=4)
    ),
    max_leaves=12,
)


def plainly(value: Any, depth: int = 0) -> bool:
    if value is None or isinstance(value, str):
        return True
    if isinstance(value, int):
        return abs(value) < MAX_INTEGER
    if isinstance(value, float):
        return isfinite(value)
    if not isinstance(value, list | tuple | dict) or depth >= MAX_DEPTH:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(key, str) for key in value) and plainly(list(value.values()), depth)
    return all(plainly(item, depth + 1) for item in value)


@settings(max_examples=500)
@given(values)
def test_a_value_is_json_if_each_part_of_it_is(value: Any) -> None:
    is_alike = is_json(value) is plainly(value)
    assert is_alike


def test_nesting_has_a_bound() -> None:
    deepest: Any = []
    for _ in range(MAX_DEPTH - 1):
        deepest = [deepest]
    assert is_json(deepest)
    assert is_json({"a": deepest[0]})
    assert not is_json([deepest])
    assert not is_json({"a": deepest})
