"""Every code of a finding is explained, and every explanation is of a code that is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from docs.checks import GROUPS

GATEWAY = Path(__file__).resolve().parents[2] / "gateway"
FOLDERS = ("graph", "connectors/check", "app", "cost", "auth", "transport/http")
WRITERS = ("Diagnostic", "at", "at_offset", "at_text", "_at", "mild", "add", "tell", "_finding")


def texts(folder: str) -> Iterator[str]:
    """Every text of the modules of a folder."""
    for path in (GATEWAY / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def codes() -> set[str]:
    """What is given as a code: `code="X"`, or among the arguments of what makes findings."""
    found = set()
    for folder in FOLDERS:
        for path in (GATEWAY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                given = [k.value for k in node.keywords if k.arg == "code"]
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in WRITERS:
                    given += node.args
                found |= {
                    v.value
                    for v in given
                    if isinstance(v, ast.Constant) and isinstance(v.value, str)
                }
    return {code for code in found if code.isalnum() and code[:1].isupper() and not code.isupper()}


def test_every_code_that_is_given_is_explained() -> None:
    explained = {code for group in GROUPS.values() for code in group}
    assert len(codes()) > 40
    assert codes() - explained == set()


def test_every_code_that_is_explained_is_given() -> None:
    given = {
        text
        for folder in ("graph", "connectors", "app", "cli", "cost", "auth", "transport")
        for text in texts(folder)
    }
    assert {code for group in GROUPS.values() for code in group} - given == set()
