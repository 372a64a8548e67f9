"""What holds for all tests."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from gateway.codegen import first_rows
from tests.support.redis_server import RedisServer
from tests.support.uvicorn_clock import looking_often

# The suite runs in a process for each core: how long an example takes says how busy the machine is, and nothing else.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_make_parametrize_id(config: Any, val: Any, argname: str) -> str | None:
    """Names of cases that are the same in every process: what a library made may have a time stamp or a nonce in it."""
    del config
    if isinstance(val, str) and len(val) > 40:
        return argname
    if isinstance(val, bytes) and not (val.isascii() and val.decode("ascii").isprintable()):
        return argname
    return None


def pytest_collection() -> None:
    """Nothing that collecting makes is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """The modules and the tests themselves stay: a full collection need not look through them each time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="module")
def forget_projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Modules of the projects that a file's tests have written: another file may write one of the same name."""
    yield
    base = str(tmp_path_factory.getbasetemp())
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(base):
            del sys.modules[name]


@pytest.fixture(autouse=True, scope="session")
def servers_end_at_once() -> Iterator[None]:
    """No test waits for uvicorn to look whether it is to end."""
    with looking_often():
        yield


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The redis-server of this process's tests; a test that stops one starts its own `RedisServer`."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def stream_clients() -> Path:
    """The folder of the npm clients that people use for subscriptions, installed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    root = Path(__file__).resolve().parent.parent
    subprocess.run(["sh", "scripts/stream-clients.sh"], cwd=root, check=True, timeout=100)
    return root / "var" / "stream-clients"


@pytest.fixture
def redis_url(shared_redis: RedisServer) -> str:
    """The URL of an empty Redis."""
    import redis

    with redis.Redis.from_url(shared_redis.url) as client:
        client.flushall()
    return shared_redis.url


@pytest.fixture(autouse=True)
def compiled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are completed by generated functions from the first on; `tests/differential` tries both ways."""
    monkeypatch.setattr(first_rows, "MOST_ROWS", -1)
