"""What a process that tries the files says of them, whatever the Python in them prints or does."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.reload.inputs import Origin
from gateway.app.reload.start import errors_of_start
from tests.app.conftest import Project

NOISE = 'import os, atexit\nprint("hello")\nos.write(1, b"raw")\natexit.register(print, "bye")\n'


def with_python(project: Project, text: str) -> Origin:
    file = Path(project.folder, f"{project.resolvers}.py")
    file.write_text(text + file.read_text())
    return Origin(project.config)


async def test_what_python_prints_is_no_part_of_the_report(project: Project) -> None:
    assert await errors_of_start(with_python(project, NOISE)) == []
    broken = with_python(project, "\nraise RuntimeError('it is broken')\n")
    (error,) = await errors_of_start(broken)
    assert "it is broken" in error
    assert f"{project.resolvers}.py" in error


@pytest.mark.parametrize("code", [0, 3])
async def test_a_process_that_ends_without_a_report_has_not_found_the_files_good(
    project: Project, code: int
) -> None:
    text = f"import os\nos.write(1, b'before the end')\nos._exit({code})\n"
    (error,) = await errors_of_start(with_python(project, text))
    assert error == f"gateway check ended with {code}, and without a report: before the end"
