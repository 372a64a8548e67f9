"""Who was refused because it was not known who they are: each is counted, and the audit log is told without a flood.

The first refusal of a kind is told at once, and those that follow within the next seconds together, with their number:
the numbers of all lines are the number of refusals, and nobody fills a disk.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from gateway.auth.refusals import UnauthenticatedError
from gateway.telemetry.catalogue import UNAUTHENTICATED
from gateway.telemetry.metrics import Sample

WINDOW_S = 10.0
MOST_KINDS = 20
MOST_ADDRESSES = 5
Kind = tuple[str, str, str | None]
OTHERS: Kind = ("various", "Refused for other reasons.", None)


class _Told:
    """Refusals of one kind since the last line of them."""

    __slots__ = ("addresses", "count")

    def __init__(self) -> None:
        self.count = 0
        self.addresses: dict[str, None] = {}

    def add(self, address: str) -> None:
        self.count += 1
        if len(self.addresses) < MOST_ADDRESSES:
            self.addresses[address] = None


class Refusals:
    """Those of one worker.

    Args:
        audit: Writes a line: its event and members.
    """

    def __init__(self, audit: Callable[[str, dict[str, Any]], None]) -> None:
        self._audit = audit
        self._counts: Counter[str] = Counter(token=0, key=0, none=0)
        self._told: dict[Kind, _Told] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, error: UnauthenticatedError, address: str) -> None:
        """Note one."""
        self._counts[error.credential] += 1
        kind: Kind = (error.credential, error.message, error.key)
        told = self._told.get(kind)
        if told is None and len(self._told) >= MOST_KINDS:
            kind, told = OTHERS, self._told.get(OTHERS)
        if told is not None:
            told.add(address)
            return
        self._told[kind] = told = _Told()
        told.add(address)
        self._tell(kind, told)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_S, self.tell)

    def tell(self) -> None:
        """Tell of those that have no line yet."""
        self._timer = None
        for kind, told in self._told.items():
            if told.count:
                self._tell(kind, told)
        self._told = {}

    def close(self) -> None:
        """Tell of the last ones."""
        if self._timer is not None:
            self._timer.cancel()
        self.tell()

    def _tell(self, kind: Kind, told: _Told) -> None:
        credential, reason, key = kind
        line = {"credential": credential, "reason": reason, "key": key}
        self._audit(
            "unauthenticated", {**line, "count": told.count, "addresses": [*told.addresses]}
        )
        told.count, told.addresses = 0, {}

    def samples(self) -> Iterator[Sample]:
        """The values now."""
        for credential, count in self._counts.items():
            yield UNAUTHENTICATED, (credential,), count
