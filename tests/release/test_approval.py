"""A token approves one plan of one environment, for an hour, and nothing else."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from gateway.release.approval import check_token, confirm_typed, make_token
from gateway.release.audit import Audit, open_audit
from gateway.release.model import ReleaseError

KEY = "k" * 32
TOKEN = make_token(KEY, "production", "abc", now=1000)


def test_a_token_is_good_for_its_plan() -> None:
    check_token(TOKEN, KEY, "production", "abc", now=1000 + 3600)


@pytest.mark.parametrize(
    ("token", "key", "environment", "digest", "now", "words"),
    [
        (TOKEN, KEY, "production", "abd", 1000, "another plan"),
        (TOKEN, KEY, "staging", "abc", 1000, "another plan"),
        (TOKEN, "x" * 32, "production", "abc", 1000, "another plan"),
        (TOKEN, KEY, "production", "abc", 1000 + 3601, "expired"),
        ("9" + TOKEN, KEY, "production", "abc", 1000, "another plan"),
        ("", KEY, "production", "abc", 1000, "malformed"),
        ("yes", KEY, "production", "abc", 1000, "malformed"),
        (TOKEN, "", "production", "abc", 1000, "fewer than 32"),
    ],
)
def test_a_token_is_good_for_nothing_else(
    token: str, key: str, environment: str, digest: str, now: float, words: str
) -> None:
    with pytest.raises(ReleaseError, match=words):
        check_token(token, key, environment, digest, now)


def test_a_short_key_signs_nothing() -> None:
    with pytest.raises(ReleaseError, match="fewer than 32"):
        make_token("short", "production", "abc", 0)


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


def test_nothing_is_done_without_the_audit_log(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="nothing is done without it"):
        Audit(tmp_path, "ann").write("apply", "x", "started")
    assert stat.S_ISDIR(tmp_path.stat().st_mode)
