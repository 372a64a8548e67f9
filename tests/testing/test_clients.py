"""The clients of tests: subscriptions, tests without `async`, and the fixture of the pytest plugin."""

from __future__ import annotations

import importlib
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from gateway.testing import BlockingGatewayClient, GatewayClient
from gateway.testing.socket import SocketError
from tests.testing.project import write_project

COUNT = "subscription ($to: Int!) { count(to: $to) }"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def ended() -> list[int]:
    found: list[int] = importlib.import_module("played_resolvers").ENDED
    return found


async def test_results_of_a_subscription_come_one_by_one(config: Path) -> None:
    async with GatewayClient(config) as client:
        results = [result async for result in client.subscribe(COUNT, {"to": 3})]
    assert [result.data for result in results] == [{"count": 0}, {"count": 1}, {"count": 2}]
    assert all(result.errors == [] for result in results)


async def test_a_subscription_that_is_left_is_ended(config: Path) -> None:
    async with GatewayClient(config) as client:
        async with aclosing(client.subscribe(COUNT, {"to": 9})) as results:
            async for result in results:
                if result.data == {"count": 4}:
                    break
        assert ended()[-1] == 9


async def test_a_subscription_that_is_refused_gives_its_errors(config: Path) -> None:
    async with GatewayClient(config) as client:
        (result,) = [result async for result in client.subscribe("subscription { nope }")]
    assert result.data is None
    assert result.errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_headers_and_parameters_of_the_connection_are_sent(config: Path) -> None:
    async with GatewayClient(config, headers={"X-User": "ada"}) as client:
        asked = client.subscribe("subscription { seen }", connection_params={"a": 1})
        (result,) = [result async for result in asked]
    assert result.data == {"seen": "ada {'a': 1}"}


async def test_a_result_that_does_not_come_in_time_is_an_error(config: Path) -> None:
    async with GatewayClient(config) as client:
        results = client.subscribe(COUNT, {"to": 6}, timeout_s=0.2)
        with pytest.raises(TimeoutError):
            async for _ in results:
                pass
        assert ended()[-1] == 6


async def test_a_socket_that_is_not_let_in_is_an_error(config: Path) -> None:
    config.write_text(config.read_text() + "[subscription]\nenabled = false\n")
    async with GatewayClient(config) as client:
        with pytest.raises(SocketError, match="the handshake was rejected: 404"):
            await anext(client.subscribe(COUNT, {"to": 1}))


def test_the_same_without_async(config: Path) -> None:
    rules = {"GET /v1/users/{id}": {"id": 7, "name": "Ada"}}
    with BlockingGatewayClient(config, sources={"api": rules}) as client:
        assert client.execute('{ user(id: "7") { name } }').data == {"user": {"name": "Ada"}}
        assert client.sources["api"].paths == ["GET /v1/users/7"]
        assert [r.data["count"] for r in client.subscribe(COUNT, {"to": 3})] == [0, 1, 2]
        for result in client.subscribe(COUNT, {"to": 8}):
            assert result.data == {"count": 0}
            break
    assert ended()[-1] == 8


def test_outside_of_with_it_says_what_to_do(config: Path) -> None:
    with pytest.raises(RuntimeError, match="use `with BlockingGatewayClient"):
        BlockingGatewayClient(config).execute("{ __typename }")


TESTS = """
def test_one(gateway_client):
    client = gateway_client(sources={"api": {"GET /v1/users/{id}": {"id": 1, "name": "Ada"}}})
    assert client.execute('{ user(id: 1) { name } }').data == {"user": {"name": "Ada"}}


def test_two(gateway_client):
    assert gateway_client().execute("{ __typename }").data == {"__typename": "Query"}
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest with the plugin, however the gateway is installed here."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:gateway", "-p", "gateway.pytest_plugin",
         "-p", "no:cacheprovider", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_the_plugin_gives_a_client_to_each_test(config: Path) -> None:
    (config.parent / "test_it.py").write_text(TESTS)
    found = run_pytest(config.parent)
    assert "2 passed" in found.stdout, found.stdout + found.stderr


def test_the_plugin_finds_another_configuration(config: Path) -> None:
    config.rename(config.parent / "other.toml")
    (config.parent / "test_it.py").write_text(TESTS)
    (config.parent / "pytest.ini").write_text("[pytest]\ngateway_config = other.toml\n")
    found = run_pytest(config.parent)
    assert "2 passed" in found.stdout, found.stdout + found.stderr


def imported_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(found.stdout.split())


def test_pytest_is_imported_by_the_plugin_alone_and_the_plugin_imports_no_gateway() -> None:
    serving: Any = imported_by("import gateway.cli.serve, gateway.cli.dev.child, gateway.testing")
    assert not {"pytest", "_pytest"} & serving
    plugin = imported_by("import gateway.pytest_plugin")
    assert not {"gateway.app", "gateway.testing", "httpx", "starlette"} & plugin
