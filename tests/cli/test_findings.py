"""What check and plan tell: every syntax error at once, what binds nothing, the calls of a plan and who prevents
sharing.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import one_line, run_gateway

LINK = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])\n'


def write(folder: Path, **files: str) -> None:
    """A project: `schema` and `resolvers`, or other files by name without an ending."""
    files = {"config": '[graph]\nschema = "s.graphql"\nresolvers = "found_resolvers"\n', **files}
    names = {"config": "gateway.toml", "schema": "s.graphql", "resolvers": "found_resolvers.py"}
    for name, text in files.items():
        (folder / names[name]).write_text(text)


def found_by_check(folder: Path, code: str) -> list[dict[str, object]]:
    output = run_gateway("check", "--format", "json", cwd=folder)
    return [item for item in json.loads(output.stdout)["findings"] if item["code"] == code]


def test_every_syntax_error_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text(
        "type Query {\n  a Int\n}\n\ntype Ok {\n  a: Int\n}\n\ntype Open {\n  b: Int\n\ntype Closed {\n  c: Int\n}\n\n"
        '"""\ntype InText {\n"""\nenum E {\n}\n'
    )
    (tmp_path / "b.graphql").write_text("type B {\n")
    found = run_gateway("check", ".", cwd=tmp_path)
    places = [
        line.removeprefix("gateway: ").rsplit("/", 1)[-1].partition(": ")[0]
        for line in found.stderr.splitlines()
    ]
    assert places == ["a.graphql:2:5", "a.graphql:12:6", "a.graphql:20:1", "b.graphql:2:1"]
    assert found.returncode == 2
    as_json = run_gateway("check", ".", "--format", "json", cwd=tmp_path)
    assert json.loads(as_json.stdout)["errors"] == 4
    as_github = run_gateway("check", ".", "--format", "github", cwd=tmp_path)
    assert as_github.stdout.count("::error file=") == 4


def test_a_file_of_garbage_ends(tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text("type X {\n" * 1000)
    found = run_gateway("check", "a.graphql", cwd=tmp_path)
    assert found.returncode == 2
    assert len(found.stderr.splitlines()) == 20


DIRECTIVES = """
directive @upper on FIELD_DEFINITION
directive @own on FIELD_DEFINITION | OBJECT
directive @documented on FIELD_DEFINITION
directive @cached(ttl: Int) on FIELD
type Query { a: String @upper b: String @own c: String @own }
"""
UPPER = """
from gateway import resolver, schema_directive

@schema_directive("upper", vary=())
class Upper:
    def result(self, value, context):
        return value

@resolver("Query.a", vary=())
def a(parent, context): ...

@resolver("Query.b", vary=())
def b(parent, context): ...

@resolver("Query.c", vary=())
def c(parent, context): ...
"""


def test_a_directive_that_no_class_binds_is_told_once(tmp_path: Path) -> None:
    write(tmp_path, schema=DIRECTIVES, resolvers=UPPER)
    (found,) = found_by_check(tmp_path, "UnboundDirective")
    assert (
        found["message"] == "@own does nothing, here and at 1 more places: no class is bound to it"
    )
    assert (found["severity"], found["line"]) == ("warning", 6)


def test_directives_of_other_specifications_are_their_own_business(tmp_path: Path) -> None:
    schema = (
        'extend schema @link(url: "https://specs.example/x/v1.0", import: ["@mark", { name: "@b", as: "@c" }])\n'
        "directive @mark on FIELD_DEFINITION\ndirective @c on FIELD_DEFINITION\n"
        "directive @key(fields: String) on OBJECT\n"
        'type Query @key(fields: "a") { a: String @mark @deprecated b: String @c c: Int }\n'
    )
    write(tmp_path, schema=schema, resolvers=UPPER.replace("schema_directive(\"upper\", vary=())", "on_startup").replace("schema_directive", "on_startup"))  # fmt: skip
    assert found_by_check(tmp_path, "UnboundDirective") == []


UNION = """
type Query { any: [Thing!] named: [Named!] }
union Thing = A | B
interface Named { name: String }
type A implements Named { name: String }
type B { b: Int }
"""
ANY = """
from gateway import resolver, type_resolver

@resolver("Query.any", vary=())
def any_(parent, context): ...

@resolver("Query.named", vary=())
def named(parent, context): ...

@type_resolver("Named", vary=())
def of_named(value, context):
    return "A"
"""


def test_a_union_without_a_type_resolver_is_noted(tmp_path: Path) -> None:
    write(tmp_path, schema=UNION, resolvers=ANY)
    (found,) = found_by_check(tmp_path, "NoTypeResolver")
    assert (
        found["message"]
        == "values of Thing that Query.any gives have to say their type by `__typename`"
    )
    assert (found["severity"], found["line"]) == ("note", 3)


def test_blocking_on_async_def_is_an_error(tmp_path: Path) -> None:
    code = 'from gateway import resolver\n\n@resolver("Query.a", blocking=True)\nasync def a(parent, context):\n    return 1\n'
    write(tmp_path, schema="type Query { a: Int }", resolvers=code)
    found = run_gateway("check", cwd=tmp_path)
    assert found.returncode == 1
    assert "found_resolvers.py:3: error: Query.a is `async def` and `blocking=True`" in found.stdout


CALLS = (
    LINK.replace("extend schema ", "extend schema\n  ")
    + '  @source(name: "api", http: { baseURL: "http://h" })\n'
    + """
type Query {
  posts: [Post!] @connect(source: "api", http: { GET: "/posts" }, selection: "id userId")
  late: Int
}
type Post {
  id: ID!
  userId: ID
  author: User @connect(source: "api", http: { GET: "/users/{$this.userId}" }, selection: "id")
  likes: Likes
}
type User { id: ID! }
type Likes
  @connect(source: "api", http: { GET: "/likes?ids={$batch.id->joinNotNull(',')}" }, batch: { maxSize: 50 }, selection: "id count") {
  id: ID!
  count: Int
}
"""
)
LATE = 'from gateway import resolver\n\n\n@resolver("Query.late")\nasync def late(parent, context):\n    return 1\n'


def test_a_plan_shows_its_calls_and_who_prevents_sharing(tmp_path: Path) -> None:
    write(tmp_path, schema=CALLS.replace("  likes: Likes\n", ""), resolvers=LATE)
    found = run_gateway("plan", "{ posts { author { id } } late }", cwd=tmp_path)
    assert found.returncode == 0, found
    assert "calls Query.posts: GET /posts of api, once; decoded" in found.stdout
    assert (
        "calls Post.author: GET /users/{$this.userId} of api, once for each key; " in found.stdout
    )
    assert (
        f"not shared: Query.late ({tmp_path}/found_resolvers.py:4) may read anything"
        in found.stdout
    )


def test_a_plan_shows_the_size_of_batches(tmp_path: Path) -> None:
    schema = CALLS.replace('selection: "id userId"', 'selection: "id userId likes: { id }"')
    write(tmp_path, schema=schema, resolvers=LATE)
    found = run_gateway("plan", "{ posts { likes { count } } }", cwd=tmp_path)
    assert "$batch.id->joinNotNull(',')} of api, once for 50 keys; " in found.stdout, found
    assert "shared by all clients" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "@nope.graphql"), "nope.graphql: the file cannot be read"),
        (("plan", "{ late }", "--variables", "{"), "--variables is not JSON"),
        (("profile", "{ a }", "--variables", "@nope"), "nope: the file cannot be read"),
        (("map", "a", "--spec", "9"), "9"),
        (("map", "a", "--vars", "gateway.toml"), "--vars is not JSON"),
        (("check", "a.toml", "b.toml"), "there can be one configuration file"),
        (("nope",), "No such command 'nope' (see gateway --help)"),
        (("serve", "--nope"), "No such option: --nope (see gateway serve --help)"),
        (("serve", "--port", "99999"), "Invalid value for '--port': "),
        (("map",), "Missing argument 'selection'"),
        (("check", "nope.graphql"), "there is no such schema file or folder"),
    ],
)
def test_a_mistake_of_the_command_line_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    write(tmp_path, schema="type Query { late: Int }", resolvers=LATE)
    assert words in one_line(run_gateway(*arguments, cwd=tmp_path, stdin="{}"))


def test_what_is_declared_and_does_nothing_is_told(tmp_path: Path) -> None:
    source = '@source(name: "{}", http: {{ baseURL: "http://127.0.0.1:9" }})'
    schema = (
        LINK
        + f"""extend schema {source.format("a")}
    extend schema {source.format("b")}
    type Query {{ a: Int @connect(source: "a", http: {{ GET: "/" }}, selection: "$") @tag(name: "") }}"""
    )
    config = '[graph]\nschema = "s.graphql"\n[server]\ntrusted_proxies = ["0.0.0.0/0"]\n'
    write(tmp_path, schema=schema, config=config)
    assert [item["message"] for item in found_by_check(tmp_path, "UnusedSource")] == [
        "no connector names the source `b`"
    ]
    assert [item["line"] for item in found_by_check(tmp_path, "UnknownTag")] == [4]
    assert len(found_by_check(tmp_path, "OpenProxies")) == 1


def test_a_source_may_be_for_python(tmp_path: Path) -> None:
    schema = (
        LINK
        + """extend schema @source(name: "b", http: { baseURL: "http://127.0.0.1:9" })
    type Query { a: Int }"""
    )
    resolvers = """from gateway import resolver
@resolver("Query.a")
async def a(parent, context):
    return len(context.source_url("b"))
"""
    write(tmp_path, schema=schema, resolvers=resolvers)
    assert found_by_check(tmp_path, "UnusedSource") == []
    assert run_gateway("check", cwd=tmp_path).returncode == 0
