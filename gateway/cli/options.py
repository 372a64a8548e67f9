"""What the commands have in common: their options, what they read, and how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from gateway import json_bytes
from gateway.app.config import Config, read_config_text
from gateway.app.mistakes import error_lines
from gateway.app.reload.inputs import Origin
from gateway.errors import ConfigError, Diagnostic
from gateway.settings.text_file import decoded, read_text_file

if TYPE_CHECKING:
    from gateway.app.build import Graph

CONFIG_FILE = Path("gateway.toml")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Configuration file; by default gateway.toml, if it exists and --schema is not given.",
    ),
]
SchemaOption = Annotated[
    list[Path] | None,
    typer.Option("--schema", "-s", help="Schema files or folders, instead of the configuration's."),
]
MockOption = Annotated[
    bool,
    typer.Option("--mock", help="Answer with made-up values; no backend or resolver is called."),
]
QueryArgument = Annotated[
    str, typer.Argument(help="A GraphQL document, or @FILE, or - for standard input.")
]
AppOption = Annotated[
    str | None,
    typer.Option(
        "--strawberry",
        "--ariadne",
        "--graphene",
        metavar="MODULE:NAME",
        help="A schema of one of these, instead of the configuration's.",
    ),
]
OperationOption = Annotated[
    str | None, typer.Option(help="Name of the operation, where the document has several.")
]
VariablesOption = Annotated[str, typer.Option(help="Variables as JSON, or @FILE.")]


def fail(message: str, code: int = 2) -> NoReturn:
    """Say what is wrong and end."""
    print(f"gateway: {message}", file=sys.stderr)
    raise typer.Exit(code)


def config_path(config: Path | None, schema: list[Path] | None) -> Path | None:
    """The configuration file that is read: a schema by itself takes none along."""
    return CONFIG_FILE if config is None and not schema and CONFIG_FILE.exists() else config


@contextmanager
def one_line_errors(path: Path | None = None) -> Iterator[None]:
    """End with a line on standard error for each mistake, and exit code 2, on a ConfigError.

    Args:
        path: The configuration file, where an error that names only a key is to be found.
    """
    try:
        yield
    except ConfigError as exc:
        for line in error_lines(exc, path):
            print(f"gateway: {line}", file=sys.stderr)
        raise typer.Exit(2) from exc


def read_config(config: Path | None, schema: list[Path] | None) -> tuple[Config, Path]:
    """The configuration, and the folder that its relative paths start from.

    Errors: ConfigError when there is neither a configuration nor a schema.
    """
    origin, text = _read_origin(config, schema)
    return origin.parse(text, os.environ), origin.base


def _read_origin(config: Path | None, schema: list[Path] | None) -> tuple[Origin, str]:
    origin = origin_for(config, schema)
    return origin, read_config_text(origin.config) if origin.config is not None else ""


def origin_for(config: Path | None, schema: list[Path] | None) -> Origin:
    """Where the configuration and the schema are. Errors: ConfigError when there is neither."""
    path = config_path(config, schema)
    if path is None and not schema:
        raise ConfigError(
            "there is no gateway.toml here",
            hint="give --config FILE or --schema FILE; gateway init NAME makes a project",
        )
    return Origin(path, tuple(schema or ()))


def read_graph(
    config: Path | None, schema: list[Path] | None, *, is_served: bool = False, mock: bool = False
) -> tuple[Config, Graph]:
    """What is looked at and not served: a schema without a configuration may lack what one will give."""
    from gateway.app.build import (
        build_graph,  # most of the gateway: not for commands that build none
    )

    origin, text = _read_origin(config, schema)
    settings, idle = origin.parse(text, os.environ), origin.idle(text, os.environ)
    is_whole = is_served or config_path(config, schema) is not None
    # What a command prints is for programs too: what a resolver's module prints when it is imported is no part of it.
    with redirect_stdout(sys.stderr):
        graph = build_graph(settings, origin.base, os.environ, is_served=is_whole, mock=mock)
    graph.findings[:0] = idle
    return settings, graph


def report(errors: list[Diagnostic], code: int = 1) -> NoReturn:
    """Print findings and end."""
    for error in errors:
        print(error.render(), file=sys.stderr)
    raise typer.Exit(code)


def counted(number: int, noun: str) -> str:
    """`2 errors`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def read_text(argument: str) -> str:
    """An argument that is a text, `@FILE`, or `-`."""
    if argument == "-":
        return _standard_input()
    return read_file(Path(argument[1:])) if argument.startswith("@") else argument


def read_file(path: Path | None) -> str:
    """A file's text, or that of standard input; ends with one line when it cannot be read."""
    if path is None:
        return _standard_input()
    try:
        return read_text_file(path, "file")
    except ConfigError as exc:
        fail(exc.render())


def _standard_input() -> str:
    try:
        return decoded(sys.stdin.buffer.read(), "standard input")
    except ConfigError as exc:
        fail(exc.render())


def read_json(text: str, what: str) -> Any:
    """A JSON value; ends with one line when it is none."""
    try:
        return json_bytes.read_json(text.encode())
    except json_bytes.NotJSONError as exc:
        fail(f"{what} is not JSON: {exc}")


def read_variables(argument: str) -> dict[str, Any]:
    """The variables of `VariablesOption`; ends with one line when they are no JSON object."""
    return read_object(read_text(argument), "--variables")


def read_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object; ends with one line when it is none."""
    found = read_json(text, what)
    if not isinstance(found, dict):
        fail(f'{what} is no JSON object: write it as \'{{"id": "v1"}}\'')
    return found
