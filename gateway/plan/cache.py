"""Plans by the text of their documents, bounded, so that a request reaches its plan without parsing.

Generic over what is kept: it knows when to compile and what to forget, and nothing of plans.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.errors import RequestError

T = TypeVar("T")
V = TypeVar("V")
Key = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCacheSettings:
    """`[plan_cache]`: how many plans are kept.

    Attributes:
        max_entries: Plans of each worker; the least recently used goes first.
        max_rejected: Refused documents, kept apart so that they cannot evict plans.
    """

    max_entries: int = 2_000
    max_rejected: int = 500


@dataclass(slots=True)
class Found(Generic[T]):
    """A plan, and how it was found.

    Attributes:
        value: What the compiler made.
        how: "exact" or "miss".
    """

    value: T
    how: str


class PlanCache(Generic[T]):
    """An LRU of compiled values by text and operation name, and one of refusals.

    Args:
        settings: Bounds.
        compile_text: Makes the value; raises RequestError for a document that is refused.
    """

    def __init__(
        self, settings: PlanCacheSettings, compile_text: Callable[[str, str | None], T]
    ) -> None:
        self._settings = settings
        self._compile = compile_text
        self._plans: OrderedDict[Key, T] = OrderedDict()
        self._rejected: OrderedDict[Key, RequestError] = OrderedDict()

    def find(self, text: str, operation_name: str | None) -> Found[T]:
        """The plan of a document. Errors: RequestError, from the store or fresh."""
        key = (text, operation_name)
        value = self._plans.get(key)
        if value is not None:
            self._plans.move_to_end(key)
            return Found(value, "exact")
        refused = self._rejected.get(key)
        if refused is not None:
            self._rejected.move_to_end(key)
            raise refused.with_traceback(None)
        try:
            value = self._compile(text, operation_name)
        except RequestError as exc:
            _keep(self._rejected, key, exc.with_traceback(None), self._settings.max_rejected)
            raise
        _keep(self._plans, key, value, self._settings.max_entries)
        return Found(value, "miss")


def _keep(store: OrderedDict[Key, V], key: Key, value: V, most: int) -> None:
    store[key] = value
    if len(store) > most:
        store.popitem(last=False)
