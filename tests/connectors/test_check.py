"""Each rule of the schema checks: one planted mistake, its code, and the very place of it.

A `▸` in a schema stands before the character that the finding has to name.
"""

from __future__ import annotations

import pytest
from graphql import Source, parse

from gateway.connectors.check.connectors import check_connectors
from gateway.errors import Diagnostic
from gateway.graph.schema import build_schema
from tests.connectors.scenario import LINK

SOURCE = LINK + ' @source(name: "b", http: { baseURL: "https://h" })\n'
MARK = "▸"


def source(given: str, http: str = 'baseURL: "https://h"') -> str:
    return (
        f"{LINK} {given.replace('HTTP', f'http: {{ {http} }}')}\n"
        'type Query { a: String @connect(http: { GET: "https://h/a" }, selection: "$") }'
    )


def connect(http: str, selection: str = "$", more: str = "", name: str = '"b"') -> str:
    return (
        SOURCE + f"type Query {{ a(v: String, w: In, l: [String]): String {more}\n"
        f'@connect(source: {name}, http: {{ {http} }}\nselection: "{selection}") }}\ninput In {{ x: String e: E }} enum E {{ A }}'
    )


def connected(more: str, http: str = 'GET: "/"') -> str:
    return (
        SOURCE
        + f"type Query {{ a: String\n{more.replace('HTTP', f'http: {{ {http} }}, selection: {chr(34)}${chr(34)}')} }}"
    )


def typed(selection: str, fields: str = "id: ID", more: str = "") -> str:
    return (
        SOURCE + f'type Query {{ t: T @connect(source: "b", http: {{ GET: "/t" }},\n'
        f'selection: "{selection}") }}\ntype T {{ {fields} }} {more}'
    )


def on_type(http: str, selection: str = "id", more: str = "", mark: str = "") -> str:
    return (
        SOURCE
        + 'type Query { t: T @connect(source: "b", http: { GET: "/t" }, selection: "id name") }\n'
        + f'type T {mark}@connect(source: "b" {more} http: {{ {http} }},\nselection: "{selection}")'
        + " { id: ID name: String }"
    )


def entity(arguments: str, more: str = "") -> str:
    return (
        SOURCE + f'type Query {{ t({arguments}): T @connect(source: "b", entity: true\n'
        'http: { GET: "/t" }, selection: "id at { x }") }\n'
        f"type T {{ id: ID at: At }} type At {{ x: ID }} {more}"
    )


def grouped(kind: str, keys: str) -> str:
    return (
        typed("id code", "id: ID code: ID n: " + kind).replace(
            f"n: {kind}",
            f'n: {kind} ▸@connect(source: "b", http: {{ POST: "/n", body: "{keys}" }},\n'
            'batch: { groupBy: "t" }, selection: "t")',
        )
        + " type N { t: ID }"
    )


