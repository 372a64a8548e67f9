"""`gateway partner`: what is known of one partner, for whoever talks to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from graphql import GraphQLSchema

from gateway.app.build import Graph
from gateway.app.config import Config
from gateway.app.partner import describe_partner, impacts_for, of_client, views_in_use
from gateway.auth.api_keys import ApiKey, utc_now
from gateway.auth.key_store import KeyStoreError
from gateway.cli.admin import UrlOption
from gateway.cli.against import load_other_with_names, used_by
from gateway.cli.keys import place_of
from gateway.cli.options import (
    ConfigOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
    read_graph,
    report,
)
from gateway.cli.usage import FilesOption, LiveOption, ask_usage, usage_of
from gateway.graph.views.view import SchemaView
from gateway.observe.usage_records import UsageRecords
from gateway.pipeline.view_choice import ViewChoice

app = typer.Typer(help="What is known of a partner.", no_args_is_help=True)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The client, as its keys have it.")],
    files: FilesOption = None,
    live: LiveOption = False,
    url: UrlOption = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="A proposed schema: what it would break for this partner."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Print a partner's keys with their ages, its view, what it uses that is deprecated, and what a change breaks.

    Exit code 1: the proposed schema breaks something for it; 2: nothing can be said. What a client says of itself
    without a proof is not counted for the partner.
    """
    path = config_path(config, None)
    with one_line_errors(path):
        settings, _ = read_config(config, None)
    usage = _usage(settings, files, url, name, live=live or url is not None)
    views = ViewChoice(settings.clients, settings.authorization.default_views)
    partner = describe_partner(name, _keys(settings, path), views, usage, utc_now())
    if not partner["keys"] and not partner["usage"]["requests"] and name not in settings.clients:
        fail(f"nothing is known of {name!r}: no key, no usage and no [clients.{name}]")
    if against is not None:
        with one_line_errors(path):
            partner["breaks"] = _breaks(settings, config, against, partner, of_client(usage, name))
    print(json.dumps(partner, indent=2) if as_json else "\n".join(_lines(partner)))
    raise typer.Exit(1 if partner.get("breaks") else 0)


def _usage(
    settings: Config, files: list[Path] | None, url: str | None, name: str, *, live: bool
) -> UsageRecords:
    if live:
        return ask_usage(settings, url, name)
    if files or settings.telemetry.usage.file is not None:
        return usage_of(settings, files, 0.0)
    return UsageRecords()


def _keys(settings: Config, path: Path | None) -> tuple[ApiKey, ...]:
    if not settings.authentication.api_keys.is_used:
        return ()
    try:
        return place_of(settings, path, None).store.keys().keys
    except (KeyStoreError, ValueError) as exc:
        fail(str(exc))


def _breaks(
    settings: Config,
    config: Path | None,
    against: Path,
    partner: dict[str, Any],
    usage: UsageRecords,
) -> list[dict[str, Any]]:
    """What a proposed schema breaks, in each of the partner's views. Errors: ConfigError."""
    _, graph = read_graph(config, None)
    if graph.schema is None:
        report(graph.errors)
    schema, names = load_other_with_names(against)
    found = []
    for name in views_in_use(partner):
        seen = schema
        if name is not None and name not in settings.views:
            fail(f"a live key has the view {name!r}, which is in no [views.{name}]")
        if name is not None:
            seen = SchemaView(name, schema, settings.views[name], names).schema
        for impact in impacts_for(_schema(graph, name), seen, usage):
            found.append(
                {
                    "view": name,
                    "change": impact.description,
                    "requests": impact.requests,
                    "used": used_by(impact),
                }
            )
    return found


def _schema(graph: Graph, name: str | None) -> GraphQLSchema:
    """What the partner sees now: a view, or the whole."""
    assert graph.schema is not None
    return graph.views[name].schema if name is not None else graph.schema


def _lines(partner: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    usage = partner["usage"]
    yield f"{partner['client']}: view {partner['view'] or 'of the whole schema'}"
    yield "keys:" if partner["keys"] else "keys: none"
    for key in partner["keys"]:
        until = f", ends {key['ends']}" if key["ends"] else ""
        scopes = f", scopes {' '.join(key['scopes'])}" if key["scopes"] else ""
        view = f", view {key['view']}" if key["view"] else ""
        limits = f", limits {key['limits']}" if key["limits"] else ""
        what = f" {key['name']}" if key["name"] else ""
        age = f"{key['age_days']} days old"
        yield f"  {key['id']}{what}: {key['state']}, {age}{until}{scopes}{view}{limits}"
    if usage["requests"]:
        yield f"usage: {usage['requests']} requests, {usage['since']} to {usage['last']}"
    else:
        yield "usage: none"
    if partner["claimed_requests"]:
        yield f"  not counted: {partner['claimed_requests']} requests that only say that they are of it"
    if partner["untold_requests"]:
        yield f"  of {partner['untold_requests']} more it is not told whose they are or what they use"
    for version, one in sorted(usage["versions"].items()):
        yield f"  version {version or '(unsaid)'}: {one['requests']} requests, last {one['last']}"
    for one in usage["deprecated"]:
        yield f"  deprecated {one['coordinate']}: {one['requests']} requests, last {one['last']}"
    for one in partner.get("breaks", ()):
        yield f"breaks: {one['change']} {one['used']}"
    if "breaks" in partner and not partner["breaks"]:
        told = " as far as is known" if partner["untold_requests"] else ""
        yield f"breaks: nothing that it uses{told}"
