"""A hint that is misspelt is an error of the check and of the start: what was to be private is never public."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.build import build_graph
from gateway.app.config import build_config
from tests.connectors.scenario import LINK

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "http://s" })
type Query {
  me(id: ID): Me HINT @connect(source: "s", http: { GET: "/me" }, selection: "id")
}
type Me { id: ID part: Part @connect(source: "s", http: { GET: "/{$this.id}" }, selection: "id") OF_PART }
type Part { id: ID }
"""
)


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (
            "@cacheControl(scope: private)",
            'Value "private" does not exist in "CacheControlScope" enum',
        ),
        (
            '@cacheControl(scope: "PRIVATE")',
            'Enum "CacheControlScope" cannot represent non-enum value',
        ),
        ("@cacheControl(maxAge: 1.5)", "Int cannot represent non-integer value: 1.5"),
        ('@cacheControl(maxAge: "20")', 'Int cannot represent non-integer value: "20"'),
        ("@cacheControl(maxAge: TWENTY)", "Int cannot represent non-integer value: TWENTY"),
        (
            "@cacheControl(maxAge: 99999999999)",
            "Int cannot represent non 32-bit signed integer value",
        ),
        ('@cacheTag(format: "x-{$args.nope}")', "format: Query.me has no argument nope"),
        ('@cacheTag(format: "x-{$this.nope}")', "format: Query has no nope"),
        ("@cacheTag(format: null)", "Expected value of"),
    ],
)
def test_what_a_hint_cannot_mean_is_an_error(tmp_path: Path, hint: str, message: str) -> None:
    (found,) = errors(tmp_path, hint, "")
    assert found.replace("'", '"').startswith(message)


@pytest.mark.parametrize(
    ("hint", "of_part"),
    [
        ("@cacheControl(scope: PUBLIC, maxAge: 5)", ""),
        ("@cacheControl(scope: null, maxAge: null, inheritMaxAge: true)", ""),
        ('@cacheTag(format: "x-{$args.id}")', '@cacheTag(format: "p-{$this.id}")'),
    ],
)
def test_what_it_may_mean_is_none(tmp_path: Path, hint: str, of_part: str) -> None:
    assert errors(tmp_path, hint, of_part) == []


def errors(folder: Path, hint: str, of_part: str) -> list[str]:
    """The messages of a schema's errors."""
    text = SDL.replace("HINT", hint).replace("OF_PART", of_part)
    (folder / "s.graphql").write_text(text)
    config = build_config({
        "graph": {"schema": [str(folder / "s.graphql")]},
        "sources": {"s": {"cache": {"enabled": True}}},
    })  # fmt: skip
    found = build_graph(config, folder, {}).findings
    return [one.message for one in found if one.severity == "error"]
