"""How long a connection that stays open believes who opened it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from gateway.auth.principal import Principal

# Beyond what asyncio's timers take at once, a lease looks again.
LONGEST_TIMER_S = 86_400.0


class Lease:
    """How long a connection's principal is believed: `ended` is set when its token or key ends.

    Args:
        principal: Whose.
    """

    __slots__ = ("ended", "principal", "timer")

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.ended = asyncio.Event()
        self.timer: asyncio.TimerHandle | None = None


class Leases:
    """Those of one worker.

    Args:
        clock: Unix time, seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._granted: set[Lease] = set()

    def __len__(self) -> int:
        return len(self._granted)

    def grant(self, principal: Principal) -> Lease | None:
        """For a connection that stays open; None for one that nothing ends. Give it back to `release`."""
        if principal.key is None and principal.expires == math.inf:
            return None
        lease = Lease(principal)
        self._granted.add(lease)
        self._arm(lease)
        return lease

    def release(self, lease: Lease | None) -> None:
        """It is not needed any more."""
        if lease is not None:
            self._granted.discard(lease)
            if lease.timer is not None:
                lease.timer.cancel()

    def end_where(self, is_over: Callable[[Principal], bool]) -> None:
        """End those of principals that are believed no more."""
        for lease in self._granted:
            if is_over(lease.principal):
                lease.ended.set()

    def end_in_time(self) -> None:
        """Look at each anew: its time may have come."""
        for lease in self._granted:
            self._arm(lease)

    def _arm(self, lease: Lease) -> None:
        if lease.timer is not None:
            lease.timer.cancel()
        left_s = lease.principal.expires - self.clock()
        if left_s <= 0:
            lease.ended.set()
        elif left_s != math.inf:
            loop = asyncio.get_running_loop()
            lease.timer = loop.call_later(min(left_s, LONGEST_TIMER_S), self._arm, lease)
