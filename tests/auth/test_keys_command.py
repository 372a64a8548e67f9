"""`gateway keys`: made, rotated, taken back and listed; the secret is shown once and kept nowhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.auth.api_keys import digest_of_key, read_api_keys, split_key
from gateway.cli.app import app
from gateway.telemetry.chain import verify_chain

CONFIG = """
[authentication.api_keys]
file = "keys.json"
prefix = "acme"
[logs]
audit = "{folder}/audit.log"
"""


class Command:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "gateway.toml").write_text(CONFIG.format(folder=folder))

    def __call__(self, *arguments: str, code: int = 0) -> str:
        given = ["keys", *arguments, "--config", str(self.folder / "gateway.toml")]
        result = CliRunner().invoke(app, given)
        assert result.exit_code == code, result.output
        return result.output.strip()

    @property
    def keys(self) -> list[object]:
        return list(read_api_keys((self.folder / "keys.json").read_bytes()).keys)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_a_key_is_shown_once_and_kept_as_its_digest(command: Command, tmp_path: Path) -> None:
    options = ("--scope", "read", "--scope", "write", "--expires", "90d", "--cidr", "10.0.0.0/8")
    text = command("create", "--client", "shop", *options)
    parts = split_key(text)
    assert parts is not None
    assert text.startswith("acme_live_")
    (key,) = read_api_keys((tmp_path / "keys.json").read_bytes()).keys
    assert (key.id, key.digest, key.scopes) == (parts.id, digest_of_key(text), ("read", "write"))
    assert key.not_after is not None
    assert timedelta(days=89) < key.not_after - datetime.now(UTC) <= timedelta(days=90)
    for file in tmp_path.iterdir():
        assert parts.secret not in file.read_text()
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    assert parts.secret not in command("list")
    assert command("list").startswith(f"{parts.id} shop live until ")


def test_a_rotated_key_overlaps_and_ends(command: Command, tmp_path: Path) -> None:
    old = split_key(command("create", "--client", "shop", "--scope", "read", "--expires", "1h"))
    assert old is not None
    new = split_key(command("rotate", old.id, "--overlap", "30m"))
    assert new is not None
    first, second = read_api_keys((tmp_path / "keys.json").read_bytes()).keys
    assert (first.id, second.id, second.scopes) == (old.id, new.id, ("read",))
    assert first.not_after is not None
    assert first.not_after - datetime.now(UTC) <= timedelta(minutes=30)
    assert second.not_after is not None
    assert second.not_after > first.not_after


def test_a_revoked_key_stays_in_the_list(command: Command) -> None:
    key = split_key(command("create", "--client", "shop"))
    assert key is not None
    assert command("revoke", key.id) == f"{key.id} of shop is revoked"
    assert command("list", "--client", "shop") == f"{key.id} shop revoked"
    assert command("list", "--client", "other") == ""
    assert "no live key" in command("rotate", key.id, code=2)


def test_changes_are_in_the_audit_log(command: Command, tmp_path: Path) -> None:
    key = split_key(command("create", "--client", "shop"))
    assert key is not None
    command("rotate", key.id)
    command("revoke", key.id)
    log = tmp_path / "audit.log"
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert [line["event"] for line in lines] == ["key_created", "key_rotated", "key_revoked"]
    assert lines[1]["replaces"] == key.id
    assert verify_chain(log)[0] == 3
    head = verify_chain(log)[1]
    result = CliRunner().invoke(app, ["audit", "verify", str(log), "--head", head])
    assert result.output.startswith("3 lines, each follows")
    log.write_bytes(log.read_bytes().replace(b"key_revoked", b"key_created"))
    result = CliRunner().invoke(app, ["audit", "verify", str(log), "--head", head])
    assert result.exit_code == 1
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[1:]))
    result = CliRunner().invoke(app, ["audit", "verify", str(log)])
    assert (result.exit_code, "does not follow" in result.output) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("revoke", "nobody"),
        ("create", "--client", "x", "--cidr", "10.0.0.1/8"),
        ("create", "--client", "x", "--expires", "soon"),
        ("create", "--client", "x", "--expires", "2020-01-01"),
        ("create", "--client", "x", "--expires", "0d"),
        ("create", "--client", " "),
        ("create", "--client", "x", "--view", "nosuch"),
        ("create", "--client", "x", "--limits", "nosuch"),
        ("create", "--client", "x", "--file", "/nowhere/at/all/keys.json"),
    ],
)
def test_what_cannot_be_done_is_one_line(command: Command, arguments: tuple[str, ...]) -> None:
    assert command(*arguments, code=2).count("\n") == 0
