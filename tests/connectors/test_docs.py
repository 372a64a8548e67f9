"""Each example of the pages about connectors: its schema passes the checks, and its operation gives what is shown.

An example is a schema and the blocks below it: `toml` settings, one operation, the calls that the backend
gets with its answers after an arrow, and the response.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from graphql import parse

from gateway.connectors.check.connectors import check_connectors
from gateway.graph.schema import build_schema
from tests.connectors.scenario import Scenario, execute, use_path
from tests.support.backend import Answer, Asked

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("connectors.md", "php.md", "migration.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HOST = re.compile(r"https://(?=\w+\.example|\{)|\b\w+\.example\b")
HEADERS = {"authorization": "Bearer of-the-client"}
ENVIRONMENT = {"STOCK_KEY": "s3cret"}


@dataclass(slots=True)
class Call:
    """One call: its line, headers that it bears, and the answer's text."""

    line: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    answer: str = ""


@dataclass(slots=True)
class Example:
    """What stands on the page from one schema to the next."""

    sdl: str
    toml: str = ""
    query: str = ""
    calls: list[Call] = field(default_factory=list)
    response: Any = None


def read_examples(text: str) -> list[Example]:
    examples: list[Example] = []
    for kind, content in BLOCK.findall(text):
        if kind == "graphql" and content.startswith("extend schema"):
            examples.append(Example(content))
        elif kind == "graphql":
            examples[-1].query = content
        elif (
            kind == "toml" and examples and not examples[-1].calls
        ):  # the first of a page may stand for all of it
            examples[-1].toml = content
        elif kind == "http":
            examples[-1].calls = read_calls(content)
        elif kind == "json":
            examples[-1].response = json.loads(content)
    return examples


def read_calls(content: str) -> list[Call]:
    calls: list[Call] = []
    for line in content.splitlines():
        name, _, value = line.partition(": ")
        if re.match(r"(GET|POST|PUT|PATCH|DELETE) ", line):
            calls.append(Call(line))
        elif line.startswith("→ "):
            calls[-1].answer = line.removeprefix("→ ")
        elif calls[-1].answer:
            calls[-1].answer += "\n" + line
        else:
            calls[-1].headers.append((name, value))
    return calls


EXAMPLES = [e for page in PAGES for e in read_examples((DOCS / page).read_text(encoding="utf-8"))]
NAMES = [match.group(1) for e in EXAMPLES if (match := re.search(r'name: "(\w+)"', e.sdl))]


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_the_checks_find_nothing_wrong(example: Example) -> None:
    document = parse(example.sdl)
    schema, problems = build_schema(document)
    assert schema is not None, problems
    found = check_connectors(schema, document, resolved=())
    assert [item for item in found if item.severity == "error"] == []


@pytest.mark.parametrize("path", ["compiled", "graphql-core"])
@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
async def test_it_gives_what_the_page_shows(
    example: Example, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_path(path, monkeypatch)
    assert example.query
    assert example.calls
    by_line = {call.line: call for call in example.calls}

    def answer(asked: Asked) -> Answer:
        return Answer(by_line[asked.line].answer.encode())

    # The backend's address stands in the SDL as BASE; where `$config` gives it, so does the table.
    sdl = HOST.sub(lambda found: "" if found.group() == "https://" else "BASE", example.sdl)
    sdl = sdl.replace('"{$config.host}', '"BASE')
    scenario = Scenario(
        sdl,
        example.query,
        answer,
        None,
        (),
        headers=HEADERS,
        tables=tomllib.loads(example.toml),
        env=ENVIRONMENT,
    )
    result, asked = await execute(scenario, tmp_path)
    shown = example.response
    assert {"data": result.data, "errors": result.errors} == {"errors": [], **shown}
    assert sorted(request.line for request in asked) == sorted(by_line)
    for request in asked:
        assert set(by_line[request.line].headers) <= set(request.headers)


def test_the_pages_have_examples() -> None:
    assert len(EXAMPLES) == len(NAMES) >= 13
