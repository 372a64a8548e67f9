"""Runs one case on the reference and on compiled plans, and says in which way they differ.

Data must be equal with the order of its keys. Errors must be equal in message, path and locations, in any
order. Where something is awaited and several errors lie below one nulled position, which of them are
reported depends on timing: there any non-empty subset of them is right (`Verdict.subset`), and the same
case without awaitables has to be exactly equal. An error may null what something awaitable is below: the
reference then answers at once and leaves it alone, where a plan may wait for it.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import graphql
from graphql import ExecutionResult, GraphQLError

from gateway.runtime.reference import IS_3_3

Error = tuple[str, tuple[Any, ...] | None, tuple[tuple[int, int], ...] | None, str]


@dataclass(slots=True)
class Verdict:
    """How two results compare.

    Attributes:
        difference: What differs; None when nothing does.
        subset: The errors differ below one nulled position, as they may where something is awaited.
    """

    difference: str | None = None
    subset: bool = False


@dataclass(slots=True)
class Outcome:
    """What an execution gave: a result, or what it raised, and whether it had to be awaited."""

    data: Any
    errors: Counter[Error]
    raised: str | None
    awaited: bool


# One event loop for all: making one costs more than most executions.
RUNNER = asyncio.Runner()


def run(execute: Callable[[], Any]) -> Outcome:
    """Call an executor, in an event loop of its own where there is something to await."""

    async def call() -> tuple[Any, bool]:
        result = execute()
        if inspect.isawaitable(result):
            return await result, True
        return result, False

    try:
        result, awaited = RUNNER.run(call())
    except Exception as error:
        return Outcome(None, Counter(), f"{type(error).__name__}: {error}", False)
    if not isinstance(result, ExecutionResult):
        return Outcome(None, Counter(), f"returned {type(result).__name__}", awaited)
    return Outcome(result.data, Counter(map(key_of_error, result.errors or ())), None, awaited)


def key_of_error(error: GraphQLError) -> Error:
    """What of an error has to be equal."""
    locations = error.locations
    return (
        error.message,
        None if error.path is None else tuple(error.path),
        None if locations is None else tuple((at.line, at.column) for at in locations),
        type(error.original_error).__name__,
    )


def compare(reference: Outcome, ours: Outcome) -> Verdict:
    """Whether `ours` is right when `reference` is."""
    if not IS_3_3 and holds_coroutine(reference.data):
        return Verdict()  # a fault of graphql-core 3.2, with coroutines that give awaitables
    if reference.raised != ours.raised:
        return Verdict(f"raised: reference {reference.raised!r}, ours {ours.raised!r}")
    if reference.awaited and not ours.awaited:
        return Verdict("the reference has to be awaited, ours not")
    where = find_difference(reference.data, ours.data, "data")
    if where:
        return Verdict(where)
    if reference.errors == ours.errors:
        return Verdict()
    missing = reference.errors - ours.errors
    extra = ours.errors - reference.errors
    text = "errors: " + "; ".join(
        [f"only reference {e}" for e in missing] + [f"only ours {e}" for e in extra]
    )
    if ours.awaited and nulled(reference) == nulled(ours):
        return Verdict(subset=True)
    return Verdict(text)


def holds_coroutine(value: Any) -> bool:
    """Whether something in a response was never awaited."""
    if isinstance(value, dict):
        return any(map(holds_coroutine, value.values()))
    if isinstance(value, list):
        return any(map(holds_coroutine, value))
    return inspect.iscoroutine(value)


def nulled(outcome: Outcome) -> set[tuple[Any, ...]]:
    """The positions of the response that the errors nulled."""
    return {position(outcome.data, error[1] or ()) for error in outcome.errors}


def position(data: Any, path: tuple[Any, ...]) -> tuple[Any, ...]:
    """How far down a path there is data."""
    for depth, key in enumerate(path):
        if data is None:
            return path[:depth]
        data = data[key]
    return path


def find_difference(left: Any, right: Any, path: str) -> str | None:
    """The first place where two values differ, types and order of keys included."""
    if type(left) is not type(right):
        return f"{path}: reference {left!r}, ours {right!r}"
    if isinstance(left, dict):
        if list(left) != list(right):
            return f"{path}: keys {list(left)} against {list(right)}"
        found = (find_difference(left[k], right[k], f"{path}.{k}") for k in left)
        return next((item for item in found if item), None)
    if isinstance(left, list):
        if len(left) != len(right):
            return f"{path}: {len(left)} items against {len(right)}"
        found = (
            find_difference(a, b, f"{path}.{n}")
            for n, (a, b) in enumerate(zip(left, right, strict=True))
        )
        return next((item for item in found if item), None)
    if isinstance(left, float) and math.isnan(left) and math.isnan(right):
        return None
    return None if left == right else f"{path}: reference {left!r}, ours {right!r}"


def reference_execute(*args: Any, **kwargs: Any) -> Any:
    """graphql-core's own executor."""
    return graphql.execute(*args, **kwargs)
