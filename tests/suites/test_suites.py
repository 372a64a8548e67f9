"""Suites of connector tests: what a case may say, what of it is held against the connector, and how mistakes are
told.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.connectors.bind import BoundConnectors
from gateway.errors import ConfigError
from gateway.suites.read import read_suite
from gateway.suites.report import junit_report
from gateway.suites.run import run_case

SCHEMA = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@connect", "@source"])
  @source(name: "api", http: { baseURL: "https://api.example/v1", headers: [{ name: "x-user", from: "x-user" }] })

type Query {
  hello(name: String): Hello
    @connect(
      id: "hello_by_name", source: "api"
      http: { GET: "/hello?name={$args.name}", headers: [{ name: "x-key", value: "{$config.key}" }] }
      errors: { message: "$.error" }
      selection: "greeting"
    )
  two: Int @connect(source: "api", http: { GET: "/a" }, selection: "$.n")
}

type Mutation {
  say(text: String!): Hello
    @connect(source: "api", http: { POST: "/say", body: "text: $args.text" }, selection: "greeting")
}

type Hello {
  greeting: String
  more(page: Int): [String]
    @connect(source: "api", http: { GET: "/more/{$this.greeting}?page={$args.page}" }, selection: "$.items")
}

type User
  @connect(source: "api", http: { POST: "/users", body: "ids: $batch.id" }, selection: "id name") {
  id: ID!
  name: String
}

extend type Query {
  users: [User!] @connect(source: "api", http: { GET: "/users" }, selection: "id")
}
"""


@pytest.fixture
def bound(tmp_path: Path) -> BoundConnectors:
    (tmp_path / "s.graphql").write_text(SCHEMA)
    graph = build_graph(build_config({"graph": {"schema": "s.graphql"}}), tmp_path, {})
    assert graph.bound is not None, graph.errors
    return graph.bound


def failures(bound: BoundConnectors, folder: Path, suite: str) -> list[str]:
    """What a suite of one case fails with."""
    (folder / "a.connector.yaml").write_text(suite)
    (case,) = read_suite(folder / "a.connector.yaml").cases
    return run_case(bound, case).failures


HELLO = """
tests:
  - name: hello
    connector: Query.hello
    variables:
      $args: { name: Some Name }
      $config: { key: k1 }
      $requestHeaders: { X-User: ada }
    apiResponseBody: |
      {"greeting": "Hello Some Name", "other": 1}
    apiResponseHeaders: { content-type: application/json; charset=utf-8 }
    expect:
      connectorRequest:
        REQUEST
      connectorResponse: '{"greeting": "Hello Some Name"}'
      connectorResponseHeaders: { content-type: application/json; charset=utf-8 }
"""
URL = "url: https://api.example/v1/hello?name=Some Name"


@pytest.mark.parametrize(
    ("request_", "wrong"),
    [
        (f"{URL}\n        method: get", []),
        ("url: https://api.example/v1/hello?name=Some%20Name", []),
        ("scheme: https\n        origin: api.example\n        path: /v1/hello\n        queryParams: { name: Some Name }", []),
        (f"{URL}\n        headers: {{ X-Key: k1, x-user: ada }}", []),
        ("method: POST", ["request: expected the method POST, got GET"]),
        ("path: /hello", ["request: expected the URL http://localhost:8080/hello, got https://api.example/v1/hello?name=Some%20Name"]),
        ("headers: { x-key: 'no', x-nope: a }", ["request header x-key: expected 'no', got 'k1'", "request header x-nope: expected 'a', got 'none'"]),
        ("body: '{}'", ["request: expected the body {}, got "]),
    ],
)  # fmt: skip
def test_the_request(
    bound: BoundConnectors, tmp_path: Path, request_: str, wrong: list[str]
) -> None:
    assert failures(bound, tmp_path, HELLO.replace("REQUEST", request_)) == wrong


@pytest.mark.parametrize("name", ["hello_by_name", "Query.hello", "Query.hello[0]"])
def test_a_connector_by_id_and_by_coordinate(
    bound: BoundConnectors, tmp_path: Path, name: str
) -> None:
    suite = HELLO.replace("REQUEST", URL)
    assert (
        failures(bound, tmp_path, suite.replace("connector: Query.hello", f"target: {name}")) == []
    )


