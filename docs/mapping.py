"""`docs/mapping.md`: the mapping language, from its table of methods and from what the checks allow where."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from graphql import parse

from docs.methods import METHODS, NO_VALUE, Doc
from gateway.connectors.check.connectors import check_connectors
from gateway.graph.schema import build_schema

VARIABLES = {
    "$args": "the field's arguments: coerced, with their defaults; one that is not given is absent",
    "$this": "the object that the field is on, or the entity that is completed",
    "$batch": "the entities of a whole level, as a list; in a connector on a type, or with `groupBy`",
    "$config": "`[connectors.config]` of the configuration",
    "$env": "the environment's variables: strings",
    "$context": "what the host program puts there; empty",
    "$request": "`{ headers }` of the client's request: names in lower case, each with a list of values; `{ claims }` of its token",
    "$principal": "who asks: `{ id kind issuer scopes client claims }`; see [authentication](authentication.md)",
    "$flags": "`$flags.NAME`: the value of a [flag](flags.md) for the request",
    "$status": "the status of the backend's answer",
    "$response": "`{ headers }` of the backend's answer",
}
LINK = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])'
EXPRESSIONS = {
    "$args": "$args.id", "$this": "$this.id", "$batch": "$batch.id->first", "$config": "$config.x", "$env": "$env.X",
    "$context": "$context.x", "$request": "$request.headers.x->first", "$principal": "$principal.id", "$flags": "$flags.new", "$status": "$status",
    "$response": "$response.headers.x->first",
}  # fmt: skip
# Where a mapping may stand: its place in `http`, or beside it, with E for the expression.
PLACES = {
    "`baseURL`": ("base", "http://{E}/"),
    "URL, headers, `path`, `queryParams`, `body`": ("http", 'queryParams: "e: E"'),
    "`selection`": ("selection", "id e: E"),
    "`errors`, `isSuccess`": ("answer", 'isSuccess: "E->eq(1)"'),
}
HEAD = """# The mapping language

A mapping says how JSON becomes a value. It stands in `selection`, `body`, `path`, `queryParams`, `errors` and `isSuccess`, and in
braces in URLs and headers. `gateway map MAPPING --data FILE` runs one; `gateway check` says what is wrong with one, by line and
column. Each example on this page is run by a test.

## Values and paths

| mapping | data | result |
|---|---|---|
"""
# What the grammar has, by example.
GRAMMAR: tuple[tuple[str, Any, Any], ...] = (
    ("id name", {"id": 1, "name": "a", "rest": 0}, {"id": 1, "name": "a"}),
    ("title: name", {"name": "a"}, {"title": "a"}),
    ("city: address.city", {"address": {"city": "Leeds"}}, {"city": "Leeds"}),
    ("address { city }", {"address": {"city": "Leeds", "zip": 1}}, {"address": {"city": "Leeds"}}),
    ("home: address { city }", {"address": {"city": "Leeds"}}, {"home": {"city": "Leeds"}}),
    ("author: { id: userId }", {"userId": 7}, {"author": {"id": 7}}),
    ("id $.meta { views }", {"id": 1, "meta": {"views": 5}}, {"id": 1, "views": 5}),
    ("$.name", {"name": "a"}, "a"),
    ("tags.name", {"tags": [{"name": "a"}, {"name": "b"}]}, ["a", "b"]),
    ("'odd key'", {"odd key": 1}, {"odd key": 1}),
    ("missing", {}, {}),
    ("n: $(1) s: $('text') l: $([a, 2])", {"a": 1}, {"n": 1, "s": "text", "l": [1, 2]}),
    ("n: $(nick ?? name ?? 'nobody')", {"nick": None, "name": "Ada"}, {"n": "Ada"}),
    ("n: $(nick ?! 'nobody')", {"nick": None}, {"n": None}),
    ("n: user?.name", {"user": None}, {}),
    ("id # a comment", {"id": 1}, {"id": 1}),
)
V04: tuple[tuple[str, Any, Any], ...] = (
    ('state: "open" isNew: true price: null', {}, {"state": "open", "isNew": True, "price": None}),
    ('{ "id": id, "tags": ["a", tag] }', {"id": 1, "tag": "b"}, {"id": 1, "tags": ["a", "b"]}),
    ("id, name", {"id": 1, "name": "a"}, {"id": 1, "name": "a"}),
    ("id ...meta", {"id": 1, "meta": {"views": 5}}, {"id": 1, "views": 5}),
    (
        "...kind->match(['b', { __typename: 'Book', pages }], ['f', { __typename: 'Film', minutes }])",
        {"kind": "b", "pages": 400},
        {"__typename": "Book", "pages": 400},
    ),
    ("x: $.'odd key'", {"odd key": 1}, {"x": 1}),
)
REST = """
- `$` is the value that the nearest braces work on, `@` the value at this point of the path: of `->map` and its like, the element.
- A path through a list maps each element; a method then works on the whole list, once.
- A name and a path are a member; several are an object. A path without a name that is alone is the value itself; with braces among
  others its members join theirs.
