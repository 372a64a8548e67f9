"""`gateway schema`: the schema that clients see, or that of the configuration."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from graphql import print_schema

from gateway.app.config import config_json_schema
from gateway.cli.options import (
    ConfigOption,
    SchemaOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
    read_graph,
    report,
)
from gateway.graph.builtin import COMMON, CONNECTORS
from gateway.graph.sdl import find_schema_files, load_sdl
from gateway.graph.subgraph_sdl import subgraph_sdl
from gateway.graph.views.check import INVALID_VIEW


def print_api_schema(
    config: ConfigOption = None,
    schema: SchemaOption = None,
    config_schema: Annotated[
        bool, typer.Option("--config-schema", help="Print the JSON Schema of gateway.toml instead.")
    ] = False,
    directives: Annotated[
        bool,
        typer.Option(
            "--directives",
            help="Print the definitions of @source, @connect and others, for editors.",
        ),
    ] = False,
    view: Annotated[
        str | None,
        typer.Option("--view", metavar="NAME", help="Print what the clients of a view see."),
    ] = None,
    subgraph: Annotated[
        bool,
        typer.Option("--subgraph", help="Print what a router composes: the schema's own text."),
    ] = False,
) -> None:
    """Print the schema that clients see, without connector directives."""
    if directives:
        print((CONNECTORS + COMMON).strip())
        return
    if config_schema:
        print(json.dumps(config_json_schema(), indent=2))
        return
    if subgraph:
        with one_line_errors(config_path(config, schema)):
            loaded, base = read_config(config, schema)
            print(subgraph_sdl(load_sdl(find_schema_files(loaded.graph.schema, base))))
        return
    with one_line_errors(config_path(config, schema)):
        _, graph = read_graph(config, schema)
    if graph.schema is None:
        report(graph.errors)
    if view is None:
        print(print_schema(graph.schema))
        return
    if view not in graph.views:
        fail(f"there is no view {view!r}; configured: {', '.join(graph.views) or 'none'}")
    if wrong := [finding for finding in graph.errors if finding.code == INVALID_VIEW]:
        report(wrong)
    print(print_schema(graph.views[view].schema))