PLAIN = '@connect(source: "b", http: { GET: "/" }, selection: "$")'
THIS = '@connect(source: "b", http: { GET: "/{$this.KEY}" }, selection: "$")'
CASES: dict[str, tuple[str, str]] = {
    # The link and the sources
    "unknown version": (
        "UnknownConnectorsVersion",
        connect('GET: "/"').replace('"https://specs.apollo.dev/connect/v0.3', f'{MARK}"https://specs.apollo.dev/connect/v0.9'),
    ),
    "no sources": ("NoSourcesDefined", f'{LINK} type Query {{ a: Int @connect(source: ▸"b", http: {{ GET: "/" }}, selection: "$") }}'),
    "a source that is not imported": (
        "NoSourceImport",
        LINK.replace("@link", "▸@link").replace('"@source", ', "") + f" type Query {{ a: Int {PLAIN} }}",
    ),
    "an unknown source": ("SourceNameMismatch", connect('GET: "/"', name='▸"c"')),
    "a source twice": (
        "DuplicateSourceName",
        source('@source(name: "b", HTTP) ▸@source(name: "b", HTTP)'),
    ),
    "a source without name": ("EmptySourceName", source('▸@source(name: "", HTTP)')),
    "a source's name": ("InvalidSourceName", source('▸@source(name: "1b", HTTP)')),
    "a base URL's scheme": ("InvalidUrlScheme", source('@source(name: "b", HTTP)', 'baseURL: "▸ftp://h"')),
    "a relative base URL": ("InvalidUrl", source('@source(name: "b", HTTP)', 'baseURL: "▸h/v1"')),
    "an empty base URL": ("InvalidUrl", source('▸@source(name: "b", HTTP)', 'baseURL: ""')),
    "a variable of the base URL": ("InvalidUrl", source('@source(name: "b", HTTP)', 'baseURL: "https://{▸$request.headers.a->first}"')),
    "$args of a source": ("InvalidUrlProperty", source('@source(name: "b", HTTP)', 'baseURL: "https://h" queryParams: "a: ▸$args.a"')),
    "$this of a source's errors": ("InvalidErrorsMessage", source('@source(name: "b", HTTP errors: { message: "▸$this.a" })')),
    # The connector itself
    "an id": ("InvalidConnectorIdName", connected('▸@connect(source: "b", id: "a-b", HTTP)')),
    "an id twice": (
        "DuplicateIdName",
        connected('@connect(source: "b", id: "x", HTTP)\nc: Int ▸@connect(source: "b", id: "x", HTTP)'),
    ),
    "a misspelt member": ("InvalidArgument", connect('GET: "/" ▸querParams: "a: $args.v"')),
    "a mapping that is no string": ("InvalidArgument", connect('GET: "/" queryParams: ▸{ a: "$args.v" }')),
    "a size that is no number": ("InvalidArgument", connected('@connect(source: "b", batch: { maxSize: ▸"2" }, HTTP)')),
    "a size that is too large": ("InvalidArgument", connected(f'@connect(source: "b", batch: {{ maxSize: ▸{"9" * 5000} }}, HTTP)')),
    "a size of nothing": ("InvalidArgument", connected('@connect(source: "b", batch: { maxSize: ▸0 }, HTTP)')),
    "a size below nothing": ("InvalidArgument", connected('@connect(source: "b", batch: { maxSize: ▸-1 }, HTTP)')),
    "a header without name": ("InvalidArgument", connect('GET: "/" headers: [▸{ value: "x" }]')),
    "errors that are no object": ("InvalidArgument", connected('@connect(source: "b", errors: ▸"$.message", HTTP)')),
    "a misspelt member of a source": ("InvalidArgument", source('@source(name: "b", HTTP)', 'baseURL: "https://h" ▸header: []')),
    "no method": ("MissingHttpMethod", connected('@connect(source: "b", http: ▸{ body: "$args" }, selection: "$")')),
    "two methods": ("MultipleHttpMethods", connect('GET: "/" POST: ▸"/"')),
    "no selection": ("InvalidSelection", connected('▸@connect(source: "b", http: { GET: "/" })')),
    "on a subscription": (
        "SubscriptionInConnectors",
        connected(f"{PLAIN} }} type Subscription {{ s: Int ▸{PLAIN}"),
    ),
    "a subscription that nothing gives": (
        "SubscriptionInConnectors",
        connected(f"{PLAIN} }} type Subscription {{ ▸s: Int"),
    ),
    "on an interface": (
        "ConnectorsUnsupportedAbstractType",
        connected(f"{PLAIN} }} interface I {{ i: Int ▸{PLAIN}"),
    ),
    "on Query": ("ConnectOnRoot", SOURCE + f"type Query ▸{PLAIN} {{ a: Int {PLAIN} }}"),
    # URLs
    "a template": ("InvalidUrl", connect('GET: "/▸{$args.v"')),
    "a base URL without a host": ("InvalidUrl", source('@source(name: "b", HTTP)', 'baseURL: "▸https:///v1"')),
    "a base URL's port": ("InvalidUrl", source('@source(name: "b", HTTP)', 'baseURL: "▸https://h:99999"')),
    "a base URL's host": ("InvalidUrl", source('@source(name: "b", HTTP)', 'baseURL: "▸https://a b/v1"')),
    "an address that does not end": ("InvalidUrl", source('@source(name: "b", HTTP)', 'baseURL: "▸https://[::1/v1"')),
    "a URL with credentials": ("InvalidUrl", connected("@connect(HTTP)", 'GET: "▸https://u:p@h/x"')),
    "a path that climbs": ("InvalidUrl", connect('GET: "▸/a/../{$args.v}"')),
    "a base URL that climbs": ("InvalidUrl", source('@source(name: "b", HTTP)', 'baseURL: "▸https://h/%2e./v1"')),
    "a list in a URL": ("InvalidUrl", connect('GET: "/{▸$args.l}"')),
    "an object in a URL": ("InvalidUrl", connect('GET: "/{▸$args.w}"')),
    "a header's values in a URL": ("InvalidUrl", connect('GET: "/{▸$request.headers.x}"')),
    "the answer in a URL": ("InvalidUrl", connect('GET: "/{▸$status}"')),
    "a bare key in a URL": ("InvalidUrl", connect('GET: "/{▸config.host}"')),
    "an expression in the host": ("InvalidUrl", connected('@connect(HTTP)', 'GET: "https://a.▸{$config.b}/c"')),
    "an absolute URL": ("AbsoluteConnectUrlWithSource", connect('GET: "▸https://h/"')),
    "a relative URL": ("RelativeConnectUrlWithoutSource", connected("@connect(HTTP)", 'GET: "▸/"')),
    "a URL's scheme": ("InvalidUrlScheme", connected("@connect(HTTP)", 'GET: "▸ftp://h/"')),
    "queryParams": ("InvalidUrlProperty", connect('GET: "/" queryParams: "a: ▸("')),
    "queryParams of a value": ("InvalidUrlProperty", connect('GET: "/" queryParams: "▸$args.v"')),
    "a path of an object": ("InvalidUrlProperty", connect('GET: "/" path: "▸a: $args.v"')),
    # Headers and bodies
    "a header that cannot be set": ("InvalidHeader", connect('GET: "/" headers: [▸{ name: "te", value: "x" }]')),
    "a header from the client": ("InvalidHeader", connect('GET: "/" headers: [▸{ name: "host", from: "x" }]')),
    "a header from what is none": ("InvalidHeader", connect('GET: "/" headers: [▸{ name: "a", from: "x y" }]')),
    "a header's name": ("InvalidHeader", connect('GET: "/" headers: [▸{ name: "a b", value: "x" }]')),
    "a header of nothing": ("InvalidHeader", connect('GET: "/" headers: [▸{ name: "a" }]')),
    "a header of a list": ("InvalidHeader", connect('GET: "/" headers: [{ name: "a", value: "{▸$request.headers.x}" }]')),
    "a header of a literal list": ("InvalidHeader", connect('GET: "/" headers: [{ name: "a", value: "{▸$([1, 2])}" }]')),
    "a header of a literal object": ("InvalidHeader", connect('GET: "/" headers: [{ name: "a", value: "{▸$({ a: 1 })}" }]')),
    "a header of a mapped list": ("InvalidHeader", connect('GET: "/" headers: [{ name: "a", value: "{▸$args.l->map(@)}" }]')),
    "a header of entries": ("InvalidHeader", connect('GET: "/" headers: [{ name: "a", value: "{▸$args.w->entries}" }]')),
    "a header of what echo gives": ("InvalidHeader", connect('GET: "/" headers: [{ name: "a", value: "{▸$args.v->echo({ a: @ })}" }]')),
    "a header of what match gives": ("InvalidHeader", connect("GET: \"/\" headers: [{ name: \"a\", value: \"{▸$args.v->match(['x', [1]], [@, [2]])}\" }]")),
    "a header of either list": ("InvalidHeader", connect('GET: "/" headers: [{ name: "a", value: "{▸$($args.l ?? [1])}" }]')),
    "a header of a field's list": ("InvalidHeader", typed("id l", "id: ID l: [ID] n: Int " + '@connect(source: "b", http: { GET: "/", headers: [{ name: "a", value: "x-{▸$this.l}" }] }, selection: "$")')),
    "a parameter as routers write it": ("UnbracedVariable", connect('GET: "/x/{$args.v}/▸:v?a=1"')),
    "a variable without braces": ("UnbracedVariable", connect('GET: "/x/▸$args.v/{$args.v}"')),
    "a header twice": (
        "HttpHeaderNameCollision",
        connect('GET: "/" headers: [{ name: "x", value: "1" }, ▸{ name: "X", value: "2" }]'),
    ),
    "a body": ("InvalidBody", connect('POST: "/" body: "a: ▸("')),
    "a bare key in a body": ("InvalidBody", connect('POST: "/" body: "▸name"')),
    "a variable of a body": ("InvalidBody", connect('POST: "/" body: "a: ▸$response.headers.x"')),
    # Mappings
    "a selection": ("InvalidSelection", connect('GET: "/"', selection="a: ▸(")),
    "an empty selection": ("InvalidSelection", connect('GET: "/"', selection="▸")),
    "a variable of a selection": ("InvalidSelection", connect('GET: "/"', selection="▸$batch.id")),
    "an unknown method": ("UnknownMethod", connect('GET: "/"', selection="$.a▸->upper")),
    "an unknown method in a URL": ("UnknownMethod", connect('GET: "/{$args.v▸->upper}"')),
    "a message": ("InvalidErrorsMessage", connected('@connect(source: "b" errors: { message: "▸a: b" } HTTP)')),
    "isSuccess": ("InvalidIsSuccess", connected('@connect(source: "b" isSuccess: "▸ok" HTTP)')),
    "an argument": ("UndefinedArgument", connect('GET: "/{$args▸.nope}"')),
    "a field of an argument": ("UndefinedField", connect('POST: "/" body: "$args.w { ▸nope }"')),
    "a field of a scalar": ("UndefinedField", connect('GET: "/{$args.v▸.x}"')),
    "a field of an enum": ("UndefinedField", connect('GET: "/{$args.w.e▸.x}"')),
    "a field of $this": ("UndefinedField", on_type('GET: "/{$this▸.nope}"', "id name")),
    # Types
    "a field": ("SelectedFieldNotFound", typed("id ▸nope")),
    "an object without braces": ("GroupSelectionRequiredForObject", typed("id ▸u", "id: ID u: U", "type U { x: ID }")),
    "a value with braces": ("GroupSelectionIsNotObject", typed("▸id { x }")),
    "a circle": ("CircularReference", typed("id ▸t { id t { id } }", "id: ID t: T")),
    "a field that waits for itself": (
        "CircularReference",
        typed("id", "id: ID a: Int ▸" + THIS.replace("KEY", "b") + " b: Int " + THIS.replace("KEY", "a")),
    ),
    "a field with arguments": ("ConnectorsFieldWithArguments", typed("▸id", "id(x: Int): ID")),
    "a field that nothing supplies": ("ConnectorsUnresolvedField", typed("id", "id: ID ▸other: Int")),
    "an interface without __typename": (
        "ConnectorsUnsupportedAbstractType",
        typed("id t ▸{ id }", "id: ID t: I", "interface I { id: ID } type J implements I { id: ID }"),
    ),
    # Entities and batches
    "entity of a value": ("EntityTypeInvalid", connected('▸@connect(source: "b" entity: true HTTP)')),
    "entity beside Query": (
        "EntityNotOnRootQuery",
        typed("id", 'id: ID t: T ▸@connect(source: "b", http: { GET: "/t" }, selection: "id", entity: true)'),
    ),
    "entity by another name": ("EntityResolverArgumentMismatch", entity("▸key: ID")),
    "entity by a nested name": (
        "EntityResolverArgumentMismatch",
        entity("id: ID, at: Where", "input Where { x: ID ▸y: ID }"),
    ),
    "entity by an object for a value": (
        "EntityResolverArgumentMismatch",
        entity("▸id: Where", "input Where { x: ID }"),
    ),
    "entity off the root": (
        "EntityNotOnRootQuery",
        typed("id", "id: ID o(id: ID): T " + '▸@connect(source: "b", http: { GET: "/" }, selection: "id", entity: true)'),
    ),
    "entity: false": ("ConnectOnTypeMustBeEntity", on_type('GET: "/{$this.id}"', "id name", "entity: false", "▸")),
    "$batch and $this": ("ConnectBatchAndThis", on_type('GET: "/{▸$this.id}?x={$batch.id->first}"', "id name")),
    "$batch, and $this in the selection": (
        "ConnectBatchAndThis",
        on_type('GET: "/?x={$batch.id->first}"', "id name: ▸$this.name"),
    ),
    "$batch, and $this in an error": (
        "ConnectBatchAndThis",
        on_type('GET: "/?x={$batch.id->first}"', "id name", 'errors: { message: "▸$this.name" }'),
    ),
    "a batch without its key": ("ConnectorsBatchKeyNotInSelection", on_type('GET: "/{$batch.id->first}"', "▸name")),
    "a batch's key of the request": (
        "ConnectorsNonRootBatchKey",
        on_type('GET: "/{$batch.id->first}"', "id: ▸$request.headers.id->first name"),
    ),
    "groupBy for what is no list": ("InvalidGroupBy", grouped("N", "$batch.id")),
    "groupBy of two keys": ("InvalidGroupBy", grouped("[N]", "$batch { id code }")),
    "groupBy on a type": (
        "InvalidGroupBy",
        on_type('GET: "/{$batch.id->first}"', "id name", 'batch: { groupBy: "id" }', "▸"),
    ),
    "a batch that nothing reads": (
        "BatchWithoutKeys",
        on_type('GET: "/{$this.id}"', "id name", "batch: { maxSize: 2 }", "▸"),
    ),
}  # fmt: skip


