"""`gateway check --start` makes what a start makes: what no server could be started with is told before one is."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app

BASE = """
graph = { schema = ["schema.graphql"] }
[telemetry.metrics]
port = 0
"""


def check(folder: Path, more: str, *options: str) -> tuple[int, str]:
    """The exit code of a check, and what it has printed."""
    (folder / "schema.graphql").write_text("type Query { now: Int @deprecated }")
    (folder / "gateway.toml").write_text(BASE + more)
    config = str(folder / "gateway.toml")
    found = CliRunner().invoke(app, ["check", "--config", config, "--mock", *options])
    return found.exit_code, found.output


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('[logs]\naccess = "/proc/nope"\n', "gateway.toml:6: logs.access: /proc/nope cannot"),
        ('[logs]\naudit = "/proc/nope"\n', "gateway.toml:6: logs.audit: /proc/nope cannot"),
        ('[pubsub]\nkind = "unix"\ndirectory = "/proc/nope"\n', "pubsub.directory: no socket"),
        ('[pubsub]\nkind = "unix"\n', "pubsub.directory: a unix broker needs a folder"),
        ('[[authentication.jwt.jwks]]\nfile = "broken"\n', "authentication.jwt.jwks.0.file"),
        ('[authentication.api_keys]\nfile = "broken"\n', "authentication.api_keys.file"),
        ('[persisted_documents]\nmanifest = "broken"\n', "persisted_documents.manifest"),
    ],
)
def test_what_a_server_cannot_start_with_is_told(tmp_path: Path, more: str, why: str) -> None:
    (tmp_path / "broken").write_text("{")
    code, said = check(tmp_path, more, "--start")
    assert code == 2, said
    assert why in said


def test_what_a_server_can_start_with_is_none(tmp_path: Path) -> None:
    more = f'[logs]\naccess = "{tmp_path}/access.log"\n[pubsub]\nkind = "unix"\n[server]\nworkers = 2\n'
    assert check(tmp_path, more, "--start")[0] == 0


def test_trusted_documents_that_are_not_valid_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "manifest.json").write_text('{"good": "{ now }", "gone": "query Old { then }"}')
    code, said = check(tmp_path, '[persisted_documents]\nmanifest = "manifest.json"\n', "--start")
    assert code == 0
    words = " ".join(said.split())
    assert "the trusted document gone cannot be compiled: Cannot query field 'then'" in words
    assert words.count("cannot be compiled") == 1
    assert "cannot be compiled" not in caplog.text  # it is told once
    assert "document good" not in words


def test_without_it_what_is_another_machines_is_not_tried(tmp_path: Path) -> None:
    assert check(tmp_path, '[logs]\naccess = "/proc/nope"\n')[0] == 0
