"""uvicorn's own time: how often its servers look whether they are to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import uvicorn.server

LOOK_EVERY_S = 0.002


class _Clock:
    """`asyncio` as `uvicorn.server` sees it: all that it has, with shorter sleeps."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(delay_s: float) -> None:
        await asyncio.sleep(min(delay_s, LOOK_EVERY_S))


@contextmanager
def looking_often() -> Iterator[None]:
    """For the time of a block servers of this process end when they are told to.

    uvicorn's look every 0.1 s, and wait as long once more when they end: a thousand tests would wait for that.
    """
    with patch.object(uvicorn.server, "asyncio", _Clock()):
        yield
