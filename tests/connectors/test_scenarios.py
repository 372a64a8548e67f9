"""The rules of requests, answers, entities and batches, over HTTP, on both executors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.connectors.scenario import Scenario, execute, located, use_path
from tests.connectors.scenarios_calls import CALLS
from tests.connectors.scenarios_failures import FAILURES
from tests.connectors.scenarios_numbers import NUMBERS
from tests.connectors.scenarios_requests import REQUESTS
from tests.connectors.scenarios_scalars import SCALARS
from tests.connectors.scenarios_walks import WALKS

SCENARIOS = {**REQUESTS, **CALLS, **FAILURES, **WALKS, **NUMBERS, **SCALARS}


@pytest.mark.parametrize("path", ["compiled", "graphql-core"])
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
async def test_scenario(
    scenario: Scenario, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_path(path, monkeypatch)
    result, asked = await execute(scenario, tmp_path)
    lines = [request.line for request in asked]
    expected = list(scenario.asked)
    if not scenario.is_ordered:
        lines.sort()
        expected.sort()
    assert lines == expected
    assert result.data == scenario.data
    assert located(result.errors) == located(scenario.errors)
    for error in scenario.errors:
        if isinstance(error, Mapping):
            assert error in result.errors
