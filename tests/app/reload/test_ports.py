"""A port that somebody else has is told before the workers that have the old one end."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gateway.app.config import Config, parse_config
from gateway.app.reload.ports import errors_of_ports

KEY = "k" * 32


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as other:
        return int(other.getsockname()[1])


def config_of(admin: int, metrics: int, *, key: str = KEY) -> Config:
    return parse_config(
        f"[admin]\nport = {admin}\nkeys = {{ me = '{key}' }}\n[telemetry.metrics]\nport = {metrics}\n",
        "gateway.toml",
        {},
    )


async def test_a_new_port_that_is_taken_is_told_by_its_setting(taken: int, free: int) -> None:
    before = config_of(9465, 9464)
    (error,) = await errors_of_ports(before, config_of(taken, 9464))
    assert error == f"admin.port: 127.0.0.1:{taken} cannot be opened: Address already in use"
    (error,) = await errors_of_ports(before, config_of(9465, taken))
    assert error.startswith("telemetry.metrics.port: ")
    assert await errors_of_ports(before, config_of(free, 9464)) == []


async def test_ports_that_the_workers_have_are_theirs(taken: int) -> None:
    before = config_of(taken, 9464)
    assert await errors_of_ports(before, config_of(taken, 9464)) == []
    assert await errors_of_ports(config_of(9465, taken), config_of(taken, 9465)) == []


async def test_a_port_that_is_not_opened_is_not_tried(taken: int) -> None:
    assert await errors_of_ports(config_of(9465, 9464), config_of(taken, 9464, key="")) == []
