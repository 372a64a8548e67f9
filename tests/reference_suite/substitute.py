"""A pytest plugin: in every test module that imported them, graphql-core's functions are the drop-in's.

graphql-core itself keeps its own, which the drop-in falls back on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import graphql
import pytest

from gateway.integrations import graphql_core as dropin
from gateway.integrations import operations

operations.COMPILED_FROM = 1

NAMES = ("execute", "subscribe", "experimental_execute_incrementally")
SUBSTITUTES: dict[int, Any] = {
    id(getattr(graphql, name)): getattr(dropin, name) for name in NAMES if hasattr(graphql, name)
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems() -> None:
    """Replace the functions in the modules that were collected."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "tests":
            for key, value in list(vars(module).items()):
                if id(value) in SUBSTITUTES:
                    setattr(module, key, SUBSTITUTES[id(value)])


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    """Say on which graphql-core, and what ran on graphql-core after all."""
    yield
    terminalreporter.write_line(f"graphql-core {graphql.version}; fallbacks:")
    for reason, count in dropin.fallbacks.most_common():
        terminalreporter.write_line(f"{count:6} {reason}")
