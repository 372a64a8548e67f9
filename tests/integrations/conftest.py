"""What tests of the drop-in ask for."""

from __future__ import annotations

import pytest

from gateway.codegen.code import Code
from gateway.integrations import operations


@pytest.fixture
def compiled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans from the first run on."""
    monkeypatch.setattr(operations, "COMPILED_FROM", 1)


@pytest.fixture
def compiled_when_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is shipped, whatever other tests of this process have set."""
    monkeypatch.setattr(operations, "COMPILED_FROM", 2)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations whose code was made."""
    made: list[str] = []
    make = Code._make

    def noting(code: Code) -> None:
        made.append(code.bound.plan.name)
        make(code)

    monkeypatch.setattr(Code, "_make", noting)
    return made
