"""The gateway of another git revision, beside the suite of this one."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load.contestants import REPOSITORY

HERE = "."


class RevisionError(Exception):
    """Git does not know the revision."""


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A folder from which `import gateway` gives that revision's; "." is the work tree as it is.

    `benchmarks` in it is this revision's suite, so that both sides are asked the same.
    Errors: RevisionError.
    """
    with tempfile.TemporaryDirectory(prefix="bench-revision-") as name:
        folder = Path(name)
        if revision == HERE:
            (folder / "gateway").symlink_to(REPOSITORY / "gateway")
        else:
            packed = subprocess.run(
                ["git", "archive", "--format=tar", revision, "gateway"],
                cwd=REPOSITORY, capture_output=True, check=False,
            )  # fmt: skip
            if packed.returncode != 0:
                raise RevisionError(packed.stderr.decode().strip())
            # `tarfile` has no filters before Python 3.11.4.
            subprocess.run(["tar", "-x", "-C", name], input=packed.stdout, check=True)
        (folder / "benchmarks").symlink_to(REPOSITORY / "benchmarks")
        yield folder
