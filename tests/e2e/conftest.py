"""The demo's real backends, PHP included, and the gateway over them in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from demo.backends import Backends, start_backends
from gateway.testing import GatewayClient

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    with start_backends() as started:
        yield started


@pytest.fixture
async def client(backends: Backends) -> AsyncIterator[GatewayClient]:
    backends.reset_stats()
    async with GatewayClient(ROOT / "gateway.toml", sources=backends.urls) as started:
        yield started
