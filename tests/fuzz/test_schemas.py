"""Some of the mutated schemas in each run of the tests; all of them by `python -m tests.fuzz.schemas`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.schemas import VALUES, Checked, corpus, mutations

COUNT = 1_200


def test_the_schemas_are_right_as_they_are(tmp_path: Path) -> None:
    checked = Checked(tmp_path)
    for text in corpus():
        checked.run(text)
    assert set(checked.outcomes) == {"accepted"}


@pytest.mark.parametrize("seed", [1, 2])
def test_check_finds_and_never_breaks(seed: int, tmp_path: Path) -> None:
    checked = Checked(tmp_path)
    for text in mutations(corpus(), COUNT // 2, seed):
        checked.run(text)
    assert min(checked.outcomes[name] for name in ("refused", "found", "accepted")) > 5


@pytest.mark.parametrize(
    "argument",
    ["source", "id", "http", "GET", "headers", "name", "value", "queryParams", "path", "body", "batch", "maxSize", "groupBy",
     "errors", "message", "isSuccess", "selection", "entity"],
)  # fmt: skip
def test_an_argument_of_every_kind(argument: str, tmp_path: Path) -> None:
    checked = Checked(tmp_path)
    for value in VALUES:
        checked.run(schema_with(argument, value))


def schema_with(argument: str, value: str) -> str:
    """Connectors on a field and on a type that have every argument, one of them as given."""
    given = {
        "source": '"b"', "id": '"i"', "http": "HTTP", "GET": '"/a"', "headers": "[{ name: NAME, value: VALUE }]",
        "name": '"x"', "value": '"y"', "queryParams": '"a: $args.a"', "path": '"$(\'a\')"', "body": '"$args"',
        "batch": "{ maxSize: MAXSIZE, groupBy: GROUPBY }", "maxSize": "2", "groupBy": '"id"', "errors": "{ message: MESSAGE }",
        "message": '"$.m"', "isSuccess": '"$.ok"', "selection": '"id"', "entity": "true",
        argument: value,
    }  # fmt: skip
    text = "@connect(source: SOURCE, id: ID_, http: HTTP, batch: BATCH, errors: ERRORS, isSuccess: ISSUCCESS, selection: SELECTION, entity: ENTITY)"
    http = "{ GET: GET_, headers: HEADERS, queryParams: QUERYPARAMS, path: PATH, body: BODY }"
    for name in given:
        key = {"id": "ID_", "GET": "GET_"}.get(name, name.upper())
        if name == "http" and argument != "http":
            text = text.replace("http: HTTP", f"http: {http}")
        else:
            text = text.replace(f": {key}", f": {given[name]}")
    link = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])'
    return (
        f'{link} @source(name: "b", http: {{ baseURL: "https://h" }})\ntype Query {{ t(a: Int): T {text} }}\n'
        f"type T {{ id: ID u: [U] {text} }} type U {{ id: ID }}"
    )


LINK = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3"'
TEXTS = {
    "a deep list type": f"type Query {{ a: {'[' * 3_000}Int{']' * 3_000} }}",
    "a deep value": f"type Query {{ a(x: Int = {'[' * 3_000}{']' * 3_000}): Int }}",
    "a directive's deep value": f"{LINK}) type Query {{ a: Int @connect(http: {'{a: ' * 3_000}1{'}' * 3_000}) }}",
    "deep braces": f'type Query {{ a: Int @connect(http: {{ GET: "http://h" }}, selection: "{"a { " * 3_000}b{"}" * 3_000}") }}',
    "deep methods": f'type Query {{ a: Int @connect(http: {{ GET: "http://h" }}, selection: "${"->map(@" * 3_000}{")" * 3_000}") }}',
    "a deep template": f'type Query {{ a: Int @connect(http: {{ GET: "http://h/{"{" * 3_000}{"}" * 3_000}" }}, selection: "$") }}',
    "a long path": f'type Query {{ a: Int @connect(http: {{ GET: "http://h" }}, selection: "${".a" * 5_000}") }}',
    "a link without a URL": "extend schema @link type Query { a: Int }",
    "a link to a list": 'extend schema @link(url: ["https://specs.apollo.dev/connect/v0.3"]) type Query { a: Int }',
    "imports of every kind": f'{LINK}, import: [1, null, {{ name: 1 }}, {{ as: "@x" }}, "connect", "@", ""]) type Query {{ a: Int }}',
    "an import under a taken name": f'{LINK}, import: [{{ name: "@connect", as: "@deprecated" }}]) type Query {{ a: Int }}',
    "two imports under one name": f'{LINK}, import: [{{ name: "@source", as: "@x" }}, {{ name: "@connect", as: "@x" }}]) type Query {{ a: Int @x }}',
    "a name that is none": f'{LINK}, as: "a b") type Query {{ a: Int @connect }}',
    "two links": f'{LINK}, as: "x") @link(url: "https://specs.apollo.dev/connect/v0.2", as: "y") type Query {{ a: Int @y }}',
    "a directive of its own": f"{LINK}) directive @connect(a: Int) on FIELD_DEFINITION type Query {{ a: Int @connect(a: 1) }}",
    "an input of its own": f'{LINK}) input ConnectHTTP {{ a: Int }} type Query {{ a: Int @connect(http: {{ GET: "http://h/" }}, selection: "$") }}',
    "a type of a scalar's name": f"{LINK}) type JSONSelection {{ a: Int }} type Query {{ a: Int }}",
    "a value of @range": 'type Query { a(x: Int @range(min: "s")): Int @connect(http: { GET: "http://h/" }, selection: "$") }',
    "a reason that is no text": "type Query { a: Int @deprecated(reason: 1) }",
    "a root that is an input": "schema { query: O } input O { a: Int }",
    "an operation": "{ a }",
    "nothing": "",
    "a byte order mark": "\ufefftype Query { a: Int }",
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_that_nobody_would_write(text: str, tmp_path: Path) -> None:
    Checked(tmp_path).run(text)