- A member that is not there is left out, and in a list it is null. Neither is an error of GraphQL, but where the schema forbids null.
- Literals stand in `$( )` and in arguments: elsewhere `x: true` and `x: 'a b'` read members of these names (but see v0.4).
- `a?` says that null is no surprise: without it a path through null is a problem, which `gateway map` shows. `a ?? b` takes the first
  that is neither null nor absent, `a ?! b` the first that is not absent.
"""


def examples() -> list[tuple[str, str, Any, Any]]:
    """Every example of the page: version, mapping, data, result."""
    found = [("0.3", *one) for one in GRAMMAR] + [("0.4", *one) for one in V04]
    for group in METHODS.values():
        found += [("0.3", *one) for method in group.values() for one in method.examples]
    return found


def mapping() -> str:
    """The page."""
    parts = [
        HEAD,
        *(_row(*one) for one in GRAMMAR),
        REST,
        "\n## Variables\n\n",
        _variables(),
        "\n## Methods\n",
    ]
    parts.append(
        "\nWritten `value->method(arguments)`. A method that takes no arguments takes no parentheses either. What a method cannot work "
        "on gives no value, and a problem that `gateway map` shows.\n"
    )
    for title, group in METHODS.items():
        parts += [f"\n### {title}\n\n", "| method | on | gives | since |\n|---|---|---|---|\n"]
        parts += [_method(name, method) for name, method in group.items()]
        parts += ["\n| mapping | data | result |\n|---|---|---|\n"]
        parts += [_row(*one) for method in group.values() for one in method.examples]
    return "".join([*parts, VERSIONS, *(_row(*one) for one in V04), AFTER])


VERSIONS = """
## Versions

The `@link` of the schema says the version, `https://specs.apollo.dev/connect/v0.3`, and with it the grammar of every mapping in it.
Methods and variables are there in every version.

| version | what it has |
|---|---|
| v0.1 | `@source` and `@connect` on fields; names, paths, braces, groups, `$( )` and the methods of that version |
| v0.2 | `@connect` on types, `$batch` and `batch`, `errors`, `isSuccess`, `id`, `path`, `queryParams`, `$request`, `$response`, `->joinNotNull` |
| v0.3 | `$env`, `?`, `??` and `?!`, single keys in expressions without `$.`, and the methods for lists, logic and numbers |
| v0.4 | a preview: one grammar for selections and literals, so that a JSON text is a mapping that gives it; `...`; interfaces and unions |

Without a link it is v0.3. Interfaces and unions work in every version here, by the `__typename` that the mapping gives. In v0.4:

| mapping | data | result |
|---|---|---|
"""
AFTER = """
- Strings, numbers, `true`, `false`, `null` and lists are literals wherever a value stands. A member whose name is one of these, or has
  to be quoted, is read by `$.`.
- `...path` merges an object into its surroundings, also without braces. Null makes them null, anything else is a problem.
- Members may be separated by commas. In an object literal of an expression a key alone reads the member of that name; `...` does not
  stand there.
- v0.4 is not final where it comes from: what it says here may change with it.
"""


def _row(text: str, data: Any, result: Any) -> str:
    shown = "no value" if result is NO_VALUE else f"`{json.dumps(result, ensure_ascii=False)}`"
    return (
        f"| `{_cell(text)}` | `{_cell(json.dumps(data, ensure_ascii=False))}` | {_cell(shown)} |\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _method(name: str, method: Doc) -> str:
    return f"| `->{name}{method.arguments}` | {method.on} | {method.gives} | {method.since} |\n"


def _variables() -> str:
    names = list(PLACES)
    head = f"| variable | {' | '.join(names)} | |\n|{'---|' * (len(names) + 2)}\n"
    rows = (
        f"| `{name}` | {' | '.join('yes' if allowed(name, place) else '' for place in names)} | {text} |\n"
        for name, text in VARIABLES.items()
    )
    return head + "".join(rows)


@cache
def allowed(variable: str, place: str) -> bool:
    """Whether the checks let a variable be read there, in a connector of any kind."""
    return any(not _is_refused(variable, place, owner) for owner in ("root", "field", "type"))


def _is_refused(variable: str, place: str, owner: str) -> bool:
    kind, text = PLACES[place]
    text = text.replace("E", EXPRESSIONS[variable])
    base = text if kind == "base" else "http://x/"
    selection = text if kind == "selection" else "id"
    # A connector on a type has to read the key of its objects somewhere.
    key = "{$batch.id->joinNotNull(',')}" if variable == "$batch" else "{$this.id}"
    url = {"root": "/r", "field": "/f", "type": f"/t/{key}"}[owner]
    connect = (
        f'@connect(source: "s", http: {{ GET: "{url}" {text if kind == "http" else ""} }} '
        f'{text if kind == "answer" else ""} selection: "{selection}")'
    )
    on = {name: connect if name == owner else "" for name in ("root", "field", "type")}
    sdl = (
        f'{LINK} @source(name: "s", http: {{ baseURL: "{base}" }}) '
        f"type Query {{ r(id: ID): T {on['root']} }} type T {on['type']} {{ id: ID e: ID f(id: ID): T {on['field']} }}"
    )
    document = parse(sdl)
    schema, problems = build_schema(document)
    assert schema is not None, problems
    found = check_connectors(schema, document, resolved=())
    return any(f"{variable} cannot be used here" in item.message for item in found)
