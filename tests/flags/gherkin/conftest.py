"""Tells the steps which feature their scenario is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FEATURE = pytest.StashKey[Path]()


def pytest_bdd_before_scenario(request: pytest.FixtureRequest, feature: Any) -> None:
    """Before any step."""
    request.node.stash[FEATURE] = Path(feature.filename)
