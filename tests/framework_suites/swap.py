"""A pytest plugin: swaps the executor of the framework that is tested, and reports each test's outcome.

What to do comes by the environment: FRAMEWORK, EXECUTOR (`own` or `swapped`) and REPORT, the file to write.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

outcomes: dict[str, str] = {}
executions = 0
fallbacks: dict[str, int] = {}


def swap() -> None:
    """Put ours in the place of the framework's."""
    from gateway.integrations import graphql_core, operations

    global fallbacks
    operations.COMPILED_FROM = 1
    fallbacks = graphql_core.fallbacks
    for name in ("execute", "experimental_execute_incrementally", "subscribe"):
        setattr(graphql_core, name, _counting(getattr(graphql_core, name)))
    SWAPS[os.environ["FRAMEWORK"]]()


def _counting(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def count(*positional: Any, **named: Any) -> Any:
        global executions
        executions += 1
        return function(*positional, **named)

    return count


def _swap_strawberry() -> None:
    import strawberry
    from strawberry.federation import Schema as FederationSchema

    from gateway.integrations.strawberry import CompiledFederationSchema, CompiledSchema

    _replace("strawberry", strawberry.Schema, CompiledSchema)
    _replace("strawberry", FederationSchema, CompiledFederationSchema)


def _swap_ariadne() -> None:
    from gateway.integrations import ariadne

    ariadne.install()


def _swap_graphene() -> None:
    import graphene

    from gateway.integrations.graphene import CompiledSchema

    _replace("graphene", graphene.Schema, CompiledSchema)


SWAPS = {"strawberry": _swap_strawberry, "ariadne": _swap_ariadne, "graphene": _swap_graphene}


def _replace(package: str, old: Any, new: Any) -> None:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == package:
            for key, value in list(vars(module).items()):
                if value is old:
                    setattr(module, key, new)


def make_older_tests_importable() -> None:
    """Names that tests of an older version of the framework import, and the newer one has no more."""
    if os.environ["FRAMEWORK"] == "strawberry":
        import strawberry.utils

        vars(strawberry.utils).setdefault("IS_GQL_32", False)
        vars(strawberry.utils).setdefault("IS_GQL_33", True)


make_older_tests_importable()
if os.environ["EXECUTOR"] == "swapped":
    swap()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the outcome of a test; an error before or after it counts too."""
    if report.when == "call" or not report.passed:
        outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    """Write what was found."""
    counts = {"executions": executions, **fallbacks}
    text = json.dumps({"outcomes": outcomes, "counts": counts})
    Path(os.environ["REPORT"]).write_text(text)
