"""The differential tests ask for plans at once: a document that comes for the first time is compiled."""

from __future__ import annotations

import pytest

from gateway.integrations import operations


@pytest.fixture(autouse=True)
def _compiles_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "COMPILED_FROM", 1)
