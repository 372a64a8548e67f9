"""Compiled plans against the reference: `python -m tests.differential --cases 20000 [--seed N]`.

Without a number of cases, or with --forever, until stopped. Prints each difference with its seed, shrunk,
and ends with 1 when there was one.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
import warnings
from itertools import islice

from graphql import print_schema

from gateway.integrations import operations
from tests.differential.cases import WORLD_SIZE, WORLDS, Case, Tally, check_case, make_cases
from tests.differential.shared import check_shared
from tests.differential.shrink import shrink


def main() -> int:
    options = parse_options()
    operations.COMPILED_FROM = 1  # the first run is on a plan too
    start = options.seed * WORLD_SIZE if options.seed is not None else secrets.randbelow(10**9)
    cases = make_cases(start)
    tally = Tally()
    failed = 0
    # The reference leaves coroutines alone when an error has nulled what they belong to.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    print(f"from world {start // WORLD_SIZE}", flush=True)
    try:
        for case in cases if options.forever else islice(cases, options.cases):
            difference = check_case(case, tally)
            if difference:
                report(case, difference, print_it_all=options.verbose)
            elif shared := check_shared(case, tally):
                difference, other = shared
                print(f"\nworld {case.world}: on a shared plan: {difference}\n  {case}\n  {other}")
            failed += difference is not None
            if failed >= options.stop_after:
                break
            if tally.cases % 1000 == 0 and tally.cases:
                print(tally.line(), flush=True)
    except KeyboardInterrupt:
        pass
    print(tally.line())
    print(f"{failed} differences")
    return 1 if failed else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.differential")
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, help="the world to start from")
    parser.add_argument("--forever", action="store_true")
    parser.add_argument("--stop-after", type=int, default=10, help="differences")
    parser.add_argument("--verbose", action="store_true", help="print the schema too")
    return parser.parse_args()


def kind_of(difference: str | None) -> str | None:
    """What differs, without where: data, errors, what was raised, or whether it was awaited."""
    match = re.match(r"[\w ]+: ([a-z ]+)", difference or "")
    return match and match[1]


def report(case: Case, difference: str, *, print_it_all: bool = False) -> None:
    """Print a difference, with the smallest document that shows one of its kind."""
    small = shrink(
        case, lambda smaller: kind_of(check_case(smaller, Tally())) == kind_of(difference)
    )
    again = check_case(small, Tally()) or difference
    print(f"\nworld {case.world}: {difference}")
    print(f"  shrunk: {again}")
    print(f"  document: {small.text}")
    print(f"  operation {small.operation_name!r}, variables {small.variables!r}", flush=True)
    if print_it_all:
        print(print_schema(WORLDS.get(case.world).schema))


if __name__ == "__main__":
    sys.exit(main())
