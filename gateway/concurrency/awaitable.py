"""A value that is there, or one that has to be awaited: one alias and one helper, so that no function has a twin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from typing_extensions import TypeIs

T = TypeVar("T")
U = TypeVar("U")
AwaitableOrValue: TypeAlias = Awaitable[T] | T


def is_awaitable(value: Any) -> TypeIs[Awaitable[Any]]:
    """Whether a value has to be awaited. `inspect.isawaitable` costs ten times as much."""
    return hasattr(value, "__await__")


def then(
    value: AwaitableOrValue[T], function: Callable[[T], AwaitableOrValue[U]]
) -> AwaitableOrValue[U]:
    """`function` of a value: at once where the value is there, else of what it turns out to be.

    Nothing of an awaitable runs before somebody awaits the result.
    """
    if hasattr(
        value, "__await__"
    ):  # as `is_awaitable`, which would be a call more for each stage of a request
        return _later(value, function)
    return function(value)


async def _later(value: Awaitable[T], function: Callable[[T], AwaitableOrValue[U]]) -> U:
    made = function(await value)
    return await made if is_awaitable(made) else made


async def value_of(value: AwaitableOrValue[T]) -> T:
    """A value, awaited where it has to be."""
    if is_awaitable(value):
        return await value
    return value
