"""`gateway check` finds each planted mistake, with the file and the line where it stands."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import run_gateway

CONFIG = """\
[graph]
schema = ["schema.graphql"]
resolvers = "resolvers"

[server]
port = 8000

[sources.api]
timeout_s = 5
"""

SCHEMA = """\
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "api", http: { baseURL: "http://127.0.0.1:1/v1" })

type Query {
  post(id: ID!): Post
    @connect(source: "api", http: { GET: "/posts/{$args.id}" }, selection: "id title")
  posts: [Post!]
    @connect(source: "api", http: { GET: "/posts" }, selection: "id title")
  now: String
}

type Post {
  id: ID!
  title: String
  url: String
  comments: [Comment!]
    @connect(source: "api", http: { GET: "/comments?post={$this.id}" }, selection: "id text")
}

type Comment @connect(
  source: "api"
  batch: { maxSize: 10 }
  http: { GET: "/comments", queryParams: "id: $batch.id" }
  selection: "id text stars"
) {
  id: ID!
  text: String
  stars: Int
}
"""

RESOLVERS = """\
from gateway import resolver


@resolver("Query.now")
def now(parent, context):
    return "now"


@resolver("Post.url")
def url(parent, context):
    return f"https://example.org/{parent['id']}"
"""


@dataclass(frozen=True)
class Mistake:
    """One change of one file, and what `check` must say of it.

    Attributes:
        file: Which file is changed.
        old, new: The change.
        at: A text that stands on the line which is named; None where no line is.
        says: Part of the message.
        code: Exit code: 1 a finding, 2 a configuration that cannot be read.
    """

    file: str
    old: str
    new: str
    at: str | None
    says: str
    code: int = 1


MISTAKES = {
    "configuration: unknown key": Mistake("gateway.toml", "port =", "prot =", "prot =", "did you mean `port`?", 2),
    "configuration: wrong type": Mistake("gateway.toml", "port = 8000", 'port = "many"', "port =", "whole number", 2),
    "configuration: unknown table": Mistake("gateway.toml", "[server]", "[srever]", "[srever]", "did you mean `server`?", 2),
    "configuration: not TOML": Mistake("gateway.toml", "port = 8000", "port = ", "port =", "not valid TOML", 2),
    "configuration: unset variable": Mistake("gateway.toml", "timeout_s = 5", 'url = "${NOT_SET_ANYWHERE}"', "NOT_SET", "is not set", 2),
    "configuration: no such schema": Mistake("gateway.toml", "schema.graphql", "shcema.graphql", None, "no such schema file", 2),
    "configuration: unknown source": Mistake("gateway.toml", "[sources.api]", "[sources.apo]", "[sources.apo]", "apo", 2),
    "configuration: no such resolvers": Mistake("gateway.toml", '"resolvers"', '"resolvres"', None, "there is no module `resolvres` (did you mean `resolvers`?)", 2),
    "SDL: syntax": Mistake("schema.graphql", "title: String\n  url", "title String\n  url", "title String", "Expected ':'", 2),
    "SDL: unknown type": Mistake("schema.graphql", "url: String", "url: Sting", "url: Sting", "Unknown type 'Sting'"),
    "SDL: unknown directive": Mistake("schema.graphql", "now: String", "now: String @nwo", "@nwo", "Unknown directive '@nwo'"),
    "SDL: field twice": Mistake("schema.graphql", "  url: String", "  url: String\n  url: Int", "  url: String", "can only be defined once"),
    "connector: unknown source": Mistake("schema.graphql", '@connect(source: "api", http: { GET: "/posts" }', '@connect(source: "apl", http: { GET: "/posts" }', '"apl"', "apl"),
    "connector: unknown argument": Mistake("schema.graphql", "{$args.id}", "{$args.idd}", "$args.idd", "idd"),
    "connector: unknown field of $this": Mistake("schema.graphql", "{$this.id}", "{$this.ids}", "$this.ids", "ids"),
    "connector: selection does not parse": Mistake("schema.graphql", 'http: { GET: "/posts" }, selection: "id title"', 'http: { GET: "/posts" }, selection: "id, title"', "id, title", ","),
    "connector: selection gives no field": Mistake("schema.graphql", 'http: { GET: "/posts" }, selection: "id title"', 'http: { GET: "/posts" }, selection: "id titel"', "id titel", "titel"),
    "connector: absolute URL with a source": Mistake("schema.graphql", 'GET: "/posts" }', 'GET: "http://127.0.0.1/posts" }', "http://127.0.0.1/posts", "absolute"),
    "connector: no method": Mistake("schema.graphql", 'http: { GET: "/posts" }', 'http: { headers: [] }', "headers: []", "GET"),
    "connector: two methods": Mistake("schema.graphql", 'http: { GET: "/posts" }', 'http: { GET: "/posts", POST: "/posts" }', "POST:", "one"),
    "connector: unbalanced template": Mistake("schema.graphql", "{$args.id}", "{$args.id", "{$args.id", "}"),
    "connector: batch key not in the selection": Mistake("schema.graphql", 'selection: "id text stars"', 'selection: "text stars"', "text stars", "id"),
    "connector: $batch and $this": Mistake("schema.graphql", "id: $batch.id", "id: $batch.id x: $this.id", "x: $this.id", "$this"),
    "connector: unresolved field": Mistake("schema.graphql", "  stars: Int", "  stars: Int\n  lost: Int", "lost: Int", "lost"),
    "connector: unknown version": Mistake("schema.graphql", "connect/v0.3", "connect/v9.9", "connect/v9.9", "v9.9"),
    "connector: unknown method": Mistake("schema.graphql", 'http: { GET: "/posts" }, selection: "id title"', 'http: { GET: "/posts" }, selection: "id title: title->upper"', "->upper", "upper"),
    "connector: header collision": Mistake("schema.graphql", 'baseURL: "http://127.0.0.1:1/v1"', 'baseURL: "http://127.0.0.1:1/v1", headers: [{name: "a", value: "1"}, {name: "A", value: "2"}]', 'name: "A"', "A"),
    "resolver: unknown field": Mistake("resolvers.py", "Post.url", "Post.ulr", "Post.ulr", "did you mean `url`?"),
    "resolver: unknown type": Mistake("resolvers.py", "Post.url", "Psot.url", "Psot.url", "did you mean `Post`?"),
    "resolver: arity": Mistake("resolvers.py", "def now(parent, context)", "def now(parent)", "Query.now", "must take (parent, context"),
    "resolver: argument": Mistake("resolvers.py", "def now(parent, context)", "def now(parent, context, zone)", "Query.now", "no argument `zone`"),
    "resolver: import fails": Mistake("resolvers.py", "from gateway import resolver", "from gateway import resolvr", "resolvr", "cannot be imported", 2),
}  # fmt: skip


def write_project(folder: Path) -> None:
    (folder / "gateway.toml").write_text(CONFIG)
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "resolvers.py").write_text(RESOLVERS)


def run_check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run_gateway("check", *options, cwd=folder)


def test_a_project_without_mistakes_passes(tmp_path: Path) -> None:
    write_project(tmp_path)
    result = run_check(tmp_path)
    assert "0 errors" in result.stderr, result.stdout
    assert result.returncode == 0


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found_with_file_and_line(name: str, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    write_project(tmp_path)
    path = tmp_path / mistake.file
    text = path.read_text()
    assert mistake.old in text
    path.write_text(text.replace(mistake.old, mistake.new, 1))

    result = run_check(tmp_path)

    output = result.stdout + result.stderr
    assert result.returncode == mistake.code, output
    assert "Traceback" not in output
    assert mistake.says in output
    if mistake.at is not None:
        lines = path.read_text().splitlines()
        # A decorator's function is named by the decorator's line or the one below it.
        line = next(number for number, item in enumerate(lines, 1) if mistake.at in item)
        assert f"{mistake.file}:{line}:" in output or f"{mistake.file}:{line + 1}:" in output, (
            output
        )


REPEATING = '"/comments?post={$this.id}" }, selection'


def test_paths_of_repeated_calls_are_warnings_of_a_plain_check(tmp_path: Path) -> None:
    write_project(tmp_path)
    result = run_check(tmp_path)
    assert result.returncode == 0
    line = next(n for n, text in enumerate(SCHEMA.splitlines(), 1) if REPEATING in text)
    assert f"schema.graphql:{line}:5: warning: Query.posts[].comments calls GET" in result.stdout
    assert "0 errors, 1 warning" in result.stderr


def test_n_plus_one_lists_them_alone_and_fails(tmp_path: Path) -> None:
    write_project(tmp_path)
    result = run_check(tmp_path, "--n-plus-one")
    assert result.returncode == 1
    (line,) = result.stdout.splitlines()
    assert "Query.posts[].comments" in line
    assert "[NPlusOne]" in line
    assert "$batch" in line


def test_n_plus_one_passes_where_calls_are_batched(tmp_path: Path) -> None:
    write_project(tmp_path)
    batched = SCHEMA.replace(
        REPEATING, '"/comments?post={$batch.id->first}" }, batch: { groupBy: "text" }, selection'
    )
    (tmp_path / "schema.graphql").write_text(batched)
    result = run_check(tmp_path, "--n-plus-one")
    assert (result.returncode, result.stdout) == (0, ""), result.stdout
