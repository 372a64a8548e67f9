"""A `@link` of nothing, and an import that its specification does not have, are told at their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import parse

from gateway.graph.links import SPECIFICATIONS, check_links
from tests.cli.command import run_gateway

FEDERATION = "https://specs.apollo.dev/federation/v2.9"
CONNECT = "https://specs.apollo.dev/connect/v0.3"
AN_IMPORT = "an import is a name in quotes, or an object of `name` and `as`: this one has no effect"


@pytest.mark.parametrize(
    ("link", "code", "message", "hint"),
    [
        (f'url: "{FEDERATION}", import: ["@key", ▸"@sharable"]', "UnknownImport",
         "`@sharable` is no directive of the specification `federation`", "did you mean `@shareable`?"),
        (f'url: "{FEDERATION}", import: [▸{{name: "@authentcated", as: "@auth"}}]', "UnknownImport",
         "`@authentcated` is no directive of the specification `federation`", "did you mean `@authenticated`?"),
        (f'url: "{FEDERATION}", import: ▸"key"', "UnknownImport",
         "`key` is no type of the specification `federation`", "did you mean `@key`?"),
        (f'url: "{FEDERATION}", import: [▸key]', "UnknownImport", AN_IMPORT, 'write "@key"'),
        (f'url: "{FEDERATION}", import: [▸{{nmae: "@key", as: "@k"}}]', "UnknownImport", AN_IMPORT, 'write "@key"'),
        (f'url: "{FEDERATION}", import: [▸{{name: "@key", as: 1}}]', "UnknownImport", AN_IMPORT, 'write "@key"'),
        (f'url: "{CONNECT}", import: [▸"@conect"]', "UnknownImport",
         "`@conect` is no directive of the specification `connect`", "did you mean `@connect`?"),
        (f'url: "{CONNECT}", import: [▸"@key"]', "UnknownImport",
         "`@key` is no directive of the specification `connect`", "known: @source, @connect"),
        ('url: ▸"https://specs.apollo.dev/federaton/v2.9"', "UnknownSpecification",
         "`https://specs.apollo.dev/federaton/v2.9` is no specification that is known: the @link has no effect",
         "did you mean `federation`?"),
        ('url: ▸"http://specs.apollo.dev/federation/v2.9"', "UnknownSpecification",
         "`http://specs.apollo.dev/federation/v2.9` is no specification that is known: the @link has no effect",
         "write https://specs.apollo.dev/federation/v2.12"),
        ('url: ▸"https://specs.apollo.dev/federation/v2.99"', "UnknownSpecification",
         "federation's version v2.99 is not known", "known: v2.0 to v2.12"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_a_warning_at_its_place(
    link: str, code: str, message: str, hint: str
) -> None:
    sdl = f"extend schema @link({link})"
    (found,) = check_links(parse(sdl.replace("▸", "")))
    assert (found.code, found.message, found.hint) == (code, message, hint)
    assert (found.severity, found.line, found.column) == ("warning", 1, sdl.index("▸") + 1)


def test_a_link_without_a_url_is_a_warning() -> None:
    (found,) = check_links(parse('extend schema @link(import: ["@key"])'))
    assert found.message == "the @link names no specification, and has no effect"


@pytest.mark.parametrize(
    "link",
    [
        f'url: "{FEDERATION}", import: ["@key", {{name: "@authenticated", as: "@auth"}}, "FieldSet"]',
        f'url: "{FEDERATION}", as: "fed"',
        f'url: "{CONNECT}", import: ["@connect", "JSONSelection"]',
        'url: "https://specs.example/ours/v1.0", import: ["@ours"]',
        'url: "https://specs.apollo.dev/join/v0.3", import: ["@join__type"]',
        *(f'url: "https://specs.apollo.dev/{name}/v2.3"' for name in SPECIFICATIONS),
    ],
)
def test_what_is_known_or_somebody_elses_is_not(link: str) -> None:
    assert check_links(parse(f"extend schema @link({link})")) == []


def test_check_tells_it(tmp_path: Path) -> None:
    sdl = f'extend schema @link(url: "{FEDERATION}", import: ["@kee"])\ntype Query {{ a: Int }}'
    (tmp_path / "s.graphql").write_text(sdl)
    done = run_gateway("check", "--schema", "s.graphql", cwd=tmp_path)
    assert "s.graphql:1:79: warning: `@kee` is no directive of the specification" in done.stdout
