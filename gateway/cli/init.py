"""`gateway init`: a small project that runs at once."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.dev.command import dev
from gateway.cli.options import fail, one_line_errors


def init(
    name: Annotated[
        str | None, typer.Argument(help="A new folder; this one by default.", metavar="[NAME]")
    ] = None,
    rest: Annotated[
        str | None,
        typer.Option(
            "--rest",
            metavar="URL",
            help="A first field from a REST service: GET this URL and derive types from the response.",
        ),
    ] = None,
    php: Annotated[
        str | None,
        typer.Option(
            "--php", metavar="URL", help="A first field from a PHP page, read with the PHP dialect."
        ),
    ] = None,
    python: Annotated[
        bool, typer.Option("--python", help="A first field in Python; the default.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--dev", help="Serve it at once, as `gateway dev` does.")
    ] = False,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            "-H",
            help="Sent to the URL: `name: value`. The project reads it from the environment.",
        ),
    ] = None,
) -> None:
    """Write a small project: configuration, schema, a test, an image, editor settings."""
    from gateway.scaffold.backend import ask
    from gateway.scaffold.project import http_files, python_files, variable_of, write_files

    url = rest or php
    if (rest is not None) + (php is not None) + python > 1:
        fail("give one of --rest, --php and --python")
    headers = _headers(header or (), url)
    folder = Path(name or ".")
    title = folder.resolve().name
    with one_line_errors():
        if url is None:
            files = python_files(title)
        else:
            backend = ask(url, headers, is_php=php is not None)
            files = http_files(title, backend, url, headers, is_php=php is not None)
        left = write_files(folder, files)
    for path in sorted(files.keys() - set(left)):
        print(folder / path)
    for path in left:
        print(f"gateway: {folder / path} is left as it was", file=sys.stderr)
    for item in headers:
        print(f"gateway: export {variable_of(item)} before you start it", file=sys.stderr)
    if serve:
        dev(folder)
    else:
        print(f"\ngateway dev{f' {name}' if name else ''}", file=sys.stderr)


def _headers(given: list[str] | tuple[str, ...], url: str | None) -> dict[str, str]:
    """Header fields of the command line by name."""
    if given and url is None:
        fail("--header goes with --rest or --php")
    found = {}
    for header in given:
        name, colon, value = header.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", name.strip()):
            fail(f"--header {name}: write it as `name: value`")
        found[name.strip().lower()] = value.strip()
    return found
