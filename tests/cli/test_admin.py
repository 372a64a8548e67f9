"""The admin port as commands ask it: one line where there is no key, no URL, nobody."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app

COMMANDS = (["reload"], ["cache", "purge", "--source", "api"])
KEYS = '[admin]\nkeys = { me = "of an operator, with 32 characters" }\n'


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("text", "url", "said"),
    [
        ("", None, "gateway: admin.keys has no key, and a server without one has no admin port"),
        (KEYS, "http://ann:pw@h:nope", "gateway: http://***@h:nope is not a URL"),
        (
            KEYS,
            "http://ann:pw@127.0.0.1:{port}",
            "gateway: http://***@127.0.0.1:{port} does not answer",
        ),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    tmp_path: Path, command: list[str], text: str, url: str | None, said: str
) -> None:
    (tmp_path / "s.graphql").write_text("type Query { a: Int }")
    (tmp_path / "gateway.toml").write_text('[graph]\nschema = "s.graphql"\n' + text)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens there
        port = held.getsockname()[1]
        options = ["--url", url.format(port=port)] if url else []
        ended = CliRunner().invoke(
            app, [*command, "--config", str(tmp_path / "gateway.toml"), *options]
        )
    assert ended.exit_code == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(said.format(port=port))
    assert "pw" not in line
