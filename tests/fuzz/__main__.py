"""`python -m tests.fuzz NAME --seconds 600`: one target under atheris (`pip install atheris`), steered by coverage.

An input that breaks something is written to the folder that is printed, and the exit code is not 0; `--input FILE`
runs it again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

NAMES = ("reader", "request", "negotiation", "web-socket", "literals")


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=Path)
    options = parser.parse_args()
    if options.input is not None:
        from tests.fuzz.targets import TARGETS

        TARGETS[options.name].run(options.input.read_bytes())
        return
    try:
        import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        parser.exit(2, "tests.fuzz: atheris is not installed: pip install atheris\n")
    with atheris.instrument_imports(include=["gateway", "graphql.language"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[options.name]
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{options.name}-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    print(f"fuzzing {options.name} for {options.seconds} s; what breaks it goes to {folder}")
    arguments = [
        f"-max_total_time={options.seconds}",
        f"-seed={options.seed}",
        f"-artifact_prefix={folder}/",
        "-max_len=2000",
        "-timeout=10",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], target.run)
    atheris.Fuzz()


main()
