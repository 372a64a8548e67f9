"""Scenarios of requests and answers: URLs, headers, bodies, media types, success and errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.connectors.scenario import LINK, SOURCE, Scenario
from tests.support.backend import Answer, Asked

OK = {"ok": True}


def _always(_: Asked) -> Any:
    return OK


def _joined(base: str, own: str, target: str, more: str = "", source: str = "") -> Scenario:
    """One call; where its URL goes."""
    return Scenario(
        sdl=f"""{LINK} @source(name: "b", http: {{ baseURL: "BASE{base}" {source} }})
        type Query {{ a: A @connect(source: "b", http: {{ GET: "{own}" {more} }}, selection: "ok") }}
        type A {{ ok: Boolean }}""",
        query="{ a { ok } }",
        answers=_always,
        data={"a": OK},
        asked=(f"GET {target}",),
    )


def _valued(url: str, value: Any, target: str | None, code: str = "") -> Scenario:
    """A URL with one argument `v`; None for a call that is not made."""
    return Scenario(
        sdl=SOURCE
        + f"""type Query {{ a(v: String, w: [String], u: String): A
          @connect(source: "b", http: {{ {url} }}, selection: "ok") }}
        type A {{ ok: Boolean }}""",
        query="query($v: String, $w: [String]) { a(v: $v, w: $w) { ok } }",
        variables=value if isinstance(value, dict) else {"v": value},
        answers=_always,
        data={"a": OK if target else None},
        asked=(f"GET {target}",) if target else (),
        errors=() if target else ((code, "a"),),
    )


def _body(body: str, sent: str, variables: dict[str, Any], header: str = "") -> Scenario:
    return Scenario(
        sdl=SOURCE
        + f'''type Query {{ z: Int @connect(source: "b", http: {{ GET: "/z" }}, selection: "$.z") }}
        input In {{ name: String tags: [String] address: Addr }} input Addr {{ street: String zip: Int }}
        type Mutation {{ a(in: In, ids: [Int]): A @connect(source: "b", http: {{
          POST: "/a" body: """{body}""" {header} }}, selection: "ok") }}
        type A {{ ok: Boolean }}''',
        query="mutation($in: In, $ids: [Int]) { a(in: $in, ids: $ids) { ok } }",
        variables=variables,
        answers=_always,
        data={"a": OK},
        asked=(f"POST /a {sent}".rstrip(),),
    )


def _answered(
    answer: Answer, value: Any, *errors: tuple[str, str], more: str = "", selection: str = "$"
) -> Scenario:
    """One answer of the backend, and what a String field makes of it."""
    return Scenario(
        sdl=SOURCE
        + f"""type Query {{ a: String @connect(source: "b", http: {{ GET: "/a" }}, selection: "{selection}" {more}) }}""",
        query="{ a }",
        answers=lambda _: answer,
        data={"a": value},
        asked=("GET /a",),
        errors=errors,
    )


def _typed(body: bytes, kind: str, status: int = 200) -> Answer:
    return Answer(body, status, (("content-type", kind),) if kind else ())


def _constant(http: str, target: str, more: str = "", key: str = "") -> Scenario:
    """One call that reads `$env` and `$config`; `key` is mapped to a field, whose value is "s3 cret"."""
    members = f"ok key: {key}" if key else "ok"
    return Scenario(
        sdl=f"""{LINK} @source(name: "b", http: {{ baseURL: "{{$env.BACKEND}}" }})
        type Query {{ a: A @connect(source: "b", http: {{ {http} }}, selection: "{members}" {more}) }}
        type A {{ ok: Boolean {"key: String" if key else ""} }}""",
        query=f"{{ a {{ ok {'key' if key else ''} }} }}",
        answers=_always,
        data={"a": {**OK, "key": "s3 cret"} if key else OK},
        asked=(target,),
        env={"BACKEND": "BASE", "KEY": "s3 cret"},
        tables={"connectors": {"config": {"api": {"key": "k", "ids": [1, 2]}}}},
    )


FORM = 'headers: [{ name: "Content-Type", value: "application/X-www-form-urlencoded" }]'
SEGMENT = 'GET: "/p/{$args.v}"'
INVALID = ("CONNECTOR_RESPONSE_INVALID", "a")
FETCH = ("CONNECTOR_FETCH", "a")

REQUESTS: dict[str, Scenario] = {
    "3.6 $env in the URL": _constant('GET: "/f?key={$env.KEY}"', "GET /f?key=s3%20cret"),
    "3.6 $env by a method": _constant('GET: "/f?key={$env.KEY->slice(0, 2)}"', "GET /f?key=s3"),
    "3.6 $env in queryParams": _constant(
        'GET: "/f" queryParams: "b: $env.KEY"', "GET /f?b=s3%20cret"
    ),
    "3.6 $env in the path": _constant(
        'GET: "/f" path: "$([$env.KEY, \'x\'])"', "GET /f/s3%20cret/x"
    ),
    "3.6 $env in the body": _constant(
        'POST: "/f" body: "$env { k: KEY }"', 'POST /f {"k":"s3 cret"}'
    ),
    "3.6 $env in a selection": _constant('GET: "/f"', "GET /f", key="$env.KEY"),
    "3.6 $env by a method in a selection": _constant(
        'GET: "/f"', "GET /f", key="$env.KEY->slice(0)"
    ),
    "3.6 $env in isSuccess": _constant(
        'GET: "/f"', "GET /f", more="isSuccess: \"$env.KEY->eq('s3 cret')\""
    ),
    "3.6 $env in errors": replace(
        _constant('GET: "/g"', "GET /g", more='isSuccess: "$.no" errors: { message: "$env.KEY" }'),
        data={"a": None},
        errors=(
            {
                "message": "s3 cret",
                "path": ["a"],
                "locations": [{"line": 1, "column": 3}],
                "extensions": {"code": "CONNECTOR_FETCH", "source": "b", "http": {"status": 200}},
            },
        ),
    ),
    "3.5 $config": _constant('GET: "/f" queryParams: "$config.api"', "GET /f?key=k&ids=1&ids=2"),
    "3.5 $config in a URL": _constant('GET: "/f/{$config.api.key}"', "GET /f/k"),
    "3.6 an unset variable that may be": _constant(
        "GET: \"/f?x={$($env.NONE ?? 'd')}\"", "GET /f?x=d"
    ),
    "9.5 queries are joined": _joined("/v1/?k=1", "/items?x=2", "/v1/items?k=1&x=2"),
    "9.5 a slash adds nothing": _joined("/v1", "/", "/v1"),
    "9.5 only a query": _joined("/v1", "?x=2", "/v1?x=2"),
    "9.5 a bare segment": _joined("/v1", "items/", "/v1/items/"),
    "9.5 a trailing slash of the base stays": _joined("/v1/", "?x=2", "/v1/?x=2"),
    "9.5 a slash keeps the base's": _joined("/v1/", "/", "/v1/"),
    "9.3 values of a base URL are encoded behind its host": replace(
        _joined(
            "",
            "/x?k={$env.KEY}",
            "/p/a%2B%25%23%C3%BC%2F/3/x?k=a%2B%25%23%C3%BC%2F&k=a%2B%25%23%C3%BC%2F",
        ),
        sdl=f"""{LINK} @source(name: "b", http: {{ baseURL: "{{$env.HOST}}/p/{{$env.KEY}}/{{$config.n}}?k={{$env.KEY}}" }})
        type Query {{ a: A @connect(source: "b", http: {{ GET: "/x?k={{$env.KEY}}" }}, selection: "ok") }}
        type A {{ ok: Boolean }}""",
        env={"HOST": "BASE", "KEY": "a+%#ü/"},
        tables={"connectors": {"config": {"n": 3}}},
    ),
    "9.5 the fragment is dropped": _joined("/v1#f", "/a?x=1#g", "/v1/a?x=1"),
    "9.5 duplicates are kept": _joined("?x=1", "/a?x=2", "/a?x=1&x=2"),
    "9.5 all four queries in order": _joined(
        "/v?a=1",
        "/p?c=3",
        "/v/s/p/t?a=1&b=2&c=3&d=4",
        'path: "$([\'t\'])" queryParams: "d: $(4)"',
        'path: "$([\'s\'])" queryParams: "b: $(2)"',
    ),
    "9.4 literals": _joined("", "/a b/é%2F|x?q=a,b:c", "/a%20b/%C3%A9%2F%7Cx?q=a,b:c"),
    "9.6 null in the middle": _joined("", "/p", "/p/1/2", 'path: "$([1, null, 2])"'),
    "9.6 null at the end": _joined("", "/p", "/p/a/", "path: \"$(['a', null])\""),
    "9.6 no value": _joined("", "/p", "/p", 'path: "$config.none?"'),
    "9.7 no value": _joined("", "/p", "/p", 'queryParams: "a: $config.none?"'),
    "9.3 climbing": _valued(SEGMENT, "../admin", "/p/..%2Fadmin"),
    "9.3 reserved": _valued(SEGMENT, "a/b?c#d", "/p/a%2Fb%3Fc%23d"),
    "9.3 unicode": _valued(SEGMENT, "zoë 🙂", "/p/zo%C3%AB%20%F0%9F%99%82"),
    "9.3 control characters": _valued(SEGMENT, "a\r\nHost: x\x00", "/p/a%0D%0AHost%3A%20x%00"),
    "9.3 percent": _valued(SEGMENT, "%2e%2e", "/p/%252e%252e"),
    "9.3 unreserved": _valued(SEGMENT, "a-b._~", "/p/a-b._~"),
    "9.9 two dots": _valued(SEGMENT, "..", None, "INVALID_PATH_SEGMENT"),
    "9.9 one dot": _valued(SEGMENT, ".", None, "INVALID_PATH_SEGMENT"),
    "9.9 dots around literals": _valued(
        'GET: "/p/.{$args.v}/x"', ".", None, "INVALID_PATH_SEGMENT"
    ),
    "9.9 encoded dots": _valued('GET: "/p/%2e{$args.v}/x"', ".", None, "INVALID_PATH_SEGMENT"),
    "9.9 dots by path": _valued(
        'GET: "/p" path: "$([$args.v])"', "..", None, "INVALID_PATH_SEGMENT"
    ),
    "9.9 dots in a query": _valued('GET: "/p?x={$args.v}"', "..", "/p?x=.."),
    "9.9 dots in a word": _valued(SEGMENT, "..a", "/p/..a"),
    "9.2 null is empty": _valued('GET: "/p/?x={$args.v}&y={$args.u}"', {"v": None}, "/p/?x=&y="),
    "9.2 a list": _valued(
        'GET: "/p?x={$args.w->echo(@)}"', {"w": ["a"]}, None, "INVALID_REQUEST_VALUE"
    ),
    "9.7 values": _valued(
        'GET: "/p" queryParams: "q: $args.v tag: $args.w page: $config.none?"',
        {"v": "a b", "w": ["x", None, "y"]},
        "/p?q=a%20b&tag=x&tag=&tag=y",
    ),
    "9.7 an empty list": _valued('GET: "/p" queryParams: "tag: $args.w"', {"w": []}, "/p"),
    "9.7 null": _valued('GET: "/p" queryParams: "q: $args.v"', None, "/p"),
    "9.7 a key is encoded": _valued(
        'GET: "/p" queryParams: "\'k[]&\': $args.v"', "1", "/p?k%5B%5D%26=1"
    ),
    "9.7 an object": _valued(
        'GET: "/p" queryParams: "q: { x: $args.v }"', "1", None, "INVALID_REQUEST_VALUE"
    ),
    "11.1 members": _body(
        "name: $args.in.name address: $args.in.address { street zip } tags: $args.in.tags",
        '{"name":null,"address":{"street":"é","zip":1}}',
        {"in": {"name": None, "address": {"street": "é", "zip": 1}}},
    ),
    "11.1 no value": _body("$args.ids", "", {}),
    "11.2 a list": _body("$args.ids", "[3,1]", {"ids": [3, 1]}),
    "11.2 a string": _body("$('text')", '"text"', {}),
    "11.3 a form": _body(
        "name: $args.in.name t: $args.in.tags a: $args.in.address e: $([]) n: $(null) b: $(true)",
        "name=a+%7E*%26%C3%A9&t%5B0%5D=x&t%5B1%5D=y&a%5Bzip%5D=1&n=&b=true",
        {"in": {"name": "a ~*&é", "tags": ["x", "y"], "address": {"zip": 1}}},
        FORM,
    ),
    "12.1 204": _answered(Answer(b"", 204, ()), None),
    "12.1 empty": _answered(_typed(b"", "application/json"), None, INVALID),
    "12.2 a suffix": _answered(_typed(b'"x"', "application/hal+json; charset=latin-1"), "x"),
    "12.2 no content type": _answered(_typed(b'"x"', ""), "x"),
    "12.2 an unreadable content type": _answered(_typed(b'"x"', "garbage"), "x"),
    "12.2 text": _answered(_typed(b"caf\xe9", "text/plain; charset=iso-8859-1"), "café"),
    "12.2 text in UTF-8": _answered(_typed("é".encode(), "Text/Plain"), "é"),
    "12.2 anything else": _answered(_typed(b"<p>", "text/html"), None, INVALID),
    "12.3 no JSON": _answered(_typed(b"{", "application/json"), None, INVALID),
    "12.3 no JSON, and a status": _answered(_typed(b"{", "application/json", 500), None, INVALID),
    "12.3 text of another charset": _answered(_typed(b"\xff", "text/plain"), None, INVALID),
    "12.3 an unknown charset": _answered(_typed(b"a", "text/plain; charset=x"), None, INVALID),
    "13.1 without isSuccess": _answered(Answer("x", 404), None, FETCH),
    "13.1 a redirect is no success": _answered(Answer("x", 302), None, FETCH),
    "13.1 by status": _answered(Answer("x", 404), "x", more='isSuccess: "$status->in([200, 404])"'),
    "13.1 not true": _answered(Answer({"ok": 1}), None, FETCH, more='isSuccess: "$.ok"'),
    "13.1 no value fails": _answered(Answer({}), None, FETCH, more='isSuccess: "$.ok"'),
    "13.2 no value": _answered(Answer({}), None, selection="$.none"),
    "13.5 a code of its own": _answered(
        Answer({"e": "nope"}, 422),
        None,
        ("E422", "a"),
        more="""errors: { message: "$.e" extensions: "code: $('E422')" }""",
    ),
}
