"""Bounds the CPU time that new plans take, with a fair share for each client.

    budget   refills at `rate` CPU seconds a second, up to `burst` of them
    ├── upper half   for any client
    └── lower half   only for clients that have lately taken less than their share

So one client alone never uses more than the upper half: whatever it sends, valid or not, the lower half is left for
others. What a document costs is known only when it is done: it is charged then, and the budget may go below zero.
Nothing here knows what a plan is; time is given by clocks.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import exp

from gateway.errors import ClientError

# The worker may spend so many seconds' worth at once: a cold start is 400 to 800 plans of 2 to 5 ms.
BURST_S = 8.0
# What a client took counts less and less: a third after so many seconds.
MEMORY_S = 10.0
# A client that has been quiet for so long is forgotten, and the quietest one beyond so many.
FORGET_S = 5 * MEMORY_S
MAX_CLIENTS = 1_000


class PlanBudget:
    """The CPU that a worker spends on new plans.

    Args:
        rate: CPU seconds for each second; 0 for no bound.
        clock: Seconds.
        cpu_clock: CPU seconds of this thread.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._at = clock()
        self._left = self._most = rate * BURST_S
        # Seconds that each client took, and when that was last brought up to date; oldest first.
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._taken_by_all = 0.0

    def __len__(self) -> int:
        return len(self._clients)

    @contextmanager
    def spend(self, client_key: str | None, *, is_admitted: bool = False) -> Iterator[None]:
        """Around the making of a plan, or the refusal of a document: the CPU time is charged to the client.

        Args:
            client_key: Who asked; None: the gateway itself, which is neither refused nor charged.
            is_admitted: What is made belongs to something that was admitted: it is charged alone.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT), before anything is done.
        """
        if client_key is None or not self._rate:
            yield
            return
        if not is_admitted:
            self._admit(client_key)
        start = self._cpu_clock()
        try:
            yield
        finally:
            self.charge(client_key, self._cpu_clock() - start)

    def charge(self, client_key: str, cpu_s: float) -> None:
        """Charge what was done without asking first."""
        now = self._refill()
        self._left -= cpu_s
        self._taken_by_all += cpu_s
        self._clients[client_key] = (self._taken(client_key, now) + cpu_s, now)
        self._clients.move_to_end(client_key)
        if len(self._clients) > MAX_CLIENTS:
            self._forget(next(iter(self._clients)), now)

    def _admit(self, client_key: str) -> None:
        now = self._refill()
        # Over an equal part of what all took, with room for one more.
        taken = self._taken(client_key, now) * (len(self._clients) + 1)
        least = self._most / 2 if taken > self._taken_by_all else 0.0
        if self._left > least:
            return
        raise ClientError(
            "Too many new documents: use variables instead of literal values, send documents by id, or "
            "try again later. limits.plan_cpu_share says how much of a core may be spent on them.",
            code="UNCACHED_DOCUMENTS_LIMIT",
            retry_after_s=int((least - self._left) / self._rate) + 1,
        )

    def _refill(self) -> float:
        """Bring everything up to date."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._taken_by_all *= exp((self._at - now) / MEMORY_S)
        self._at = now
        while self._clients:
            client_key, (_, at) = next(iter(self._clients.items()))
            if now - at < FORGET_S:
                break
            self._forget(client_key, now)
        return now

    def _taken(self, client_key: str, now: float) -> float:
        taken, at = self._clients.get(client_key, (0.0, now))
        return taken * exp((at - now) / MEMORY_S)

    def _forget(self, client_key: str, now: float) -> None:
        self._taken_by_all -= self._taken(client_key, now)
        del self._clients[client_key]
