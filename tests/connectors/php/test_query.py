"""Parameters and forms against PHP's own http_build_query(), and where the dialect writes them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.connectors.php.query import php_query
from tests.connectors.scenario import SOURCE, Scenario, execute

PHP = shutil.which("php")
needs_php = pytest.mark.skipif(PHP is None, reason="needs php-cli")
BUILD = r"""
$out = [];
foreach (json_decode(stream_get_contents(STDIN), true) as $given) {
  $out[] = http_build_query($given);
}
echo json_encode($out);
"""


def built_by_php(objects: list[dict[str, Any]]) -> list[str]:
    run = subprocess.run(
        [str(PHP), "-r", BUILD],
        input=json.dumps(objects).encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    texts: list[str] = json.loads(run.stdout)
    return texts


leaf = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=6)
nested = st.recursive(
    leaf | st.sampled_from([1.5, -0.25, 3.0, 1e10]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab -_.~*é[", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@needs_php
def test_it_is_what_php_writes() -> None:
    objects: list[dict[str, Any]] = [
        {"a": [1, None, 3], "b": True, "c": False, "d": None, "e": [], "f": {}, "g": ""},
        {"f": {"x": {"y": "~a b*-_.é/&=+%"}}, "g": {"k": [{"z": 1}]}, "h i": "ü"},
        {"n": [1.0, 0.5, -2.5, 1e10, 9007199254740993]},
    ]

    @settings(max_examples=300, database=None, derandomize=True)
    @given(st.dictionaries(st.text("abcÄ .~", min_size=1, max_size=3), nested, max_size=4))
    def draw(value: dict[str, Any]) -> None:
        objects.append(value)

    draw()
    for value, text in zip(objects, built_by_php(objects), strict=True):
        assert php_query(value) == text


def test_brackets_of_the_author_stand() -> None:
    assert php_query({"ids[]": [1, None, True]}) == "ids%5B%5D=1&ids%5B%5D=1"
    assert php_query({"ids[]": 4}) == "ids%5B%5D=4"
    assert (
        php_query({"a[b][]": [[1], {"c": 2}]}) == "a%5Bb%5D%5B%5D%5B0%5D=1&a%5Bb%5D%5B%5D%5Bc%5D=2"
    )


def test_large_numbers_keep_their_digits() -> None:
    assert php_query({"n": 2**70, "f": 0.1234567890123456}) == f"n={2**70}&f=0.1234567890123456"


@pytest.mark.parametrize("dialect", ["json", "php"])
async def test_where_the_dialect_writes(dialect: str, tmp_path: Path) -> None:
    sdl = (
        SOURCE.replace('baseURL: "BASE"', """baseURL: "BASE" queryParams: "app: $(true)" """)
        + """type Query { a(on: Boolean, x: Float, l: [Int]): Int @connect(source: "b", selection: "$"
      http: { GET: "/p/{$args.on}?on={$args.on}&x={$args.x}" queryParams: "l: $args.l none: $(null)" }) }
      type Mutation { form(on: Boolean, l: [Int]): Int @connect(source: "b", selection: "$", http: { POST: "/f"
        headers: [{ name: "content-type", value: "application/x-www-form-urlencoded" }] body: "on: $args.on l: $args.l n: $(null)" })
        json(on: Boolean, l: [Int]): Int @connect(source: "b", selection: "$", http: { POST: "/j", body: "on: $args.on l: $args.l n: $(null)" }) }"""
    )
    asked = {
        "php": (
            "GET /p/false?app=1&on=0&x=3&l%5B0%5D=1&l%5B1%5D=2",
            "POST /f?app=1 on=1&l%5B0%5D=5",
            'POST /j?app=1 {"on":true,"l":[5],"n":null}',
        ),
        "json": (
            "GET /p/false?app=true&on=false&x=3&l=1&l=2",
            "POST /f?app=true on=true&l%5B0%5D=5&n=",
            'POST /j?app=true {"on":true,"l":[5],"n":null}',
        ),
    }
    lines: list[str] = []
    for query in (
        "{ a(on: false, x: 3, l: [1, 2]) }",
        "mutation { form(on: true, l: [5]) json(on: true, l: [5]) }",
    ):
        tables = {"sources": {"b": {"dialect": dialect}}}
        scenario = Scenario(sdl, query, lambda _: 1, None, (), tables=tables)
        result, requests = await execute(scenario, tmp_path)
        assert result.errors == []
        lines += [request.line for request in requests]
    assert tuple(lines) == asked[dialect]
