"""docs/testing.md: its project and its tests are saved as a reader would save them, and pass."""

from __future__ import annotations

from pathlib import Path

from tests.support.pages import code_blocks, save_files
from tests.testing.test_clients import run_pytest


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    names = save_files("testing.md", tmp_path)
    assert {"schema.graphql", "gateway.toml", "test_posts.py"} <= set(names)
    languages = ("graphql", "toml", "python", "yaml")
    blocks = [text for language, text in code_blocks("testing.md") if language in languages]
    assert len(blocks) == len(names)
    found = run_pytest(tmp_path)
    tests = sum(text.count("\ndef test_") for text in blocks)
    assert f"{tests} passed" in found.stdout, found.stdout + found.stderr
