"""What the image installs is named file by file: each package that the gateway needs, by version and hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.test_wheel import NAME, needed

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "deploy" / "image"
EXTRAS = frozenset({"http2", "redis"})


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(file: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes by name."""
    text = (FOLDER / file).read_text()
    found = re.findall(r"^([\w.-]+)==([^\s;]+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)  # fmt: skip
    rest = re.sub(
        r"^[\w.-]+==.*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+",
        "",
        text,
        flags=re.MULTILINE,
    )
    assert not [line for line in rest.splitlines() if line and not line.startswith("#")]
    return {plain(name): (version, hashes.count("--hash")) for name, version, hashes in found}


@pytest.mark.parametrize("file", ["runtime.txt", "build.txt"])
def test_each_file_has_its_hash_and_no_host_is_named(file: str) -> None:
    assert len(locked(file)) >= 30
    assert "://" not in (FOLDER / file).read_text()


def test_all_that_the_gateway_needs_is_in_it_at_the_versions_of_the_constraints() -> None:
    constraints = {
        plain(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    }  # fmt: skip
    asked: set[tuple[str, frozenset[str]]] = set()
    waiting = [(NAME, EXTRAS)]
    while waiting:
        item = waiting.pop()
        if item not in asked:
            asked.add(item)
            waiting += needed(*item)
    wanted = {plain(name) for name, _ in asked} - {NAME}
    versions = locked("runtime.txt")
    assert wanted - versions.keys() == set(), "make lock writes them"
    differ = {
        name for name, (version, _) in versions.items() if constraints.get(name, version) != version
    }
    assert not differ, "make lock takes the versions of constraints.txt"


def test_the_image_installs_nothing_else() -> None:
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    fetched = re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^&\n]*", text)
    assert len(fetched) == 4
    for command in fetched:
        assert "--require-hashes" in command or "--no-index" in command, command
        assert "--no-deps" in command
