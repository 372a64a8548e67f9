"""`gateway profile`: where an operation's time goes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import (
    AppOption,
    ConfigOption,
    OperationOption,
    QueryArgument,
    SchemaOption,
    VariablesOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
    read_text,
    read_variables,
)
from gateway.cli.progress import working


def profile(
    query: QueryArgument,
    config: ConfigOption = None,
    schema: SchemaOption = None,
    operation: OperationOption = None,
    variables: VariablesOption = "{}",
    runs: Annotated[
        int | None,
        typer.Option("-n", min=0, help="Runs after the first; 50 by default, 0 for a mutation."),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", help="Request header of each run: `name: value`."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Profile the gateway at this URL instead of one in this process."),
    ] = None,
    app: AppOption = None,
    context: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:NAME",
            help="What makes the resolvers' context for each run of a framework's schema.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write an HTML page.")] = None,
) -> None:
    """Run an operation repeatedly and show where its time goes."""
    from gateway.profile import command
    from gateway.profile.measure import ProfileError

    given = read_variables(variables)
    if html is not None and not html.parent.is_dir():
        fail(f"--html {html}: cannot be written: there is no folder {html.parent}")
    try:
        asked = command.make_operation(read_text(query), given, operation, header or ())
        number = command.runs_of(asked, runs)
        # Looking at the code runs the operation again and again: never what writes.
        samples = html is not None and not command.is_write(asked)
        if context is not None and app is None:
            fail("--context is for --strawberry, --ariadne and --graphene")
        if url is not None:
            with working(f"{number + 1} runs"):
                found = asyncio.run(command.profile_at(url, asked, number))
        elif app is not None:
            with one_line_errors():
                run = command.profile_app(app, asked, number, samples=samples, context=context)
                with working(f"{number + 1} runs"):
                    found = asyncio.run(run)
        else:
            with one_line_errors(config_path(config, schema)):
                settings, base = read_config(config, schema)
                run = command.profile_here(settings, base, asked, number, samples=samples)
                with working(f"{number + 1} runs"):
                    found = asyncio.run(run)
        command.show(found, html)
    except ProfileError as exc:
        fail(str(exc), exc.exit_code)
