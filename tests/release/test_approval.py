"""A token approves one plan of one environment, for an hour, and nothing else."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.release.approval import check_token, confirm_typed, make_token, name_of
from gateway.release.audit import Audit, open_audit, verify
from gateway.release.cli import app
from gateway.release.model import ReleaseError
from gateway.telemetry.chain import START

KEY = "k" * 32
DIGEST = "0123456789abcdef" * 2
TOKEN = make_token(KEY, "production", DIGEST, now=1000)


def test_a_token_is_good_for_its_plan() -> None:
    check_token(TOKEN, KEY, "production", DIGEST, now=1000 + 3600)


@pytest.mark.parametrize(
    ("token", "key", "environment", "digest", "now", "words"),
    [
        (TOKEN, KEY, "production", DIGEST[:-1] + "e", 1000, "another plan"),
        (TOKEN, KEY, "staging", DIGEST, 1000, "another plan"),
        (TOKEN, "x" * 32, "production", DIGEST, 1000, "another plan"),
        (TOKEN, KEY, "production", DIGEST, 1000 + 3601, "expired"),
        ("9" + TOKEN, KEY, "production", DIGEST, 1000, "another plan"),
        (TOKEN.replace(".", ".x", 1), KEY, "production", DIGEST, 1000, "malformed"),
        ("0" + TOKEN, KEY, "production", DIGEST, 1000, "malformed"),
        ("+" + TOKEN, KEY, "production", DIGEST, 1000, "malformed"),
        (TOKEN.replace("4", "\u0664", 1), KEY, "production", DIGEST, 1000, "malformed"),
        (TOKEN.upper(), KEY, "production", DIGEST, 1000, "malformed"),
        (TOKEN + ".", KEY, "production", DIGEST, 1000, "malformed"),
        ("9" * 5000 + TOKEN, KEY, "production", DIGEST, 1000, "malformed"),
        ("", KEY, "production", DIGEST, 1000, "malformed"),
        ("²." + TOKEN.partition(".")[2], KEY, "production", DIGEST, 1000, "malformed"),
        ("yes", KEY, "production", DIGEST, 1000, "malformed"),
        (TOKEN, "", "production", DIGEST, 1000, "fewer than 32"),
    ],
)
def test_a_token_is_good_for_nothing_else(
    token: str, key: str, environment: str, digest: str, now: float, words: str
) -> None:
    with pytest.raises(ReleaseError, match=words):
        check_token(token, key, environment, digest, now)


def test_a_short_key_signs_nothing() -> None:
    with pytest.raises(ReleaseError, match="fewer than 32"):
        make_token("short", "production", DIGEST, 0)


@pytest.mark.parametrize(
    "digest", ["", "zzz", DIGEST.upper(), f"{DIGEST}\n", "abc", DIGEST[:16], f"{DIGEST}0"]
)
def test_only_a_plans_digest_is_approved(digest: str) -> None:
    with pytest.raises(ReleaseError, match="not the digest of a plan"):
        make_token(KEY, "production", digest, 0)


@pytest.mark.parametrize("typed", ["", "y", "yes", "Production", "production ", "prod", "staging"])
def test_only_the_exact_name_goes_on(typed: str) -> None:
    with pytest.raises(ReleaseError, match="nothing was done"):
        confirm_typed("production", lambda prompt: typed)


def test_the_exact_name_goes_on() -> None:
    confirm_typed("production", lambda prompt: "production")


def test_audit_lines(tmp_path: Path) -> None:
    path = tmp_path / "new" / "audit.jsonl"
    audit = open_audit(path, {"GATEWAY_RELEASE_ACTOR": "ann", "GATEWAY_RELEASE_APPROVER": "bob"})
    audit.write("apply", "production/eu-west", "started", digest="abc")
    audit.write("apply", "production/eu-west", "healthy")
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["actor"], first["approver"], first["action"]) == ("ann", "bob", "apply")
    assert (first["digest"], second["outcome"]) == ("abc", "healthy")
    assert open_audit(path, {"GATEWAY_RELEASE_ACTOR": "ann"}).approver is None


def chained(path: Path) -> list[bytes]:
    audit = Audit(path, "ann")
    for number in range(4):
        audit.write("apply", f"production/{number}", "started", note="x" * 3000)
    return path.read_bytes().splitlines(keepends=True)


def test_each_line_follows_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    lines = chained(path)
    assert json.loads(lines[0])["previous"] == START
    count, head = verify(path)
    assert count == 4
    Audit(path, "bob").write("apply", "production/5", "started")
    assert verify(path, head)[0] == 5


@pytest.mark.parametrize(
    ("change", "number"),
    [
        pytest.param(lambda at: [at[0], at[1].replace(b"ann", b"bob"), *at[2:]], 3, id="changed"),
        pytest.param(lambda at: [at[0], *at[2:]], 2, id="taken out"),
        pytest.param(lambda at: at[1:], 1, id="the first taken out"),
        pytest.param(lambda at: [at[0], at[2], at[1], at[3]], 2, id="in another order"),
        pytest.param(lambda at: [at[0], at[0], *at[1:]], 2, id="put in"),
        pytest.param(lambda at: [*at, b"{}\n"], 5, id="put in at the end"),
        pytest.param(lambda at: [*at, b"no JSON\n"], 5, id="no line"),
        pytest.param(lambda at: [*at[:3], at[3].rstrip()], 4, id="cut in its last line's end"),
        pytest.param(lambda at: [*at[:3], at[3][:50]], 4, id="cut in its last line"),
    ],
)
def test_a_log_that_was_changed_is_found(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], number: int
) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(change(chained(path))))
    with pytest.raises(ReleaseError, match=rf"audit\.jsonl:{number}: "):
        verify(path)
    result = CliRunner().invoke(app, ["audit", "verify", "--audit-log", str(path)])
    assert result.exit_code == 1


@pytest.mark.parametrize(("text", "words"), [(b"", "is empty"), (None, "cannot be read")])
def test_a_log_that_was_emptied_or_deleted_is_found(
    tmp_path: Path, text: bytes | None, words: str
) -> None:
    path = tmp_path / "audit.jsonl"
    if text is not None:
        path.write_bytes(text)
    result = CliRunner().invoke(app, ["audit", "verify", "--audit-log", str(path)])
    assert (result.exit_code, words in result.output) == (1, True)


def test_without_a_head_it_is_said_that_a_cut_is_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    chained(path)
    command = ["audit", "verify", "--audit-log", str(path)]
    assert "cut off its end is not known" in CliRunner().invoke(app, command).output
    result = CliRunner().invoke(app, [*command, "--head", verify(path)[1]])
    assert (result.exit_code, "not known" in result.output) == (0, False)


def test_a_head_may_be_given_by_its_first_digits(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    chained(path)
    _, head = verify(path)
    assert verify(path, head[:16])[0] == 4
    for short in (head[:15], "", "f" * 16 if head[0] != "f" else "0" * 15 + "1"):
        with pytest.raises(ReleaseError, match="cut or written anew"):
            verify(path, short)


def test_a_log_that_was_cut_is_found_by_a_head_that_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    lines = chained(path)
    _, head = verify(path)
    path.write_bytes(b"".join(lines[:3]))
    assert verify(path)[0] == 3
    with pytest.raises(ReleaseError, match="cut or written anew"):
        verify(path, head)


def test_a_line_that_a_crash_cut_off_is_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(chained(path)) + b'{"time": "2026')
    Audit(path, "ann").write("apply", "production/9", "started")
    assert json.loads(path.read_bytes().splitlines()[-1])["target"] == "production/9"
    with pytest.raises(ReleaseError, match=r"audit\.jsonl:5: not a line"):
        verify(path)


def test_an_approval_that_was_used_is_known(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", "ann")
    assert not audit.is_noted(name_of(TOKEN))
    audit.write("approval", "production", "used", approval=name_of(TOKEN))
    assert audit.is_noted(name_of(TOKEN))
    # What a pipeline's variable adds around it is no other token.
    assert audit.is_noted(name_of(f" {TOKEN}\n"))
    assert not audit.is_noted(name_of(make_token(KEY, "production", DIGEST, now=1000)))
    assert TOKEN not in audit.path.read_text()


def test_nothing_is_done_without_the_audit_log(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="nothing is done without it"):
        Audit(tmp_path, "ann").write("apply", "x", "started")
    assert stat.S_ISDIR(tmp_path.stat().st_mode)
