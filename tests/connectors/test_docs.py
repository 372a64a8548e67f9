"""Each schema of the connectors page loads, and the checks find nothing wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import parse

from gateway.connectors.check import check_connectors
from gateway.graph.schema import build_schema

PAGE = Path(__file__).resolve().parents[2] / "docs" / "connectors.md"
BLOCKS = re.findall(r"```graphql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("sdl", BLOCKS, ids=range(len(BLOCKS)))
def test_a_schema_of_the_page(sdl: str) -> None:
    document = parse(sdl)
    schema, problems = build_schema(document)
    assert schema is not None
    assert problems == []
    assert check_connectors(schema, document, resolved=()) == []


def test_the_page_has_schemas() -> None:
    assert len(BLOCKS) >= 5
