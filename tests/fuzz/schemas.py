"""Mutated schemas: whatever a schema says, `gateway check` has findings with a place, and never a traceback.

`python -m tests.fuzz.schemas --count 50000` runs it whole, over more files with `--folder`. A text that breaks
something is written to the file that is printed, and the exit code is not 0.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    Node,
    ObjectFieldNode,
    StringValueNode,
    parse,
)

from gateway.app.build import build_graph
from gateway.app.config import Config, build_config
from gateway.app.settings import GraphSettings
from gateway.errors import ConfigError
from tests.connectors.test_scenarios import SCENARIOS
from tests.fuzz.nodes import nodes_in

ROOT = Path(__file__).resolve().parent.parent.parent
CONSTANTS = {
    "n": "1",
    "host": "h",
    "items": [1],
    "api": {"key": "k", "ids": [1]},
    "api_version": "1",
    "version": "2",
    "tenant": "t",
}
CONFIG = build_config({"connectors": {"config": CONSTANTS}})
ENV = {"KEY": "k", "STOCK_KEY": "s", "PAY_KEY": "p", "BACKEND": "http://h", "HOST": "http://h"}

VALUES = (
    "null", "0", "-1", "1.5", "true", "[]", "[null]", '["a"]', "[[1]]", "{}", "{ a: 1 }", '{ name: "a", value: "b" }', '""',
    '"$"', '"a"', '"b { c }"', '"$args.x"', '"{"', '"/{$this.id}"', '"{$batch.id}"', '"$env.NONE"', '"http://h"', "SOME", "$v",
    '"""\n  a\n"""', '"\\u0000"', '"\\ud83d\\ude00"', "99999999999999999999", '"[a]: b"', '{ GET: "/" }', '{ POST: "/", body: "$" }',
    '"$(1 ?? 2)"', '"a->map("', '"id"', '"https://specs.apollo.dev/connect/v9"', '"https://specs.apollo.dev/connect/"',
)  # fmt: skip
PIECES = (
    "", "{", "}", "(", ")", "[", "]", "$", "$this", "$batch.id", "$args", "@", "->", "->first", "->match([", "??", "?", "?!", ".", ":",
    ",", "'", "#", "\\\\", "é", "\t", "id", "__typename", "null", "$config.items", "$env.KEY", "$(1)", "{id}", "/..",
)  # fmt: skip
DIRECTIVES = (
    '@connect(http: { GET: "/x" }, selection: "$")', '@connect(source: "b", http: { GET: "/{$this.id}" }, selection: "id", entity: true)',
    '@source(name: "zz", http: { baseURL: "http://h" })', '@key(fields: "id")', "@connect", "@source", "@link", "@deprecated", "@nope",
    '@connect(http: { GET: "http://h/{$batch.id->first}" }, batch: { maxSize: 0, groupBy: "id" }, selection: "id")', "@extends", "@range(min: 1)",
    '@link(url: "https://specs.apollo.dev/join/v0.3")', '@link(url: "https://specs.apollo.dev/connect/v0.2", as: "c")',
)  # fmt: skip
KEYWORDS = ("type", "interface", "input", "enum", "union", "scalar", "extend type", "extend", "schema", "extend schema", "directive @x on")  # fmt: skip
NAMES = (
    "Query",
    "Mutation",
    "Subscription",
    "String",
    "ID",
    "JSON",
    "DateTime",
    "Nope",
    "__x",
    "connect",
    "source",
)


def corpus(folders: Sequence[Path] = ()) -> list[str]:
    """The schemas of the tests and of the documentation, and those of further folders; each is right as it is."""
    texts = [file.read_text() for file in sorted((ROOT / "tests/connectors").rglob("*.graphql"))]
    page = (ROOT / "docs/connectors.md").read_text()
    texts += re.findall(r"```graphql\n(.*?)```", page, re.DOTALL)
    texts += dict.fromkeys(scenario.sdl for scenario in SCENARIOS.values())
    for folder in folders:
        texts += [file.read_text() for file in sorted(folder.rglob("*.graphql"))]
    return [text.replace("BASE", "http://h") for text in texts if "@connect" in text]


class Checked:
    """Runs the check as `gateway check` does, on texts."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "schema.graphql"
        graph = GraphSettings(schema=(str(self.file),))
        self.config = Config(graph=graph, connectors=CONFIG.connectors)
        self.outcomes: Counter[str] = Counter()

    def run(self, text: str) -> None:
        """Errors: AssertionError for a finding without its place; whatever `build_graph` lets out."""
        self.file.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            graph = build_graph(self.config, self.file.parent, ENV, is_served=True)
        except ConfigError as refused:
            if refused.file != str(self.file):
                raise
            self.outcomes["refused"] += 1
            return
        for finding in graph.findings:
            assert finding.file == str(self.file), finding
            assert finding.message
            if text.strip():
                assert finding.line, finding
        assert graph.errors or graph.bound is not None
        self.outcomes["found" if graph.errors else "accepted"] += 1


