"""The wheel: what `pip install` puts into an empty environment serves the README's first two commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gateway.transport.http import graphiql

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "compiled-graphql-gateway"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (found,) = folder.glob("*.whl")
    return found


def needed(name: str, extras: frozenset[str] = frozenset()) -> Iterator[tuple[str, frozenset[str]]]:
    """What a distribution needs here, itself included."""
    yield name, extras
    for text in distribution(name).requires or ():
        wanted = Requirement(text)
        marker = wanted.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            yield wanted.name, frozenset(wanted.extras)


def closure(name: str) -> dict[str, Distribution]:
    """All that `pip install NAME` puts into an environment, by normalized name."""
    found: dict[str, Distribution] = {}
    asked: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, frozenset[str]())]
    while waiting:
        item = waiting.pop()
        if item not in asked:
            asked.add(item)
            found[re.sub(r"[-_.]+", "-", item[0]).lower()] = distribution(item[0])
            waiting += needed(*item)
    return found


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that holds the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for name, dist in closure(NAME).items():
        if name == NAME:
            continue
        for file in dist.files or ():
            target = site / file
            if ".." not in file.parts and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(Path(str(dist.locate_file(file))))
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps",
         "--no-index", "--disable-pip-version-check", str(wheel)],
        check=True,
    )  # fmt: skip
    return folder / "bin"


def test_graphiql_and_the_templates_are_inside(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "gateway/scaffold/files/python/resolvers.py.txt" in names
    assert "gateway/py.typed" in names
    if graphiql.is_installed():
        assert {f"gateway/transport/{folder.name}/{name}" for name, (folder, _) in graphiql.FILES.items()} <= names  # fmt: skip
    assert not [name for name in names if name.startswith(("tests/", "demo/", "benchmarks/"))]


def test_no_test_tools_come_with_it() -> None:
    tools = {"pytest", "hypothesis", "mypy", "ruff", "trustme", "jsonschema", "hatchling"}
    assert not tools & closure(NAME).keys()


def test_the_readmes_two_commands(programs: Path, tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().partition("## Install")[2]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[:1]
    install, init, dev = [line.partition("#")[0].split() for line in block.splitlines()]
    assert install == ["pip", "install", NAME]
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    subprocess.run(init, cwd=tmp_path, env=env, check=True, capture_output=True)
    process = subprocess.Popen(
        [*dev, "--port", "0"], cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.match(r"gateway: (http://\S+); Ctrl-C ends it", line)
        assert found, line + process.stderr.read() if process.poll() is not None else line
        request = urllib.request.Request(
            found[1],
            b'{"query": "{ posts { title author { name } } }"}',
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            posts = json.load(answer)["data"]["posts"]
        assert posts[0] == {"title": "A second post", "author": {"name": "Ada"}}
    finally:
        process.terminate()
        process.wait(30)
        assert process.stderr is not None
        process.stderr.close()
    origin = subprocess.run(
        [programs / "python", "-c", "import gateway; print(gateway.__file__)"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert origin.stdout.startswith(str(programs.parent))