def found_in(sdl: str, *resolved: str) -> list[Diagnostic]:
    document = parse(Source(sdl, "schema.graphql"))
    schema, problems = build_schema(document)
    assert schema is not None, problems
    return check_connectors(schema, document, resolved=resolved)


@pytest.mark.parametrize(("code", "marked"), CASES.values(), ids=CASES.keys())
def test_a_rule(code: str, marked: str) -> None:
    assert marked.count(MARK) == 1
    before = marked[: marked.index(MARK)]
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    found = [(f.code, f.file, f.line, f.column) for f in found_in(marked.replace(MARK, ""))]
    assert (code, "schema.graphql", *place) in found


@pytest.mark.parametrize(
    "sdl",
    [
        connect('GET: "/{$args.v}?a={$args.w.x}&b={$args.l->first}&c={$args.w.e}"'),
        connect('POST: "/" body: "$args.w" path: "$args.l" queryParams: "$args.w"'),
        connect('GET: "/{$request.headers.x->first}" queryParams: "$config.q" path: "$config.p"'),
        entity("id: ID, at: Where", "input Where { x: ID }"),
        grouped("[N!]!", "$batch.id").replace("▸", ""),
        typed("id a", "id: ID a: Int " + THIS.replace("KEY", "b") + " b: Int " + THIS.replace("KEY", "a")),
        typed("id t { __typename: $('J') id }", "id: ID t: I", "interface I { id: ID } type J implements I { id: ID }"),
        typed("id t { $->match([@, { __typename: 'J' }]) { __typename id } }", "id: ID t: I", "interface I { id: ID } type J implements I { id: ID }"),
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(sdl: str) -> None:
    assert found_in(sdl) == []


@pytest.mark.parametrize(
    "sdl",
    [
        SOURCE + f"type Query {{ a: Int\n  {PLAIN}\n  {PLAIN} }}",
        SOURCE + f"type Query {{ b: Int {PLAIN} }} type U {{ a: ID }} type Mutation {{ u: U\n"
        '  @connect(source: "b", http: { POST: "/" }, selection: "a")\n'
        '  @connect(source: "b", http: { POST: "/" }, selection: "a") }',
    ],
)
def test_a_second_connector_that_cannot_be_told_from_the_first_is_refused(sdl: str) -> None:
    (finding,) = (f for f in found_in(sdl) if f.severity == "error")
    assert (finding.code, finding.line, finding.column) == ("SecondConnector", 4, 3)
    assert "schema.graphql:3:3" in finding.message


def test_what_several_connectors_on_a_field_supply_is_supplied() -> None:
    sdl = (
        SOURCE + 'type Query { u(id: ID): U\n@connect(source: "b", http: { GET: "/a" }, selection: "id a")\n'
        '@connect(source: "b", http: { GET: "/b/{$args.id}" }, selection: "b") }\ntype U { id: ID a: Int b: Int }'
    )  # fmt: skip
    assert found_in(sdl) == []


@pytest.mark.parametrize(
    ("code", "sdl"),
    [
        ("UndefinedArgument", connect('GET: "/" queryParams: "a: $args.filters.search"')),
        ("UndefinedArgument", connect('POST: "/" body: "a: $args.none"')),
        ("InvalidBody", connect("POST: \"/\" body: \"a: reason->match(['A', 'a'])\"")),
        ("GroupSelectionIsNotObject", connect('GET: "/"', "success")),
        ("UnknownMethod", connect('GET: "/"', "$.a->id")),
        ("EntityTypeInvalid", entity("id: ID").replace(": T @", ": T! @")),
    ],
)
def test_what_older_versions_do_not_check_is_a_warning_there(code: str, sdl: str) -> None:
    for version, severity in (("v0.3", "error"), ("v0.2", "warning"), ("v0.1", "warning")):
        found = found_in(sdl.replace("connect/v0.3", f"connect/{version}"))
        assert [(f.code, f.severity) for f in found] == [(code, severity)]


@pytest.mark.parametrize("empty", ["", "  ", "# nothing"])
def test_an_empty_mapping_of_failures_is_told(empty: str) -> None:
    for given, code, severity in (
        (f'isSuccess: "{empty}"', "InvalidIsSuccess", "error"),
        (f'errors: {{ message: "{empty}" }}', "InvalidErrorsMessage", "warning"),
        (f'errors: {{ extensions: "{empty}" }}', "InvalidErrorsMessage", "warning"),
    ):
        (finding,) = found_in(connected(f'@connect(source: "b" {given} HTTP)'))
        assert (finding.code, finding.severity) == (code, severity)
        assert finding.message.startswith("this is empty")
        (finding,) = found_in(source(f'@source(name: "b", HTTP {given})'))
        assert (finding.code, finding.severity) == (code, severity)


def test_what_would_send_another_request_is_an_error_in_every_version() -> None:
    sdl = connect('GET: "/{$args.none}"').replace("v0.3", "v0.2")
    assert [(f.code, f.severity) for f in found_in(sdl)] == [("UndefinedArgument", "error")]


@pytest.mark.parametrize(
    ("link", "source", "name"),
    [
        ('import: ["@source"]', "source", "connect"),
        ("", "connect__source", "connect"),
        ('as: "rest"', "rest__source", "rest"),
        ('as: "rest", import: ["@source"]', "source", "rest"),
        ('as: "rest", import: [{ name: "@connect", as: "@call" }]', "rest__source", "call"),
    ],
)
def test_the_directives_have_the_names_that_the_link_gives(
    link: str, source: str, name: str
) -> None:
    sdl = (
        f'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", {link}) '
        f'@{source}(name: "b", http: {{ baseURL: "https://h" }}) '
        f'type Query {{ a: Int @{name}(source: "b", http: {{ GET: "/" }}, selection: "$") }}'
    )
    assert found_in(sdl) == []


def test_a_supergraph_is_told_from_a_schema() -> None:
    (finding,) = found_in(
        'schema ▸@link(url: "https://specs.apollo.dev/join/v0.3") { query: Query }\n'
        "type Query { a: Int b: T } type T { c: Int }".replace("▸", "")
    )
    assert (finding.code, finding.line, finding.column) == ("Supergraph", 1, 8)


def test_a_schema_that_nothing_supplies_is_one_finding() -> None:
    (finding,) = found_in("type T { c: Int }\ntype Query { a: Int b: T c: [T] }")
    assert (finding.code, finding.line) == ("ConnectorsUnresolvedField", 2)
    assert "--mock" in (finding.hint or "")


def test_python_may_give_what_connectors_cannot() -> None:
    sdl = connected(f"{PLAIN} }} type Subscription {{ s: Int }} type T {{ x: Int")
    sdl += " extend type Query { t: T }"
    assert found_in(sdl, "Subscription.s", "Query.t") == []
    assert [f.code for f in found_in(sdl, "Query.t")] == ["SubscriptionInConnectors"]


def test_a_type_that_the_schema_lacks() -> None:
    schema, _ = build_schema(parse("type Query { t: Int }"))
    assert schema is not None
    document = parse(Source(on_type('GET: "/"', "id name"), "schema.graphql"))
    found = check_connectors(schema, document, resolved=("Query.t",))
    (finding,) = (f for f in found if f.code == "MissingSchemaType")
    assert (finding.file, finding.line, finding.column) == ("schema.graphql", 3, 8)


def test_a_source_that_is_used_and_not_imported() -> None:
    sdl = SOURCE.replace('"@source", ', "") + f"type Query {{ a: Int {PLAIN} }}"
    schema, (finding,) = build_schema(parse(Source(sdl, "schema.graphql")))
    assert schema is None
    assert (finding.code, finding.file, finding.line) == ("NoSourceImport", "schema.graphql", 1)
    assert finding.column == sdl.index("@source(") + 1
    assert 'add "@source"' in (finding.hint or "")
