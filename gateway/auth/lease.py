"""How long a connection that stays open believes who opened it."""

from __future__ import annotations

import asyncio

from gateway.auth.principal import Principal


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
