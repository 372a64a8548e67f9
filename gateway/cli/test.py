"""`gateway test`: suites of connector tests, in the YAML that `rover connector test` reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app.build import build_graph
from gateway.cli.options import (
    ConfigOption,
    SchemaOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
    report,
)
from gateway.connectors.bind import BoundConnectors
from gateway.suites.model import Outcome, Suite
from gateway.suites.read import read_suite
from gateway.suites.report import junit_report
from gateway.suites.run import run_case

PATTERNS = ("*.connector.yaml", "*.connector.yml", "*.connectors.yaml", "*.connectors.yml")


def run_suites(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Suites, or folders of them; tests by default.")
    ] = None,
    config: ConfigOption = None,
    schema: SchemaOption = None,
    junit: Annotated[Path | None, typer.Option(help="Also write a JUnit report.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only print what fails.")] = False,
) -> None:
    """Run connector tests: which request is sent, and what an answer maps to. Nothing is sent.

    Exit code 1 when a test fails, 2 when a suite or its schema cannot be read.
    """
    with one_line_errors():
        suites = [read_suite(file) for file in _suites(paths or [])]
    results: dict[str, tuple[Suite, Sequence[Outcome]]] = {}
    for suite in suites:
        given = schema or ([suite.schema] if suite.schema is not None else None)
        bound, flags = _bound(config, given, str(suite.file))
        outcomes = [
            Outcome(case) if case.skip else run_case(bound, case, flags) for case in suite.cases
        ]
        results[str(suite.file)] = suite, outcomes
        _print(suite.name, outcomes, quiet=quiet)
    if junit is not None:
        try:
            junit.write_bytes(junit_report(results))
        except OSError as exc:
            fail(f"--junit {junit}: cannot be written: {exc.strerror}")
    every = [outcome for _, outcomes in results.values() for outcome in outcomes]
    if not every:
        fail(f"{', '.join(results)}: no test stands in it")
    failed = sum(bool(outcome.failures) for outcome in every)
    skipped = sum(outcome.case.skip for outcome in every)
    passed = len(every) - failed - skipped
    print(f"{passed} passed, {failed} failed, {skipped} skipped", file=sys.stderr)
    raise typer.Exit(1 if failed else 0)


def _suites(paths: list[Path]) -> list[Path]:
    """The files of suites, sorted."""
    files = [path for path in paths if not path.is_dir()]
    for folder in [path for path in paths if path.is_dir()] if paths else [Path("tests")]:
        files += sorted({file for pattern in PATTERNS for file in folder.rglob(pattern)})
    if not files:
        where = ", ".join(map(str, paths)) or "tests"
        fail(f"there is no suite in {where} (its name ends in .connector.yaml)")
    return files


def _bound(
    config: Path | None, schema: list[Path] | None, suite: str
) -> tuple[BoundConnectors, Mapping[str, Any]]:
    """The connectors of a suite's schema, with the addresses that stand in it; and what flags are by default."""
    path = config_path(config, None)
    if path is None and not schema:
        fail(f"{suite}: config.schema is missing (or give --schema)")
    with one_line_errors(path):
        settings, base = read_config(path, None if path is not None else schema)
        sources = {name: replace(source, url=None) for name, source in settings.sources.items()}
        graph = settings.graph
        if schema:
            graph = replace(graph, schema=tuple(str(item.resolve()) for item in schema))
        whole = replace(settings, sources=sources, graph=graph)
        built = build_graph(whole, base, os.environ)
    if built.bound is None or built.errors:
        report(built.errors, 2)
    return built.bound, settings.flags.defaults


def _print(name: str, outcomes: Sequence[Outcome], *, quiet: bool) -> None:
    lines: list[str] = []
    for outcome in outcomes:
        case = outcome.case
        if outcome.failures:
            lines.append(f"  FAIL {case.name} ({case.place})")
            lines += [f"       {failure}" for failure in outcome.failures]
        elif not quiet:
            lines.append(f"  {'skip' if case.skip else 'ok  '} {case.name}")
    if lines:
        print("\n".join([name, *lines]))
