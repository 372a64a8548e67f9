"""The platform tests run only when asked for with `-m platform`: they need Debian packages and minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not even imported otherwise: what they import is in a dependency group of its own."""
    ours = HERE in collection_path.parents
    return True if ours and "platform" not in str(config.option.markexpr) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.platform)
