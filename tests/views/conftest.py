"""The shop, behind a gateway that answers everybody by a view."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from gateway.testing import GatewayClient
from tests.views.shop import save_shop

NUMBER = count()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of the shop."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return save_shop(tmp_path, f"shop_{next(NUMBER)}")


@pytest.fixture
async def client(shop: Path) -> AsyncIterator[GatewayClient]:
    """A client that sees the view."""
    async with GatewayClient(shop) as found:
        yield found
