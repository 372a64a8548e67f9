"""Scenarios of numbers on their way out and back: all digits of an id, and whole numbers as they were written."""

from __future__ import annotations

from typing import Any

from tests.connectors.scenario import SOURCE, Scenario
from tests.support.backend import Answer, Asked

BIG = 123456789012345678901234567890


def _echo(asked: Asked) -> Any:
    return {"asked": asked.line}


def _sent(http: str, query: str, asked: str, variables: dict[str, Any] | None = None) -> Scenario:
    """One call with arguments of every kind."""
    return Scenario(
        sdl=SOURCE
        + f"""type Query {{ f(id: ID x: Float xs: [Float!] any: Any in: In): String
          @connect(source: "b", http: {{ {http} }}, selection: "$.asked") }}
        input In {{ x: Float id: ID n: Int more: [In!] }} scalar Any""",
        query=query,
        variables=variables,
        answers=_echo,
        data={"f": asked},
        asked=(asked,),
    )


def _read(selection: str, type_: str, body: bytes, data: Any, dialect: str = "json") -> Scenario:
    return Scenario(
        sdl=SOURCE
        + f'''type Query {{ f: {type_} @connect(source: "b", http: {{ GET: "/f" }}, selection: "{selection}") }}
        type Row {{ id: ID any: ID }}''',
        query="{ f { id any } }" if "Row" in type_ else "{ f }",
        answers={"/f": Answer(body)},
        data={"f": data},
        asked=("GET /f",),
        tables={"sources": {"b": {"dialect": dialect}}},
    )


ALL = f'{{"id":"{BIG}","x":3,"xs":[1,2.5],"any":{BIG},"in":{{"x":4,"id":"5","n":6,"more":[{{"x":-7}}]}}}}'
ROWS = b'[{"id": %d, "any": -18446744073709551616}]' % BIG
READ = [{"id": str(BIG), "any": "-18446744073709551616"}]

ROWS_OF_NUMBERS: list[dict[str, Any]] = [
    {
        "f": 123456789012345680000.0,
        "fs": [9007199254740992.0, 3.0],
        "id": "9007199254740992",
        "big": 5,
        "j": {"a": [2**64, -(2**63) - 1]},
        "n": 1,
    },
    {"f": -9007199254740996.0, "fs": None, "id": None, "big": None, "j": None, "n": None},
]

NUMBERS: dict[str, Scenario] = {
    "variables in a body": _sent(
        'POST: "/f", body: "$args"',
        "query($id: ID $x: Float $xs: [Float!] $any: Any $in: In) { f(id: $id x: $x xs: $xs any: $any in: $in) }",
        f"POST /f {ALL}",
        {"id": BIG, "x": 3, "xs": [1, 2.5], "any": BIG, "in": {"x": 4.0, "id": 5, "n": 6, "more": [{"x": -7}]}},
    ),
    "literals in a body": _sent(
        'POST: "/f", body: "id: $args.id x: $args.x xs: $args.xs in: $args.in"',
        f"{{ f(id: {BIG} x: 3 xs: [1, 2.5] in: {{ x: 4.0 more: [{{ x: -7 }}] }}) }}",
        f'POST /f {{"id":"{BIG}","x":3,"xs":[1,2.5],"in":{{"x":4,"more":[{{"x":-7}}]}}}}',
    ),
    "in a URL, a path and parameters": _sent(
        'GET: "/f/{$args.x}", path: "$args.xs" queryParams: "id: $args.id any: $args.any"',
        "query($id: ID $any: Any) { f(id: $id x: 3 xs: [0.5, 8] any: $any) }",
        f"GET /f/3/0.5/8?id={BIG}&any={BIG}",
        {"id": BIG, "any": BIG},
    ),
    "a whole number that no float is exact for stays one": _sent(
        'GET: "/f?x={$args.x}"', "{ f(x: 1e22) }", "GET /f?x=1e%2B22"
    ),
    "read": _read("id any", "[Row]", ROWS, READ),
    "read beside a method": _read("$->slice(0, 1) { id any }", "[Row]", ROWS, READ),
    "read from text": _read("$.t->jsonParse { id any }", "[Row]", b'{"t": "[{\\"id\\": %d}]"}' % BIG,
                            [{"id": str(BIG), "any": None}]),
    "read under PHP": _read("id any", "[Row]", ROWS, READ, "php"),
    "as text": _read("$.n->toString", "String", b'{"n": %d}' % BIG, str(BIG)),
    "as JSON": _read("$->jsonStringify", "String", b'{"n": %d}' % BIG, f'{{"n":{BIG}}}'),
    "Float and ID as the text has them": Scenario(
        sdl=SOURCE
        + """scalar JSON scalar BigInt
        type Query { rows: [Row] @connect(source: "b", http: { GET: "/rows" }, selection: "f fs id big j n")
          mapped: [Row] @connect(source: "b", http: { GET: "/rows" }, selection: "$->slice(0) { f fs id big j n }")
          one: Float @connect(source: "b", http: { GET: "/one" }, selection: "$.v") }
        type Row { f: Float fs: [Float!] id: ID big: BigInt j: JSON n: Int
          e: E @connect(source: "b", http: { GET: "/e/{$this.f}" }, selection: "ok") } type E { ok: Boolean }""",
        query="{ rows { f fs id big j n e { ok } } mapped { f fs id big j n } one }",
        answers={
            "/rows": Answer(
                b'[{"f": 123456789012345680000, "fs": [9007199254740993, 3], "id": 9007199254740992.0, "big": 5.0,'
                b' "j": {"a": [18446744073709551616, -9223372036854775809]}, "n": 1},'
                b' {"f": -9007199254740995, "fs": [1e400], "id": 12345678901234567890.0, "big": 12345678901234567890.0}]'
            ),
            "/one": Answer(b'{"v": 36893488147419103233}'),
            "/e/123456789012345680000": {"ok": True},
            "/e/-9007199254740995": {"ok": True},
        },
        data={
            "rows": [{**row, "e": {"ok": True}} for row in ROWS_OF_NUMBERS],
            "mapped": ROWS_OF_NUMBERS,
            "one": 36893488147419103232.0,
        },
        errors=tuple(
            ("RESULT_COERCION_FAILED", f"{name}.1.{field}")
            for name in ("rows", "mapped")
            for field in ("fs.0", "id", "big")
        ),
        asked=("GET /e/-9007199254740995", "GET /e/123456789012345680000", "GET /one", "GET /rows"),
    ),
    "a key": Scenario(
        sdl=SOURCE
        + """type Query { rows: [Row] @connect(source: "b", http: { GET: "/rows" }, selection: "id") }
        type Row @connect(source: "b", http: { POST: "/find", body: "ids: $batch.id" }, selection: "id name") {
          id: ID name: String }""",
        query="{ rows { id name } }",
        answers={"/rows": Answer(b'[{"id": %d}, {"id": %d}]' % (BIG, BIG + 1)),
                 "/find": Answer(b'[{"id": %d, "name": "b"}, {"id": %d, "name": "a"}]' % (BIG + 1, BIG))},
        data={"rows": [{"id": str(BIG), "name": "a"}, {"id": str(BIG + 1), "name": "b"}]},
        asked=("GET /rows", f'POST /find {{"ids":[{BIG},{BIG + 1}]}}'),
    ),
}  # fmt: skip
