"""Of several connectors on a field those are asked that supply what the operation wants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.scenario import Scenario, execute
from tests.connectors.scenarios_calls import PARTS, SEVERAL

SCENARIO = Scenario(sdl=SEVERAL, query="", answers=PARTS, data=None, asked=())


@pytest.mark.parametrize(
    ("query", "asked", "data"),
    [
        ("{ u(id: 7) { a } }", ["GET /a"], {"u": {"a": 2}}),
        ("{ u(id: 7) { b } }", ["GET /b/7"], {"u": {"b": 6}}),
        ("{ u(id: 7) { in { y } } }", ["GET /b/7"], {"u": {"in": {"y": 7}}}),
        ("{ u(id: 7) { in { x } } }", ["GET /a"], {"u": {"in": {"x": 3}}}),
        (
            "{ u(id: 7) { b in { x y } } }",
            ["GET /a", "GET /b/7"],
            {"u": {"b": 6, "in": {"x": 3, "y": 7}}},
        ),
        ("{ u(id: 7) { __typename } }", ["GET /a"], {"u": {"__typename": "U"}}),
        ("{ u(id: 7) { more { n } } }", ["GET /a", "GET /n/2"], {"u": {"more": {"n": 2}}}),
        ("{ l { b } }", ["GET /lb"], {"l": [{"b": 1}, {"b": 2}]}),
    ],
)
async def test_only_what_is_wanted_is_asked_for(
    query: str, asked: list[str], data: Any, tmp_path: Path
) -> None:
    result, requests = await execute(replace(SCENARIO, query=query), tmp_path)
    assert (result.data, result.errors) == (data, [])
    assert sorted(request.line for request in requests) == asked
