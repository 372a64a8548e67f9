"""`python -m benchmarks COMMAND`: measure the gateway beside its peers on this machine."""

from __future__ import annotations

import argparse
import sys

from benchmarks import commands


def main() -> int:
    """Run one command of the suite; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands.add_to(parser.add_subparsers(required=True, metavar="COMMAND"))
    options = parser.parse_args()
    options.command_line = "python -m benchmarks " + " ".join(sys.argv[1:])
    code: int = options.run(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
