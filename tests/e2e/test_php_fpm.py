"""The same legacy behind nginx and PHP-FPM, as it would be in production: the gateway cannot tell the difference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.backends import ROUTER, Backends
from gateway.testing import GatewayClient
from tests.e2e.conftest import ROOT
from tests.e2e.test_demo import JOINED
from tests.support.php_server import fpm_behind_nginx, fpm_program, nginx_program


@pytest.fixture
def legacy(backends: Backends, tmp_path: Path) -> Iterator[str]:
    """nginx and FPM over the monolith's own code and data; gives the base URL."""
    if fpm_program() is None or nginx_program() is None:
        pytest.skip("php-fpm and nginx are not installed")
    params = {"DEMO_DATA": str(backends.data), "DEMO_STATE": str(tmp_path)}
    with fpm_behind_nginx(tmp_path, ROUTER, params) as url:
        yield url


@pytest_asyncio.fixture
async def behind_fpm(backends: Backends, legacy: str) -> AsyncIterator[GatewayClient]:
    sources = {**backends.urls, "monolith": legacy}
    async with GatewayClient(ROOT / "gateway.toml", sources=sources) as started:
        yield started


async def test_reads_and_writes_are_those_of_phps_own_server(
    client: GatewayClient, behind_fpm: GatewayClient
) -> None:
    latin = '{ channel(id: "c1") { description links { name target } owner { name staff } stats { views } } }'
    for query in (JOINED, latin):
        expected, got = await client.execute(query), await behind_fpm.execute(query)
        assert got.errors == expected.errors == []
        assert got.data == expected.data
    write = (
        'mutation { followChannel(input: {channelId: "c2", userId: "u2"}) '
        "{ following channel { name } } }"
    )
    result = await behind_fpm.execute(write)
    assert result.data["followChannel"]["following"] is True
