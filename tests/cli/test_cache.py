"""`gateway cache`: what is said of each call of an operation, and purges of a server that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.cli.cache import invalidations
from tests.platform.processes import free_port
from tests.upstream.cache.test_hints import SDL

CONFIG = """
[graph]
schema = ["s.graphql"]
[sources.s.cache]
enabled = true
stale_if_error_s = 60
[admin]
keys = {{ ops = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" }}
port = {port}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "s.graphql").write_text(SDL.replace("BASE", "http://127.0.0.1:9"))
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG.format(port=free_port()))
    return path


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ('{ user(id: "1") { name } }', [
            "Query.user: GET /users/{$args.id} of s",
            "kept: the whole answer",
            "key: method, URL, body, every header as it is sent; of the client: nothing",
            "fresh: as the backend's headers say, at most 40 s (User, ",
            "60 s more if the source fails",
            "tags: source s, type User, user-{$key.id}, and those of the backend",
        ]),
        ("{ me { name } }", [
            "key: method, URL, body, every header as it is sent; of the client: $principal.id",
            "scope: private, by id of the principal (Account, ",
        ]),
        ('mutation { publish(tag: "a") }', ["not kept: it is a mutation", "purges tags news-{$args.tag}, of every source"]),
    ],
)  # fmt: skip
def test_explain_says_for_each_call_what_is_kept_and_why(
    config: Path, query: str, lines: list[str]
) -> None:
    found = CliRunner().invoke(app, ["cache", "explain", query, "-c", str(config)])
    assert found.exit_code == 0, found.output
    for line in lines:
        assert line in found.output
    assert "s.graphql:" in found.output


def test_explain_says_which_setting_keeps_an_answer_from_being_kept(config: Path) -> None:
    config.write_text(config.read_text().replace("enabled = true", "enabled = false"))
    found = CliRunner().invoke(app, ["cache", "explain", "{ users { id } }", "-c", str(config)])
    assert "  not kept: sources.s.cache.enabled is false" in found.output


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ users { id __typename } }", "kept where each part of it was found in the cache twice; shared by all"),
        ("{ users { id } greeting }", "not kept: Python gives Query.greeting"),
        ("{ greeting: __typename }", "not kept: it asks no source"),
        ("{ __schema { queryType { name } } }", "not kept: it asks no source"),
        ("{ other { id } users { id } }", "not kept: cache.enabled is false of plain"),
        ('mutation { publish(tag: "a") }', "not kept: it is a mutation"),
    ],
)  # fmt: skip
def test_explain_says_whether_the_whole_answer_is_kept(
    config: Path, monkeypatch: pytest.MonkeyPatch, query: str, said: str
) -> None:
    more = """extend type Query { greeting: String other: User
      @connect(source: "plain", http: { GET: "/o" }, selection: "id") }"""
    schema = config.with_name("s.graphql")
    schema.write_text(schema.read_text() + more)
    (config.parent / "greeting_of_the_cache.py").write_text(
        "from gateway import resolver\n"
        '@resolver("Query.greeting", vary=())\ndef greeting(parent, context): return "hi"\n'
    )
    monkeypatch.syspath_prepend(config.parent)
    graph = '["s.graphql"]\nresolvers = "greeting_of_the_cache"'
    config.write_text(config.read_text().replace('["s.graphql"]', graph))
    found = CliRunner().invoke(app, ["cache", "explain", query, "-c", str(config)])
    assert found.exit_code == 0, found.output
    assert f"whole answer: {said}" in found.output


def test_a_purge_of_a_server_that_does_not_run_says_so(config: Path) -> None:
    command = ["cache", "purge", "--source", "s", "-c", str(config)]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 2
    assert "does not answer" in found.output


@pytest.mark.parametrize(
    ("given", "items"),
    [
        ((["a", "b"], [], None, None), [{"kind": "subgraph", "subgraph": "a"}, {"kind": "subgraph", "subgraph": "b"}]),
        (([], ["t"], None, None), [{"kind": "cache_tag", "cache_tag": "t"}]),
        ((["a"], ["t"], None, None), [{"kind": "cache_tag", "cache_tag": "t", "subgraphs": ["a"]}]),
        ((["a"], [], "T", None), [{"kind": "type", "subgraph": "a", "type": "T"}]),
        ((["a"], [], "T", '{"id": 1}'), [{"kind": "key", "subgraph": "a", "type": "T", "key": {"id": 1}}]),
    ],
)  # fmt: skip
def test_options_are_what_the_admin_port_takes(given: Any, items: list[dict[str, Any]]) -> None:
    assert invalidations(*given) == items


@pytest.mark.parametrize(
    "given", [([], [], None, None), ([], [], "T", None), (["a"], [], None, "{}"), (["a"], [], "T", "{"),
              (["a"], ["t"], "T", None), (["a"], ["t"], None, "{}"), ([], ["\udcff"], None, None),
              (["a"], [], "T", '{"id": NaN}'), (["a"], [], "T", '{"id": "\\ud800"}')]
)  # fmt: skip
def test_options_that_mean_nothing_end_the_command(given: Any) -> None:
    with pytest.raises(typer.Exit):
        invalidations(*given)
