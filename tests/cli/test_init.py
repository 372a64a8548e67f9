"""`gateway init`: what it writes runs at once, and what cannot be written is said in one line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from graphql import build_schema, parse

from tests.cli.backend import answering
from tests.cli.command import one_line, run_gateway
from tests.testing.test_clients import run_pytest

POSTS = json.dumps(
    [
        {"id": 1, "title": "Hello", "user_id": 7, "author": {"id": 7, "e-mail": "a@x.example"}},
        {"id": 2, "title": None, "user_id": 8, "author": None, "big": 12345678901},
    ]
)
PHP_USERS = (
    "<br />\n<b>Notice</b>: Undefined index: x in <b>/srv/a.php</b> on line <b>3</b><br />\n"
    '{"total":"2","users":[{"id":"7","is_admin":"0","age":"36","balance":"12.50"},'
    '{"id":"8","is_admin":"1","age":"","balance":"0.00"}]}'
)
ANSWERS = {
    "/v1/posts.json?limit=2": ("application/json", POSTS),
    "/users.php": ("text/html", PHP_USERS),
    "/empty": ("application/json", "[]"),
    "/page": ("text/html", "<p>Hello</p>"),
}


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of each kind."""
    folder = tmp_path_factory.mktemp("projects")
    with answering(ANSWERS) as url:
        for arguments in (
            ("blog",),
            ("shop", "--rest", f"{url}/v1/posts.json?limit=2"),
            ("crm", "--php", f"{url}/users.php", "--header", "X-Key: secret"),
        ):
            found = run_gateway("init", *arguments, cwd=folder)
            assert found.returncode == 0, found.stderr
            assert f"gateway dev {arguments[0]}" in found.stderr
            assert f"{arguments[0]}/gateway.toml" in found.stdout.splitlines()
    return folder


@pytest.mark.parametrize("name", ["blog", "shop", "crm"])
def test_a_new_project_passes_its_check(projects: Path, name: str) -> None:
    found = run_gateway("check", f"{name}/gateway.toml", cwd=projects, env={"API_X_KEY": "k"})
    assert (found.returncode, found.stdout) == (0, ""), found
    assert "0 errors, 0 warnings" in found.stderr


@pytest.mark.parametrize("name", ["blog", "shop", "crm"])
def test_every_file_of_a_new_project_can_be_read_by_what_reads_it(
    projects: Path, name: str
) -> None:
    files = files_of(projects / name)
    assert not [path for path, text in files.items() if "{{" in text or "\0" in text]
    settings = tomllib.loads(files["gateway.toml"])
    jsonschema.validate(settings, json.loads(files[".vscode/gateway.schema.json"]))
    assert files["gateway.toml"].startswith("#:schema ./.vscode/gateway.schema.json\n")
    for path in (".vscode/settings.json", ".vscode/extensions.json"):
        json.loads(files[path])
    for path in yaml.safe_load(files["graphql.config.yml"])["schema"]:
        assert path in files
    build_schema(files[".vscode/directives.graphql"] + "type Query { a: Int }")
    assert yaml.safe_load(files["compose.yaml"])["services"]["gateway"]["build"] == "."
    compile(files["tests/test_graph.py"], "test_graph.py", "exec")
    left_out = files[".dockerignore"].splitlines()
    assert not {"*", "gateway.toml", "requirements.txt", "schema.graphql", "resolvers.py"} & set(
        left_out
    )
    assert {".env*", ".git", "tests"} <= set(left_out)


def test_types_are_made_of_a_rest_answer(projects: Path) -> None:
    schema = files_of(projects / "shop")["schema.graphql"]
    parse(schema)
    assert 'GET: "/v1/posts.json?limit=2"' in schema
    for line in (
        "posts: [Post!]",
        "  id: ID!\n  title: String\n  userId: ID\n  author: Author\n  big: BigInt\n",
        "userId: user_id",
        "eMail: 'e-mail'",
    ):
        assert line in schema


def test_types_are_made_of_what_php_sends(projects: Path) -> None:
    files = files_of(projects / "crm")
    assert (
        "  id: ID!\n  isAdmin: Boolean\n  age: Int\n  balance: Float\n" in files["schema.graphql"]
    )
    assert "$.users {" in files["schema.graphql"]
    assert 'dialect = "php"' in files["gateway.toml"]


def test_a_header_is_read_from_the_environment_and_written_nowhere(projects: Path) -> None:
    files = files_of(projects / "crm")
    assert '"x-key" = "${API_X_KEY}"' in files["gateway.toml"]
    assert "API_X_KEY: ${API_X_KEY}" in files["compose.yaml"]
    assert "export API_X_KEY=" in files["README.md"]
    # The tests of the project need no value of it.
    assert 'os.environ.setdefault("API_X_KEY", "of the tests")' in files["tests/conftest.py"]
    compile(files["tests/conftest.py"], "conftest.py", "exec")
    assert not [path for path, text in files.items() if "secret" in text and path != ".vscode/gateway.schema.json"]  # fmt: skip


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text("type Query { mine: Int }")
    assert "schema.graphql is there already" in one_line(run_gateway("init", cwd=tmp_path))
    assert files_of(tmp_path) == {"schema.graphql": "type Query { mine: Int }"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nope", "answers 404 (a header that it asks for is given by --header"),
        ("/empty", "gives no data: an object or a list with something in it is needed"),
        ("/page", "the content type is 'text/html', not JSON (an answer of PHP"),
        ("/a{b}", "characters that a URL template cannot hold"),
    ],
)
def test_an_answer_of_no_use_is_one_line(tmp_path: Path, path: str, words: str) -> None:
    with answering(ANSWERS) as url:
        found = run_gateway("init", "new", "--rest", url + path, cwd=tmp_path)
    assert words in one_line(found)
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rest", "nope"), "'nope' is no URL (write http://host:port/path)"),
        (("--rest", "http://127.0.0.1:1/"), "cannot be read: "),
        (("--rest", "http://a:b@127.0.0.1/"), "the URL holds a user name or a password"),
        (("--rest", "http://h/", "--python"), "give one of --rest, --php and --python"),
        (("--header", "a: b"), "--header goes with --rest or --php"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in one_line(run_gateway("init", "new", *arguments, cwd=tmp_path))
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize("name", ["blog", "shop", "crm"])
def test_the_tests_of_a_new_project_pass_without_its_backend(
    projects: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_X_KEY", "k")
    found = run_pytest(projects / name)
    assert " passed" in found.stdout, found.stdout + found.stderr
    assert "failed" not in found.stdout


def test_what_a_fresh_repository_has_is_left(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# mine\n")
    (tmp_path / ".gitignore").write_text("mine\n")
    found = run_gateway("init", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "README.md is left as it was" in found.stderr
    assert (tmp_path / "README.md").read_text() == "# mine\n"
    assert (tmp_path / "gateway.toml").exists()
    # And the folder is a project for `check`, as it is for `dev`.
    found = run_gateway("check", str(tmp_path), cwd=tmp_path.parent)
    assert (found.returncode, found.stdout) == (0, "")
    line = one_line(run_gateway("check", "resolvers.py", cwd=tmp_path))
    assert "resolvers.py is neither a configuration (.toml) nor a schema (.graphql)" in line
