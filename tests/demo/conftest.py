"""The three backends as real processes, once for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from demo.backends import Backends, start_backends


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    with start_backends() as running:
        yield running


@pytest.fixture
def catalog(backends: Backends) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=backends.urls["catalog"]) as client:
        yield client


@pytest.fixture
def monolith(backends: Backends) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=backends.urls["monolith"]) as client:
        yield client


@pytest.fixture
def search(backends: Backends) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=backends.urls["search"]) as client:
        yield client
