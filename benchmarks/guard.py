"""The micro cases of two revisions, in pairs: instructions where the machine counts them, else CPU time.

Never wall time: a guard in CI runs beside others.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.compare import Comparison
from benchmarks.micro.sample import GUARDED
from benchmarks.revisions import checked_out
from benchmarks.stats import median_of_ratios

SAMPLE_S = 0.25
EVENT = "instructions:u"

Measure = Callable[[Path, int, int], float]


def guard(first: str, second: str, pairs: int) -> tuple[str, Iterator[Comparison]]:
    """The unit, and each case as it is ready. Errors: RevisionError, CalledProcessError."""
    counted = counts(EVENT)
    return ("instructions" if counted else "CPU µs"), _compared(first, second, pairs, counted)


def _compared(first: str, second: str, pairs: int, counted: bool) -> Iterator[Comparison]:
    run: Measure = instructions if counted else cpu_us
    with checked_out(first) as before, checked_out(second) as after:
        for number, make in enumerate(GUARDED):
            calls = max(1, int(SAMPLE_S * 1e6 / max(cpu_us(after, number, 3), 0.1)))
            samples: tuple[list[float], list[float]] = ([], [])
            for turn in range(pairs):
                for side in (0, 1) if turn % 2 else (1, 0):
                    samples[side].append(run((before, after)[side], number, calls))
            old, new = (statistics.median(series) for series in samples)
            yield Comparison(make().name, old, new, median_of_ratios(samples[1], samples[0]))


def counts(event: str) -> bool:
    """Whether `perf stat` counts that event here."""
    perf = shutil.which("perf")
    if perf is None:
        return False
    ran = subprocess.run([perf, "stat", "-x,", "-e", event, "true"], capture_output=True, text=True, check=False)  # fmt: skip
    return ran.returncode == 0 and counted(ran.stderr, event) is not None


def counted(report: str, event: str) -> float | None:
    """The count in `perf stat -x,`'s report; None where it says that it could not count."""
    for line in report.splitlines():
        fields = line.split(",")
        if len(fields) > 2 and fields[2].partition(":")[0] == event.partition(":")[0]:
            try:
                return float(fields[0])
            except ValueError:
                return None
    return None


def cpu_us(folder: Path, case: int, calls: int) -> float:
    """CPU µs of one call. Errors: CalledProcessError."""
    return float(_sample([], folder, case, calls).stdout) * 1e6


def instructions(folder: Path, case: int, calls: int, event: str = EVENT) -> float:
    """Of one call: the process's count, without that of the same process that makes no call."""
    perf = ["perf", "stat", "-x,", "-e", event]
    with_calls = counted(_sample(perf, folder, case, calls).stderr, event)
    without = counted(_sample(perf, folder, case, 0).stderr, event)
    if with_calls is None or without is None:
        raise RuntimeError(f"perf stopped counting {event}")
    return (with_calls - without) / calls


def _sample(
    prefix: list[str], folder: Path, case: int, calls: int
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-m", "benchmarks.micro.sample", str(case), str(calls)],
        cwd=folder, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True,
        timeout=120,
    )  # fmt: skip
