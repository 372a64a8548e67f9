"""`gateway map`: a connector's mapping applied to JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import fail, read_file, read_json, read_object, read_text
from gateway.connectors.mapping.explain import run_map
from gateway.connectors.mapping.scanner import MappingSyntaxError


def map_json(
    selection: Annotated[str, typer.Argument(help="A mapping, or @FILE.")],
    data: Annotated[Path | None, typer.Option(help="JSON file; standard input by default.")] = None,
    variables: Annotated[
        Path | None, typer.Option("--vars", help="JSON file: an object of variables, without $.")
    ] = None,
    spec: Annotated[str, typer.Option(help="Version of the language: 0.1 to 0.4.")] = "0.3",
    explain: Annotated[bool, typer.Option("--explain", help="Print what each step saw.")] = False,
) -> None:
    """Apply a connector's mapping to JSON: a playground in the terminal."""
    text = read_text(selection)
    given = read_object(read_file(variables), "--vars") if variables else {}
    if not isinstance(given, dict):
        fail("--vars is not a JSON object")
    read = read_file(data)
    try:
        result = run_map(text, read_json(read, "the data"), given, spec, explain=explain)
    except MappingSyntaxError as exc:
        before = text[: exc.offset]
        line, column = before.count("\n") + 1, exc.offset - before.rfind("\n")
        fail(f"selection:{line}:{column}: {exc.message}\n{_pointed(text, line, column)}", 1)
    except ValueError as exc:
        fail(str(exc))
    for step in result.steps:
        shown = (
            "no value"
            if step.value is ...
            else _shortened(json.dumps(step.value, ensure_ascii=False))
        )
        print(f"{step.line}:{step.column:<4} {step.text:<20} {shown}", file=sys.stderr)
    for problem in result.problems:
        print(f"warning: {problem}", file=sys.stderr)
    if result.has_value:
        print(json.dumps(result.value, ensure_ascii=False, indent=2))
    else:
        print("no value", file=sys.stderr)


def _pointed(text: str, line: int, column: int) -> str:
    """The line of a text with a mark below a column."""
    return f"  {text.splitlines()[line - 1] if text else ''}\n  {' ' * (column - 1)}^"


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"
