"""One sample of one case in a process of its own: `python -m benchmarks.micro.sample CASE CALLS`.

Prints the CPU seconds of one call. CALLS 0 does everything but the calls: what a counter from outside
has to subtract.
"""

from __future__ import annotations

import gc
import sys

from benchmarks.micro.cases import CASES, Case, check
from benchmarks.micro.served import SERVED
from benchmarks.micro.timing import timed

GUARDED = (*CASES, *SERVED)


def main() -> None:
    number, calls = int(sys.argv[1]), int(sys.argv[2])
    case = GUARDED[number]()
    if isinstance(case, Case):
        check(case)
    timed(case.ours, 3)
    gc.freeze()
    print(timed(case.ours, calls) if calls else 0.0)


if __name__ == "__main__":
    main()
