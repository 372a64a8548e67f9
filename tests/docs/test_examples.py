"""Each project of `examples/` as it is: its own tests pass, and the checks find nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.php_server import php_program

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROJECTS = sorted(path.parent.name for path in EXAMPLES.glob("*/gateway.toml"))


def called(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A module of Python in a project's folder, as its user calls it there, with the packages in `installed`."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(folder / "installed"),
    }
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110
    )


def install(package: Path, into: Path) -> None:
    """Install a package, built by what is here: nothing is fetched."""
    command = ["pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(into), str(package)]  # fmt: skip
    done = called(package, *command)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("project", PROJECTS)
def test_an_example_passes_its_checks_and_its_own_tests(project: str, tmp_path: Path) -> None:
    if project == "php" and php_program() is None:
        pytest.skip("PHP is not installed")
    folder = shutil.copytree(EXAMPLES / project, tmp_path / project)
    for package in folder.glob("*/pyproject.toml"):
        install(package.parent, folder / "installed")
    checked = called(folder, "gateway", "check")
    assert checked.returncode == 0, checked.stderr
    assert "0 errors, 0 warnings" in checked.stderr
    tested = called(folder, "pytest", "-q", "-p", "no:cacheprovider")
    assert tested.returncode == 0, tested.stdout
    assert re.search(r"\b[2-9] passed", tested.stdout), tested.stdout
    assert "skipped" not in tested.stdout


def test_there_are_eight_and_a_page_leads_to_each() -> None:
    page = (EXAMPLES / "README.md").read_text()
    assert re.findall(r"\]\((\w+)/README\.md\)", page) == ["rest", "php", "migration", "loaders", "subscriptions", "partners", "fastapi", "plugin"]  # fmt: skip
    assert len(PROJECTS) == 8
