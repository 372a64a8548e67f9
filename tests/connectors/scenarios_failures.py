"""Scenarios of what goes wrong: whole errors, failing chunks, values of another kind than was meant."""

from __future__ import annotations

from typing import Any

from tests.connectors.scenario import LINK, SOURCE, Scenario
from tests.connectors.scenarios_calls import GROUPED
from tests.support.backend import Answer, Asked


def _failing(
    answer: Answer, message: str, extensions: dict[str, Any], source: str = "", connector: str = ""
) -> Scenario:
    """A String field whose call fails, and the one error whole."""
    return Scenario(
        sdl=f"""{LINK} @source(name: "b", http: {{ baseURL: "BASE" }} {source})
        type Query {{ a: String @connect(source: "b", http: {{ GET: "/a" }}, selection: "$" {connector}) }}""",
        query="{ a }",
        answers=lambda _: answer,
        data={"a": None},
        asked=("GET /a",),
        errors=(_error(message, 3, ["a"], extensions),),
    )


def _error(
    message: str, column: int, path: list[Any], extensions: dict[str, Any] | None = None
) -> dict[str, Any]:
    error = {"message": message, "locations": [{"line": 1, "column": column}], "path": path}
    return {**error, "extensions": extensions} if extensions else error


def _fetch(status: int, **more: Any) -> dict[str, Any]:
    return {"code": "CONNECTOR_FETCH", "source": "b", "http": {"status": status}, **more}


def _valued(fields: str, query: str, answer: Any, data: Any, *errors: Any) -> Scenario:
    """One call, and what the type makes of its answer."""
    return Scenario(
        sdl=SOURCE
        + f"""type Query {{ t: T @connect(source: "b", http: {{ GET: "/t" }}, selection: "a") }}
        type T {{ a: {fields} }} enum E {{ A B }} type U {{ x: Int }}""".replace(
            'selection: "a"', f'selection: "{"a { x }" if "U" in fields else "a"}"'
        ),
        query=query,
        answers={"/t": answer},
        data=data,
        asked=("GET /t",),
        errors=errors,
    )


def _rows_by_video(asked: Asked) -> Any:
    if asked.target == "/posts":
        return [{"id": 1}, {"id": 2}, {"id": 3}]
    if "v=2" in asked.target:
        return Answer({"error": "busy"}, 500)
    return [{"videoId": int(asked.target[-1]), "text": "x"}]


BOTH = """errors: { message: "$.text" extensions: "code: $('OF_SOURCE') kept: $(1) http: { of: $('source') }" }"""
OWN = """errors: { extensions: "code: $('OWN') retry: $response.headers.'retry-after'->first" }"""
BODY = {"text": "No such thing"}
LATER = (("content-type", "application/json"), ("retry-after", "7"))
NOTHING = {"t": {"a": None}}
COERCION = {"code": "RESULT_COERCION_FAILED"}
NO_LIST = _error(
    "Expected Iterable, but did not find one for field 'T.a'.", 7, ["t", "a"], COERCION
)
UNREADABLE = "The server returned data in an unexpected format."

