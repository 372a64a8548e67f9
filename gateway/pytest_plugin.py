"""For pytest: the fixture `gateway_client`.

Only pytest imports this module; it imports the gateway when a test asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gateway.app.config import Config
    from gateway.testing import BlockingGatewayClient


def pytest_addoption(parser: pytest.Parser) -> None:
    """The setting `gateway_config` of pytest's own configuration."""
    parser.addini(
        "gateway_config", "Configuration file that gateway_client serves.", default="gateway.toml"
    )


@pytest.fixture
def gateway_client(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., BlockingGatewayClient]]:
    """Start the project's gateway inside the test; it ends with the test.

    `client = gateway_client(sources={"api": {"GET /posts": [...]}})`, then `client.execute("{ posts { id } }")`.
    Arguments are those of `gateway.testing.BlockingGatewayClient`.
    """
    from gateway.testing import BlockingGatewayClient

    with ExitStack() as started:

        def start(
            config: str | Path | Config | None = None, **options: Any
        ) -> BlockingGatewayClient:
            if config is None:
                config = request.config.rootpath / request.config.getini("gateway_config")
            return started.enter_context(BlockingGatewayClient(config, **options))

        yield start
