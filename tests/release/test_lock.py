"""What the image installs is named file by file: each package that the gateway needs, by version and hash."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import cast

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.e2e.test_wheel import NAME

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "deploy" / "image"
EXTRAS = frozenset({"http2", "redis"})
PYTHONS = ("3.11.0", "3.12.0", "3.13.0", "3.14.0")


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


def needed_by(python: str) -> set[str]:
    """The names of all that the gateway needs under a version of Python."""
    environment: dict[str, str] = {
        **cast("dict[str, str]", default_environment()),
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
    }
    asked: set[tuple[str, frozenset[str]]] = set()
    waiting = [(NAME, EXTRAS)]
    while waiting:
        item = waiting.pop()
        if item in asked:
            continue
        asked.add(item)
        try:
            texts = distribution(item[0]).requires or ()
        except PackageNotFoundError:  # it needs nothing here, where another Python runs
            continue
        for wanted in map(Requirement, texts):
            extras = [{**environment, "extra": extra} for extra in ("", *item[1])]
            if wanted.marker is None or any(wanted.marker.evaluate(each) for each in extras):
                waiting.append((wanted.name, frozenset(wanted.extras)))
    return {name for name, _ in asked}


def test_all_that_the_gateway_needs_is_in_it_at_the_versions_of_the_constraints() -> None:
    constraints = {
        plain(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    }  # fmt: skip
    wanted = {plain(name) for python in PYTHONS for name in needed_by(python)} - {NAME}
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
