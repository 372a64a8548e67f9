"""The platform tests run only when asked for with `-m platform`: they need Debian packages and minutes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.stage import Stage, staged

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


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Empty clusters."""
    with staged(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def running(stage: Stage) -> Stage:
    """Both production regions at 1.0.0 with three pods each."""
    stage.release("1.0.0", "--first-install")
    return stage
