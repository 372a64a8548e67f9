"""The command line: `gateway init | dev | serve | check | reload | test | schema | plan | profile | map | keys |
audit | cache | migrate | experiment | usage | partner | documents | release`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, ClassVar

import typer

from gateway.cli.lazy import LazyCommand, LazyGroup


class GatewayCommands(LazyGroup):
    """The commands, in the order of the help."""

    places: ClassVar[Mapping[str, LazyCommand]] = {
        "init": LazyCommand(
            "gateway.cli.init:init",
            "Write a small project: configuration, schema, a test, an image, editor settings.",
        ),
        "dev": LazyCommand(
            "gateway.cli.dev.command:dev",
            "Serve with reload for development: errors are unmasked and timings are on.",
        ),
        "serve": LazyCommand(
            "gateway.cli.serve:serve", "Serve GraphQL over HTTP. For development use `gateway dev`."
        ),
        "check": LazyCommand(
            "gateway.cli.check:check",
            "Check configuration, schema, connectors and resolvers; exit code 1 when something is wrong.",
        ),
        "reload": LazyCommand(
            "gateway.cli.reload:reload",
            "Have a running server serve its files as they are now, without a restart.",
        ),
        "test": LazyCommand(
            "gateway.cli.test:run_suites",
            "Run connector tests: which request is sent, and what an answer maps to. Nothing is sent.",
        ),
        "schema": LazyCommand(
            "gateway.cli.schema:print_api_schema",
            "Print the schema that clients see, without connector directives.",
        ),
        "plan": LazyCommand(
            "gateway.cli.plan:plan",
            "Print how an operation would be executed: its fields by kind, its fetches, its code.",
        ),
        "profile": LazyCommand(
            "gateway.cli.profile:profile",
            "Run an operation repeatedly and show where its time goes.",
        ),
        "map": LazyCommand(
            "gateway.cli.map:map_json",
            "Apply a connector's mapping to JSON: a playground in the terminal.",
        ),
        "usage": LazyCommand(
            "gateway.cli.usage:usage",
            "Print which types, fields, arguments, input fields and enum values clients use, and how often.",
        ),
        "keys": LazyCommand("gateway.cli.keys:app", "API keys of partners."),
        "partner": LazyCommand("gateway.cli.partner:app", "What is known of a partner."),
        "documents": LazyCommand("gateway.cli.documents:app", "Trusted documents of applications."),
        "audit": LazyCommand("gateway.cli.audit:app", "The audit log."),
        "cache": LazyCommand("gateway.cli.cache:app", "Answers of sources that are kept."),
        "migrate": LazyCommand(
            "gateway.cli.migrate:app", "Move fields from one source to another."
        ),
        "experiment": LazyCommand(
            "gateway.cli.experiment:app", "What came of the variants of a flag."
        ),
        "release": LazyCommand(
            "gateway.release.cli:app",
            "Release the gateway to one environment, region by region, with rollback.",
        ),
    }


app = typer.Typer(
    name="gateway",
    cls=GatewayCommands,
    help="A GraphQL gateway that compiles each operation to one Python function.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def say_version(is_asked: bool) -> None:
    """Print the version and end, when it is asked for."""
    if is_asked:
        print(f"gateway {version('compiled-graphql-gateway')}, Python {sys.version.split()[0]}")
        raise typer.Exit


@app.callback()
def options(
    is_asked: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=say_version,
            is_eager=True,
            help="Print the version and end.",
        ),
    ] = False,
) -> None:
    """A GraphQL gateway that compiles each operation to one Python function."""