def test_a_connector_that_is_not_there(bound: BoundConnectors, tmp_path: Path) -> None:
    (told,) = failures(bound, tmp_path, "tests:\n  - { name: a, connector: Query.nope }\n")
    assert told.startswith(
        "there is no connector 'Query.nope'; there are: Hello.more, Mutation.say, Query.hello"
    )


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        ("connector: Mutation.say\n    variables: { $args: { text: Hi } }\n    apiResponseBody: '{\"greeting\": 1}'\n    expect:\n      connectorRequest: { method: POST, url: 'https://api.example/v1/say', body: '{ \"text\" : \"Hi\" }' }\n      connectorResponse: '{\"greeting\": 1}'", []),
        ("connector: Hello.more\n    variables: { $this: { greeting: a/b }, $args: { page: '2' } }\n    apiResponseBody: '{\"items\": [\"x\"]}'\n    expect:\n      connectorRequest: { url: 'https://api.example/v1/more/a%2Fb?page=2' }\n      connectorResponse: '[\"x\"]'", []),
        ("connector: User\n    variables: { $batch: [{ id: '1' }, { id: '2' }] }\n    apiResponseBody: '[{\"id\": 1, \"name\": \"A\"}]'\n    expect:\n      connectorRequest: { method: POST, url: 'https://api.example/v1/users', body: '{\"ids\": [\"1\", \"2\"]}' }\n      connectorResponse: '[{\"id\": 1, \"name\": \"A\"}]'", []),
        ("connector: Query.two\n    apiResponseBody: '{}'\n    expect: { connectorResponse: '{}' }", ["response: expected {}, got no value", "problem: 'Property .n not found in object' at n is not expected"]),
        ("connector: Query.two\n    apiResponseBody: '{}'\n    expect:\n      problems: [{ contains_message: 'not found', path: n }]", []),
        ("connector: Query.two\n    apiResponseBody: '{\"n\": 1}'\n    expect:\n      problems: [{ message: my message, path: path }]", ["problem: 'my message' was expected and not told"]),
        ("connector: Query.hello\n    status: 404\n    apiResponseBody: '{\"error\": \"no such name\"}'\n    expect:\n      errors: [{ message: no such name, extensions: { code: CONNECTOR_FETCH } }]", []),
        ("connector: Query.hello\n    status: 404\n    apiResponseBody: '{\"error\": \"no such name\"}'\n    expect: { error: { message: no such name } }", []),
        ("connector: Query.hello\n    status: 500", ["error: '' is not expected"]),
        ("connector: Query.two\n    skip: true", []),
    ],
)  # fmt: skip
def test_what_a_case_may_say(
    bound: BoundConnectors, tmp_path: Path, case: str, wrong: list[str]
) -> None:
    if "skip" in case:
        (tmp_path / "a.yaml").write_text(f"tests:\n  - name: a\n    {case}\n")
        assert read_suite(tmp_path / "a.yaml").cases[0].skip
        return
    assert failures(bound, tmp_path, f"tests:\n  - name: a\n    {case}\n") == wrong


def test_what_all_cases_have_in_common(bound: BoundConnectors, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text('{"greeting": "from a file"}')
    (tmp_path / "r.http").write_text("GET https://api.example/v1/hello?name=own\nx-key: k\n")
    suite = """
config:
  schema: s.graphql
  name: greetings
  common:
    connector: hello_by_name
    variables:
      $args: { name: common }
      $config: { key: k }
    apiResponseBodyFile: answer.json
    expectedResponse: '{"greeting": "from a file"}'
    expectedRequestUrl: https://api.example/v1/hello?name=common
tests:
  - name: the common one
  - name: its own
    variables: { $args: { name: own } }
    expect: { connectorRequest: { url: 'https://api.example/v1/hello?name=own' } }
  - name: recorded
    variables: { $args: { name: own } }
    expect: { connectorRequestHttp: r.http }
  - name: with its own answer
    apiResponseBody: '{"greeting": 2}'
    expect: { connectorResponse: '{"greeting": 2}' }
"""
    (tmp_path / "a.yaml").write_text(suite)
    found = read_suite(tmp_path / "a.yaml")
    assert (found.name, found.schema) == ("greetings", tmp_path / "s.graphql")
    assert [case.place.rpartition(":")[2] for case in found.cases] == ["14", "15", "18", "21"]
    outcomes = [run_case(bound, case) for case in found.cases]
    assert [outcome.failures for outcome in outcomes] == [[], [], [], []]
    report = ElementTree.fromstring(junit_report({"a": (found, outcomes)}))
    assert report[0].attrib == {"name": "greetings", "tests": "4", "failures": "0", "skipped": "0"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tests: [", "a.yaml:1: not valid YAML"),
        ("tests: 1", "a.yaml: `tests` should be a list"),
        ("- 1", "a.yaml: is no suite"),
        ("tests:\n  - name: a\n    conector: b", "a.yaml:2: unknown key `tests.conector` (did you mean `connector`?)"),
        ("tests:\n  - connector: a", "a.yaml:2: a test has no `name`"),
        ("tests:\n  - name: a", "a.yaml:2: the test 'a' names no `connector`"),
        ("tests:\n  - { name: a, connector: b, expect: { connectorResponse: '{' } }", "a.yaml:2: `connectorResponse` is not JSON"),
        ("tests:\n  - { name: a, connector: b, apiResponseBodyFile: nope }", "a.yaml:2: nope cannot be read"),
        ("tests:\n  - { name: a, connector: b, variables: { args: {} } }", "a.yaml:2: unknown key `variables.args` (did you mean `$args`?)"),
        ("tests:\n  - { name: a, connector: b, expect: { problems: [{ path: a }] } }", "neither `message` nor `contains_message`"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_suite(tmp_path / "a.yaml")
    assert words in caught.value.render()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_suite(tmp_path / "nope.yaml")


FLAGGED = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
type Query { search: [Int] @connect(http: { GET: "http://rest.test/search", queryParams: "sort: $flags.ranking" }, selection: "$") }
"""


@pytest.mark.parametrize(
    ("flags", "sort", "wrong"),
    [
        ("", "by-date", []),
        ("$flags: { ranking: by-score }", "by-score", []),
        ("$flags: { rankin: by-score }", "by-date", ["$flags.rankin: the connector reads no such flag"]),
    ],
)  # fmt: skip
def test_flags_have_their_defaults_or_what_a_case_says(
    tmp_path: Path, flags: str, sort: str, wrong: list[str]
) -> None:
    (tmp_path / "s.graphql").write_text(FLAGGED)
    defaults = {"ranking": "by-date"}
    config = build_config({"graph": {"schema": "s.graphql"}, "flags": {"defaults": defaults}})
    bound = build_graph(config, tmp_path, {}).bound
    assert bound is not None
    suite = tmp_path / "a.connector.yaml"
    suite.write_text(f"""
tests:
  - name: sorted
    connector: Query.search
    variables:
      $args: {{}}
      {flags}
    apiResponseBody: "[1]"
    expect:
      connectorRequest: {{ url: "http://rest.test/search?sort={sort}" }}
""")
    (case,) = read_suite(suite).cases
    assert run_case(bound, case, defaults).failures == wrong
