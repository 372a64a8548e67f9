"""`gateway test` as a shell starts it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import one_line, run_gateway
from tests.suites.test_suites import SCHEMA
from tests.support.pages import save_files

SUITE = """
config:
  schema: s.graphql
  name: greetings
tests:
  - name: right
    connector: Query.two
    apiResponseBody: '{"n": 1}'
    expect: { connectorResponse: '1' }
  - name: wrong
    connector: Query.two
    apiResponseBody: '{"n": 1}'
    expect: { connectorResponse: '2' }
  - name: left out
    connector: Query.two
    skip: true
"""


def test_suites_are_found_run_and_reported(tmp_path: Path) -> None:
    (tmp_path / "s.graphql").write_text(SCHEMA)
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests" / "deep" / "two.connector.yml").write_text(SUITE)
    found = run_gateway("test", "--junit", "report.xml", cwd=tmp_path)
    assert found.returncode == 1, found
    assert found.stdout.splitlines() == [
        "greetings",
        "  ok   right",
        "  FAIL wrong (tests/deep/two.connector.yml:10)",
        "       response: expected 2, got 1",
        "  skip left out",
    ]
    assert "1 passed, 1 failed, 1 skipped" in found.stderr
    assert 'failures="1"' in (tmp_path / "report.xml").read_text()


def test_the_addresses_are_those_of_the_schema_and_the_dialect_is_the_configurations(
    tmp_path: Path,
) -> None:
    (tmp_path / "s.graphql").write_text(SCHEMA)
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = "s.graphql"\n[sources.api]\nurl = "http://elsewhere"\ndialect = "php"\n'
        '[connectors.config]\nkey = "k"\n'
    )
    (tmp_path / "a.connector.yaml").write_text(
        'tests:\n  - name: php\n    connector: Query.two\n    apiResponseBody: |\n      Notice: x in /srv/a.php on line 3\n      {"n": "1"}\n'
        "    expect: { connectorRequest: { url: 'https://api.example/v1/a' }, connectorResponse: '1' }\n"
    )
    found = run_gateway("test", "a.connector.yaml", "-q", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (0, ""), found


def test_what_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    assert "there is no suite in tests" in one_line(run_gateway("test", cwd=tmp_path))
    assert "nope.yaml: the suite cannot be read" in one_line(
        run_gateway("test", "nope.yaml", cwd=tmp_path)
    )
    (tmp_path / "a.connector.yaml").write_text("tests: []")
    told = one_line(run_gateway("test", "a.connector.yaml", cwd=tmp_path))
    assert "a.connector.yaml: config.schema is missing (or give --schema)" in told


def test_the_suite_of_the_page_passes(tmp_path: Path) -> None:
    names = save_files("testing.md", tmp_path)
    assert "tests/posts.connector.yaml" in names
    found = run_gateway("test", cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_suite_without_a_test_passes_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.graphql").write_text("type Query { a: Int }")
    (tmp_path / "a.connector.yaml").write_text("config: { schema: s.graphql }\ntests: []\n")
    line = one_line(run_gateway("test", "a.connector.yaml", cwd=tmp_path))
    assert "a.connector.yaml: no test stands in it" in line
