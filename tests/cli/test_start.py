"""What a server loads, and what its collector of garbage looks at, before it has answered anything."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app.build import without_collector

UNUSED = ("cryptography", "httpx", "pygments", "rich")
SERVE = """
import sys
from gateway.cli.app import GatewayCommands
from gateway.cli.lazy import loaded_command
loaded_command("serve", GatewayCommands.places["serve"])
"""
LOADED = f"print(*(name for name in {UNUSED!r} if name in sys.modules))"
BUILD = """
import os, pathlib
from gateway.app.gateway import Gateway
from gateway.app.reload.inputs import Origin
Gateway.load(Origin(pathlib.Path("gateway.toml")), os.environ)
"""


def loaded(script: str, folder: Path) -> list[str]:
    """Which of UNUSED a process has loaded behind a script."""
    command = [sys.executable, "-c", script + LOADED]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_server_without_certificates_and_python_loads_nothing_for_them(tmp_path: Path) -> None:
    assert loaded(SERVE, tmp_path) == []


def test_what_resolvers_call_with_is_loaded_before_they_are_called(tmp_path: Path) -> None:
    tmp_path.joinpath("gateway.toml").write_text(
        '[graph]\nschema = ["s.graphql"]\nresolvers = "own"\n'
    )
    tmp_path.joinpath("s.graphql").write_text("type Query { a: Int }")
    text = "from gateway import resolver\n@resolver('Query.a')\ndef a(parent, context): return 1\n"
    tmp_path.joinpath("own.py").write_text(text)
    assert "httpx" in loaded(SERVE + BUILD, tmp_path)


def test_what_a_start_makes_is_set_aside_from_the_collector() -> None:
    frozen = gc.get_freeze_count()
    try:
        with without_collector(sets_aside=True):
            assert not gc.isenabled()
            made = [[]]  # type: ignore[var-annotated]
        assert gc.isenabled()
        assert gc.get_freeze_count() > frozen
        assert not any(item is made for item in gc.get_objects())
    finally:
        gc.unfreeze()


def test_a_start_that_fails_sets_nothing_aside() -> None:
    frozen = gc.get_freeze_count()
    with pytest.raises(ValueError, match="no"), without_collector(sets_aside=True):
        raise ValueError("no")
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
