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
        end_of: When a principal's credentials end, by all that is known now.
    """

    def __init__(self, clock: Callable[[], float], end_of: Callable[[Principal], float]) -> None:
        self.clock = clock
        self._end_of = end_of
        self._granted: set[Lease] = set()

    def __len__(self) -> int:
        return len(self._granted)

    def grant(self, principal: Principal) -> Lease | None:
        """For a connection that stays open; None for nobody's, which nothing ends. Give it back to `release`."""
        if not principal.is_authenticated:
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

    def look_again(self) -> None:
        """Credentials have changed, or time: each lease ends when that is due now."""
        for lease in self._granted:
            self._arm(lease)

    def _arm(self, lease: Lease) -> None:
        if lease.timer is not None:
            lease.timer.cancel()
            lease.timer = None
        left_s = self._end_of(lease.principal) - self.clock()
        if left_s <= 0:
            lease.ended.set()
        elif left_s != math.inf:
            loop = asyncio.get_running_loop()
            lease.timer = loop.call_later(min(left_s, LONGEST_TIMER_S), self._arm, lease)
