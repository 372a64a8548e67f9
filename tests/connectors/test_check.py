"""Each rule of the schema checks: its code, at the line and column of what is wrong."""

from __future__ import annotations

import pytest
from graphql import Source, parse

from gateway.connectors.check import check_connectors
from gateway.graph.schema import build_schema
from tests.connectors.scenario import LINK

SOURCE = LINK + ' @source(name: "b", http: { baseURL: "https://h" })\n'


def connect(http: str, selection: str = "$", more: str = "") -> str:
    return (
        SOURCE + f'type Query {{ a(v: String, w: In): String @connect(source: "b" {more}\n'
        f'http: {{ {http} }}\nselection: "{selection}") }}\ninput In {{ x: String }}'
    )


def typed(selection: str, fields: str = "id: ID") -> str:
    return (
        SOURCE + f'type Query {{ t: T @connect(source: "b", http: {{ GET: "/t" }},\n'
        f'selection: "{selection}") }}\ntype T {{ {fields} }}'
    )


def on_type(http: str, selection: str = "id", more: str = "") -> str:
    return (
        SOURCE
        + 'type Query { t: T @connect(source: "b", http: { GET: "/t" }, selection: "id") }\n'
        + f'type T @connect(source: "b" {more} http: {{ {http} }},\nselection: "{selection}")'
        + " { id: ID name: String }"
    )


CASES = {
    "UnknownConnectorsVersion": connect('GET: "/"').replace("v0.3", "v0.9"),
    "SourceNameMismatch": connect('GET: "/"').replace('source: "b"', 'source: "c"'),
    "DuplicateSourceName": connect('GET: "/"').replace(
        LINK, LINK + ' @source(name: "b", http: { baseURL: "https://h" })'
    ),
    "EmptySourceName": connect('GET: "/"').replace('name: "b"', 'name: ""'),
    "InvalidSourceName": connect('GET: "/"').replace('name: "b"', 'name: "1b"'),
    "InvalidConnectorIdName": connect('GET: "/"', more='id: "a-b"'),
    "InvalidUrl": connect('GET: "/{$args.v"'),
    "InvalidUrlScheme": connect('GET: "/"').replace("https://h", "ftp://h"),
    "AbsoluteConnectUrlWithSource": connect('GET: "https://h/"'),
    "RelativeConnectUrlWithoutSource": connect('GET: "/"').replace('source: "b"', ""),
    "MissingHttpMethod": connect('body: "$args.v"'),
    "MultipleHttpMethods": connect('GET: "/" POST: "/"'),
    "InvalidHeader": connect('GET: "/" headers: [{ name: "te", value: "x" }]'),
    "HttpHeaderNameCollision": connect(
        'GET: "/" headers: [{ name: "x", value: "1" }, { name: "X", value: "2" }]'
    ),
    "InvalidUrlProperty": connect('GET: "/" queryParams: "a: ("'),
    "InvalidBody": connect('POST: "/" body: "a: ("'),
    "InvalidSelection": connect('GET: "/"', selection="a: ("),
    "InvalidErrorsMessage": connect('GET: "/"', more='errors: { message: "a: b" }'),
    "InvalidIsSuccess": connect('GET: "/"', more='isSuccess: "a: b"'),
    "SelectedFieldNotFound": typed("id nope"),
    "GroupSelectionRequiredForObject": typed("id u", "id: ID u: U").replace(
        "type T", "type U { x: ID }\ntype T"
    ),
    "GroupSelectionIsNotObject": typed("id { x }"),
    "CircularReference": typed("id t { id t { id } }", "id: ID t: T"),
    "ConnectorsFieldWithArguments": typed("id", "id(x: Int): ID"),
    "ConnectorsUnresolvedField": typed("id", "id: ID other: Int"),
    "EntityTypeInvalid": connect('GET: "/"', more="entity: true"),
    "ConnectOnTypeMustBeEntity": on_type('GET: "/{$this.id}"', "id name", "entity: false"),
    "ConnectBatchAndThis": on_type('GET: "/{$this.id}?x={$batch.id->first}"', "id name"),
    "ConnectorsBatchKeyNotInSelection": on_type('GET: "/{$batch.id->first}"', "name"),
    "UndefinedArgument": connect('GET: "/{$args.nope}"'),
    "UndefinedField": on_type('GET: "/{$this.nope}"', "id name"),
}


@pytest.mark.parametrize(("code", "sdl"), CASES.items(), ids=CASES.keys())
def test_a_rule(code: str, sdl: str) -> None:
    document = parse(Source(sdl, "schema.graphql"))
    schema, problems = build_schema(document)
    assert schema is not None, problems
    found = check_connectors(schema, document, resolved=())
    assert code in [finding.code for finding in found], found
    finding = next(finding for finding in found if finding.code == code)
    assert finding.file == "schema.graphql"
    assert finding.line is not None
    assert finding.column is not None
    assert 1 <= finding.line <= len(sdl.splitlines())


def test_the_place_is_the_character_inside_the_selection() -> None:
    sdl = typed("id nope")
    document = parse(Source(sdl, "schema.graphql"))
    schema, _ = build_schema(document)
    assert schema is not None
    (finding,) = check_connectors(schema, document, resolved=())
    assert finding.line is not None
    assert finding.column is not None
    assert sdl.splitlines()[finding.line - 1][finding.column - 1 :].startswith("nope")