FAILURES: dict[str, Scenario] = {
    "a path through what PHP has in another shape": Scenario(
        SOURCE
        + """type Query { ts: [T] @connect(source: "b", http: { GET: "/f" }, selection: "$.rows { y: m.a.y m { a { y } } }") }
        type T { y: String m: M } type M { a: A } type A { y: String }""",
        "{ ts { y } }",
        {"/f": {"rows": [{"m": {"a": [{"y": "q"}]}}, {"m": {"a": {"y": "r"}}}, {"m": []}]}},
        {"ts": [{"y": None}, {"y": "r"}, {"y": None}]},
        ("GET /f",),
        (("CONNECTOR_RESPONSE_INVALID", "ts.0.y"),),
        tables={"sources": {"b": {"dialect": "php"}}},
    ),
    "13.4 the default message": _failing(Answer({}, 404), "Request failed", _fetch(404)),
    "13.4 of the source": _failing(
        Answer(BODY, 400), "No such thing", _fetch(400), 'errors: { message: "$.text" }'
    ),
    "13.4 of the connector before the source": _failing(
        Answer({**BODY, "own": "Mine"}, 400),
        "Mine",
        _fetch(400),
        'errors: { message: "$.text" }',
        'errors: { message: "$.own" }',
    ),
    "13.4 a message that is no string": _failing(
        Answer({"text": 5}, 400), "", _fetch(400), 'errors: { message: "$.text" }'
    ),
    "13.5 the source's, then the connector's": _failing(
        Answer(BODY, 409, LATER),
        "No such thing",
        {"code": "OWN", "source": "b", "http": {"of": "source"}, "kept": 1, "retry": "7"},
        BOTH,
        OWN,
    ),
    "13.5 extensions that are no object": _failing(
        Answer(BODY, 400), "Request failed", _fetch(400), 'errors: { extensions: "$.text" }'
    ),
    "13.4 a message from the status": _failing(
        Answer({}, 500), "500", _fetch(500), """errors: { message: "$status->jsonStringify" }"""
    ),
    "12.3 no error mapping reads what is no JSON": _failing(
        Answer(b"<h1>Bad gateway", 500),
        UNREADABLE,
        {"code": "CONNECTOR_RESPONSE_INVALID", "source": "b", "http": {"status": 500}},
        BOTH,
    ),
    "8.14 joinNotNull in a URL": Scenario(
        SOURCE
        + """type Query { t(ids: [ID], names: [String]): String @connect(source: "b", selection: "$"
          http: { GET: "/t/{$args.ids->joinNotNull(',')}?n={$args.names->joinNotNull('|')}" }) }""",
        '{ t(ids: [1, null, 2], names: ["a&b", null]) }',
        lambda _: "x",
        {"t": "x"},
        ("GET /t/1%2C2?n=a%26b",),
    ),
    "9.7 brackets": Scenario(
        SOURCE
        + """type Query { t(ids: [ID]): String @connect(source: "b", selection: "$"
          http: { GET: "/t?a[b]=c" queryParams: "'ids[]': $args.ids" }) }""",
        "{ t(ids: [1, 2]) }",
        lambda _: "x",
        {"t": "x"},
        ("GET /t?a[b]=c&ids%5B%5D=1&ids%5B%5D=2",),
    ),
    "16.7 a failing chunk of groupBy": Scenario(
        GROUPED.replace("maxSize: 50", "maxSize: 1"),
        "{ videos { comments { text } } }",
        _rows_by_video,
        {
            "videos": [
                {"comments": [{"text": "x"}]},
                {"comments": None},
                {"comments": [{"text": "x"}]},
            ]
        },
        ("GET /posts", "GET /comments?v=1", "GET /comments?v=2", "GET /comments?v=3"),
        (_error("Request failed", 12, ["videos", 1, "comments"], _fetch(500)),),
    ),
    "17.2 a known enum value": _valued("E", "{ t { a } }", {"a": "B"}, {"t": {"a": "B"}}),
    "17.2 an unknown enum value": _valued(
        "E",
        "{ t { a } }",
        {"a": "C"},
        {"t": {"a": None}},
        ("RESULT_COERCION_FAILED", "t.a"),
    ),
    "17.2 an object for a list": _valued("[Int]", "{ t { a } }", {"a": {"x": 1}}, NOTHING, NO_LIST),
    "17.2 an object for a list of objects": _valued(
        "[U]", "{ t { a { x } } }", {"a": {"x": 1}}, NOTHING, NO_LIST
    ),
    "17.2 a list for an object": _valued("U", "{ t { a { x } } }", {"a": [{"x": 1}]}, NOTHING),
    "17.2 a value for an object": _valued("U", "{ t { a { x } } }", {"a": 5}, NOTHING),
    "17.2 objects among others": _valued(
        "[U]",
        "{ t { a { x } } }",
        {"a": [{"x": 1}, 5, [{"x": 2}], None, {}]},
        {"t": {"a": [{"x": 1}, None, None, None, {"x": None}]}},
    ),
    "17.2 no object at the root": _valued("Int", "{ t { a } }", [5], {"t": None}),
    "17.1 a missing value that may not be null": _valued(
        "Int!",
        "{ t { a } }",
        {},
        {"t": None},
        _error("Cannot return null for non-nullable field T.a.", 7, ["t", "a"], COERCION),
    ),
}