def mutate(text: str, rng: Random) -> str:
    """One to three changes; a change of a text that no longer parses is a cut."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        try:
            document = parse(text)
        except (GraphQLError, RecursionError):
            return _cut(text, rng)
        text = rng.choice(CHANGES)(text, document, rng)
    return text


def _span(text: str, node: Node, by: str) -> str:
    assert node.loc is not None
    return text[: node.loc.start] + by + text[node.loc.end :]


def _value(text: str, document: DocumentNode, rng: Random) -> str:
    """A value of a directive becomes one of another kind."""
    given = _of_directives(document, (ArgumentNode, ObjectFieldNode))
    return _span(text, rng.choice(given).value, rng.choice(VALUES)) if given else text


def _member(text: str, document: DocumentNode, rng: Random) -> str:
    """An argument or a member is missing, stands twice, or has another's name."""
    given = _of_directives(document, (ArgumentNode, ObjectFieldNode))
    if not given:
        return text
    node = rng.choice(given)
    assert node.loc is not None
    whole = text[node.loc.start : node.loc.end]
    other = f"{rng.choice(given).name.value}: {rng.choice(VALUES)}"
    return _span(text, node, rng.choice(("", f"{whole} {whole}", f"{whole} {other}", other)))


def _words(text: str, document: DocumentNode, rng: Random) -> str:
    """The text of a mapping or a template changes at one place."""
    strings = _of_directives(document, (StringValueNode,))
    if not strings:
        return text
    node = rng.choice(strings)
    assert node.loc is not None
    at = rng.randrange(node.loc.start + 1, max(node.loc.end, node.loc.start + 2))
    end = min(node.loc.end - 1, at + rng.choice((0, 0, 1, 4)))
    return text[:at] + rng.choice(PIECES) + text[max(at, end) :]


def _move(text: str, document: DocumentNode, rng: Random) -> str:
    """A directive goes to another place, or one comes to a place."""
    uses = [node for node in nodes_in(document) if isinstance(node, DirectiveNode)]
    places = [node for node in nodes_in(document) if getattr(node, "directives", None) is not None]
    if not uses or not places:
        return text
    use, place = rng.choice(uses), rng.choice(places)
    assert use.loc is not None
    assert place.loc is not None
    moved = rng.choice((text[use.loc.start : use.loc.end], rng.choice(DIRECTIVES)))
    name = getattr(place, "type", None) or getattr(place, "name", None)
    at = name.loc.end if name is not None else place.loc.end
    changed = f"{text[:at]} {moved} {text[at:]}"
    if rng.random() < 0.5:
        start = use.loc.start + (len(moved) + 2 if use.loc.start >= at else 0)
        changed = changed[:start] + changed[start + use.loc.end - use.loc.start :]
    return changed


def _name(text: str, document: DocumentNode, rng: Random) -> str:
    """A name of the schema becomes another one of it, or a keyword another keyword."""
    names: list[Any] = [node for node in nodes_in(document) if node.kind == "name"]
    if rng.random() < 0.2:
        return re.sub(
            r"(?m)^(type|input|enum|interface|union|scalar|extend schema|extend type)\b",
            lambda found: rng.choice(KEYWORDS) if rng.random() < 0.2 else found[0],
            text,
        )
    other: list[str] = [node.value for node in names]
    return _span(text, rng.choice(names), rng.choice((*NAMES, rng.choice(other))))


def _cut(text: str, rng: Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.7 else text[at:]


def _cut_any(text: str, _: DocumentNode, rng: Random) -> str:
    return _cut(text, rng)


CHANGES = (_value, _value, _value, _member, _member, _words, _words, _move, _move, _name, _cut_any)


def _of_directives(document: DocumentNode, kinds: tuple[type[Node], ...]) -> list[Any]:
    found: list[Any] = []
    for use in nodes_in(document):
        if isinstance(use, DirectiveNode):
            found += [node for node in nodes_in(use) if isinstance(node, kinds)]
    return found


def mutations(texts: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Texts in turn, each with changes."""
    rng = Random(seed)
    for number in range(count):
        yield mutate(texts[number % len(texts)], rng)


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.schemas", description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, action="append", default=[])
    options = parser.parse_args()
    texts = corpus(options.folder)
    with tempfile.TemporaryDirectory() as folder:
        checked = Checked(Path(folder))
        for number, text in enumerate(mutations(texts, options.count, options.seed)):
            try:
                checked.run(text)
            except Exception:
                kept = Path(tempfile.gettempdir()) / f"schema-{options.seed}-{number}.graphql"
                kept.write_text(text, encoding="utf-8", errors="surrogatepass")
                print(f"mutation {number} breaks it: {kept}", file=sys.stderr)
                raise
            if number % 5_000 == 4_999:
                print(f"{number + 1}: {dict(checked.outcomes)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
