"""The tests of Strawberry, Ariadne and Graphene themselves, with their executor swapped for ours.

`python -m tests.framework_suites strawberry|ariadne|graphene [--sources PATH] [arguments of pytest]`. They run twice,
as they are and swapped; told is what passes only as it is, and how much of what ran was compiled. Every run is
compiled at once, so that as much as can be is. pip fetches the framework with what its tests need into a temporary
directory that is gone afterwards, git its tests, which no source distribution has; `--sources` is a checkout that is
there already, or a directory of git. `--version` is of the framework that is tested, with the tests of the tag all the
same. Ends with 1, when less than the target passes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
MAX_FALLBACKS = 0.05


@dataclass(frozen=True)
class Suite:
    """A framework's tests.

    Attributes:
        requirement: The framework and its version.
        more: What its tests need beside what this project's own do.
        repository: Where its tests are.
        tag: Of the version there.
        paths: Of the tests that execute something.
        without: Options that leave out what needs more, or is no test of execution.
        target: The part of what passes unswapped that has to pass swapped.
    """

    requirement: str
    more: tuple[str, ...]
    repository: str
    tag: str
    paths: tuple[str, ...]
    without: tuple[str, ...]
    target: float


SUITES = {
    "strawberry": Suite(
        requirement="strawberry-graphql==0.324.0",
        more=(
            *("pytest-mock", "pytest-snapshot", "inline-snapshot", "freezegun", "pytest-emoji"),
            *("email-validator", "pygments", "libcst", "markupsafe", "pydantic", "python-dateutil"),
            *("asgiref", "pyinstrument"),
        ),
        repository="https://github.com/strawberry-graphql/strawberry",
        tag="0.324.0",
        paths=(
            *("tests/schema", "tests/federation", "tests/relay", "tests/extensions"),
            *("tests/experimental", "tests/types", "tests/fields", "tests/objects", "tests/enums"),
            *("tests/test_dataloaders.py", "tests/test_info.py"),
        ),
        without=("--ignore=tests/experimental/pydantic",),
        target=0.99,
    ),
    "ariadne": Suite(
        requirement="ariadne==1.1.1",
        more=("pytest-mock", "freezegun", "syrupy", "werkzeug", "markupsafe", "python-dateutil"),
        repository="https://github.com/mirumee/ariadne",
        tag="1.1.1",
        paths=("tests",),
        without=("--ignore=tests/sqlalchemy",),
        target=0.99,
    ),
    "graphene": Suite(
        requirement="graphene==3.4.3",
        more=("graphql-core==3.2.14", "graphql-relay", "six", "python-dateutil", "pytest-mock"),
        repository="https://github.com/graphql-python/graphene",
        tag="v3.4.3",
        paths=("graphene",),
        without=(),
        target=0.98,
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.framework_suites")
    parser.add_argument("framework", choices=SUITES)
    parser.add_argument("--sources", type=Path, help="a checkout of its repository, or a git dir")
    parser.add_argument("--version", default="", help="another version of the framework")
    parser.add_argument(
        "--graphql-core", default="", help="another version of it than is installed"
    )
    options, arguments = parser.parse_known_args()
    suite = SUITES[options.framework]
    if options.version:
        name = suite.requirement.partition("==")[0]
        suite = replace(suite, requirement=f"{name}=={options.version}")
    with TemporaryDirectory() as name:
        directory = Path(name)
        packages = directory / "packages"
        fetch_packages(suite, packages, options.graphql_core)
        sources = fetch_sources(suite, options.sources, directory)
        if options.framework not in suite.paths:  # what is installed is tested
            shutil.rmtree(sources / options.framework)
        runs = {
            executor: play(options.framework, executor, sources, packages, directory, arguments)
            for executor in ("own", "swapped")
        }
    return judge(suite, runs["own"], runs["swapped"])


def fetch_sources(suite: Suite, given: Path | None, directory: Path) -> Path:
    """The framework's tests, in a directory of their own."""
    sources = directory / "sources"
    if given is not None and (given / "objects").is_dir():
        take_from_git(given, suite.tag, sources)
    elif given is not None:
        shutil.copytree(given, sources)
    else:
        clone = ("git", "clone", "-q", "--depth=1", f"--branch={suite.tag}", suite.repository)
        subprocess.run([*clone, str(sources)], check=True)
    return sources


def take_from_git(repository: Path, tag: str, sources: Path) -> None:
    """The files of a tag of a directory of git, which may have no work tree; of its head, where it lacks the tag."""
    git = ("git", f"--git-dir={repository}")
    has_tag = subprocess.run([*git, "rev-parse", "-q", "--verify", tag], capture_output=True)
    commit = tag if has_tag.returncode == 0 else "HEAD"
    archive = sources.with_suffix(".tar")
    subprocess.run([*git, "archive", f"--output={archive}", commit], check=True)
    shutil.unpack_archive(archive, sources, filter="data")


def fetch_packages(suite: Suite, packages: Path, graphql_core: str) -> None:
    """Install the framework and what its tests need, without touching what is installed."""
    more = (*suite.more, f"graphql-core=={graphql_core}") if graphql_core else suite.more
    pip("install", f"--target={packages}", suite.requirement, *more)


def pip(*arguments: str) -> None:
    # A constraint that the machine's configuration sets would forbid other versions.
    environment = {**os.environ, "PIP_CONSTRAINT": os.devnull}
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", *arguments[1:]]
    subprocess.run(command, check=True, env=environment)


def play(
    framework: str,
    executor: str,
    sources: Path,
    packages: Path,
    directory: Path,
    arguments: list[str],
) -> dict[str, dict[str, float | str]]:
    """Run the tests in a process of their own: the outcome of each, and what ran on graphql-core."""
    report = directory / f"{executor}.json"
    paths = [str(packages), str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "FRAMEWORK": framework,
        "EXECUTOR": executor,
        "REPORT": str(report),
    }
    suite = SUITES[framework]
    chosen = () if any(not name.startswith("-") for name in arguments) else suite.paths
    command = [sys.executable, "-m", "pytest", "-p", "swap", "-q", "--no-header", "-p", "no:xdist"]
    command += [
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
        "--benchmark-disable",
        "-W",
        "ignore",
        *suite.without,
        *arguments,
        *chosen,
    ]
    subprocess.run(command, cwd=sources, env=environment)
    found: dict[str, dict[str, float | str]] = json.loads(report.read_text())
    return found


def judge(
    suite: Suite, own: dict[str, dict[str, float | str]], swapped: dict[str, dict[str, float | str]]
) -> int:
    """Print what passes only as it is, and how much was compiled; the exit code."""
    passing = [name for name, outcome in own["outcomes"].items() if outcome == "passed"]
    lost = [name for name in passing if swapped["outcomes"].get(name) != "passed"]
    for name in lost:
        print(f"  only as it is: {name}")
    part = 1 - len(lost) / max(1, len(passing))
    executions = float(swapped["counts"].pop("executions"))
    fallbacks = sum(float(count) for count in swapped["counts"].values())
    for reason, count in sorted(swapped["counts"].items(), key=lambda item: -float(item[1])):
        print(f"{int(count):6} {reason}")
    print(f"{len(passing) - len(lost)} of {len(passing)} pass swapped: {part:.2%}")
    print(
        f"{int(fallbacks)} of {int(executions)} executions fell back: {fallbacks / max(1, executions):.2%}"
    )
    return 0 if part >= suite.target and fallbacks <= MAX_FALLBACKS * executions else 1


if __name__ == "__main__":
    sys.exit(main())
