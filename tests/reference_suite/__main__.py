"""graphql-core's own tests with `gateway.integrations.graphql_core` in the place of its functions.

`python -m tests.reference_suite [--version 3.2.14] [arguments of pytest]`. The tests come with graphql-core's
source distribution: pip fetches it, and the wheel of the same version, into a temporary directory that is gone
afterwards. Run are those for execution, subscriptions and incremental delivery. Ends with pytest's exit code.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSIONS = ("3.3.2", "3.2.14")
SUITES = ("tests/execution", "tests/test_star_wars_query.py")
HERE = Path(__file__).parent
# What the drop-in does otherwise, on purpose: docs/execution.md gives the reason of each.
NON_NULL = "tests/execution/test_nonnull.py::describe_execute_handles_non_nullable_types"
SEVERAL = f"{NON_NULL}::describe_handles_multiple_errors_for_a_single_response_position"
DEPARTURES: dict[str, tuple[str, ...]] = {
    "3.3.2": (f"{NON_NULL}::describe_nulls_a_complex_tree_of_nullable_fields_each::throws",),
    "3.2.14": (
        f"{SEVERAL}::nullable_and_non_nullable_root_fields_throw_nested_errors",
        f"{SEVERAL}::nullable_and_non_nullable_nested_fields_throw_nested_errors",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reference_suite")
    parser.add_argument("--version", default=VERSIONS[0], help="of graphql-core")
    options, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as directory:
        sources, packages = fetch(options.version, Path(directory))
        return run(options.version, sources, packages, arguments)


def fetch(version: str, directory: Path) -> tuple[Path, Path]:
    """The unpacked source distribution, and a directory of packages that goes before the installed ones.

    Its wheel is installed for the run: building it would need build tools that nothing else here needs.
    """
    name = f"graphql-core=={version}"
    packages = directory / "packages"
    pip("download", "--no-deps", "--no-binary=graphql-core", f"--dest={directory}", name)
    pip("install", "--no-deps", f"--target={packages}", name)
    pip("install", "--no-deps", f"--target={packages}", "pytest-describe")
    (archive,) = directory.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    return directory / archive.name.removesuffix(".tar.gz"), packages


def pip(*arguments: str) -> None:
    # A constraint that the machine's configuration sets would forbid the other version.
    environment = {**os.environ, "PIP_CONSTRAINT": os.devnull}
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", *arguments[1:]]
    subprocess.run(command, check=True, env=environment)


def run(version: str, sources: Path, packages: Path, arguments: list[str]) -> int:
    """Run the tests in a process of their own: its `tests` package is theirs."""
    paths = [str(packages), str(HERE), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    deselected = [f"--deselect={name}" for name in DEPARTURES.get(version, ())]
    suites = [] if any(not name.startswith("-") for name in arguments) else SUITES
    command = [sys.executable, "-m", "pytest", "-p", "substitute", "-q", *deselected]
    return subprocess.run([*command, *arguments, *suites], cwd=sources, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
