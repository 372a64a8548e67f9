"""The platform tests run only when asked for with `-m platform`: they need Debian packages and minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what stands in this folder, and leave it out of any run that does not name the marker."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.platform)
    if ours and "platform" not in str(config.option.markexpr):
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]
