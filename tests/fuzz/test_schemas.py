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
