"""`python -m tests.flags.gherkin FOLDER`: run every feature file below a folder that a provider alone can answer.

FOLDER is a checkout of open-feature/spec or open-feature/flagd-testbed, or holds both.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.flags.gherkin.suite import SUITE


def run_suite(folder: str, options: list[str]) -> int:
    """Run it by pytest, whose exit code is this."""
    os.environ[SUITE] = str(Path(folder).resolve())
    scenarios = Path(__file__).with_name("scenarios.py")
    plain = [
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:rerunfailures",
        "-r",
        "s",
        "--tb=line",
    ]
    plain += [
        "-q",
        "-o",
        "addopts=",
        "-W",
        "ignore::pytest.PytestUnknownMarkWarning",
    ]  # tags are marks
    return int(pytest.main([str(scenarios), *plain, *options]))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("give the folder with the feature files")
    sys.exit(run_suite(sys.argv[1], sys.argv[2:]))
