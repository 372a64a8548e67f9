"""`gateway check`: configuration, schema, connectors and resolvers, for people, for programs and for GitHub."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.app.build import Graph
from gateway.app.config import Config
from gateway.app.gateway import Gateway
from gateway.app.mistakes import place_in_config
from gateway.cli.against import TrafficRules, changes_against
from gateway.cli.failures import meeting_place
from gateway.cli.options import (
    CONFIG_FILE,
    ConfigOption,
    MockOption,
    SchemaOption,
    config_path,
    counted,
    fail,
    origin_for,
    read_graph,
)
from gateway.cli.progress import working
from gateway.errors import ConfigError, Diagnostic
from gateway.transport.server.key_pair import KEYS, load_served_pair
from gateway.transport.server.settings import TlsSettings
from gateway.upstream.reach import find_unreachable


class ReportFormat(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    github = "github"


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="A project's folder, a configuration file (.toml), or schema files and folders."
        ),
    ] = None,
    config: ConfigOption = None,
    schema: SchemaOption = None,
    n_plus_one: Annotated[
        bool, typer.Option("--n-plus-one", help="Only list the N+1 paths, with the fix.")
    ] = False,
    reach: Annotated[
        bool,
        typer.Option("--reach", help="Also connect to every source from here; no request is sent."),
    ] = False,
    start: Annotated[
        bool,
        typer.Option(
            "--start",
            help="Also make what a start makes on this machine: logs, keys, certificates, brokers. No port is taken.",
        ),
    ] = False,
    mock: MockOption = False,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", help="Also find what this schema changes for clients of that one."
        ),
    ] = None,
    usage: Annotated[
        list[Path] | None,
        typer.Option(
            "--usage", help="With --against: a change breaks only what is used; several times."
        ),
    ] = None,
    min_requests: Annotated[
        int, typer.Option("--min-requests", min=1, help="Used in so many requests at least.")
    ] = 1,
    min_percent: Annotated[
        float,
        typer.Option("--min-percent", min=0, max=100, help="And in so many percent of all."),
    ] = 0.0,
    period: Annotated[
        str | None, typer.Option("--period", help="Only usage of this time: 7d, 24h.")
    ] = None,
    exclude_client: Annotated[
        list[str] | None,
        typer.Option("--exclude-client", help="A client that does not count; several times."),
    ] = None,
    form: Annotated[
        ReportFormat,
        typer.Option("--format", help="For people, programs, or GitHub's annotations."),
    ] = ReportFormat.text,
) -> None:
    """Check configuration, schema, connectors and resolvers; exit code 1 when something is wrong.

    Exit code 2 means that a mistake prevented the other checks. With --n-plus-one, each path found counts as
    an error; other errors are printed too. With --against, so does each change that breaks clients: with --usage,
    those that use what it changes.
    """
    rules = TrafficRules(usage or (), min_requests, min_percent, period, exclude_client or ())
    if against is None and rules != TrafficRules():
        fail("what clients use says nothing of one schema: give another one, --against SCHEMA")
    paths = [one / CONFIG_FILE if (one / CONFIG_FILE).is_file() else one for one in paths or ()]
    for one in paths:
        if one.is_file() and one.suffix not in (".toml", ".graphql", ".graphqls", ".gql"):
            fail(f"{one} is neither a configuration (.toml) nor a schema (.graphql)")
    files = [path for path in paths if path.suffix == ".toml"]
    if len(files) > 1 or (files and config):
        fail("there can be one configuration file")
    config = files[0] if files else config
    schema = [*(schema or ()), *(path for path in paths if path.suffix != ".toml")]
    try:
        with working("checking"):
            settings, graph = read_graph(config, schema, is_served=start, mock=mock)
            of_pair = _findings_of_pair(settings.server.tls, config_path(config, schema))
            unreachable = reach_sources(settings, graph) if reach and not graph.errors else []
            changes: list[Diagnostic] = []
            if against is not None and graph.schema is not None:
                changes = changes_against(settings, graph.schema, against, rules)
            if start and not graph.errors:
                changes += check_start(settings, graph, origin_for(config, schema).base, mock=mock)
    except ConfigError as exc:
        path = config_path(config, schema)
        errors = [_found(place_in_config(one, path)) for one in (exc, *exc.others)]
        if form is ReportFormat.text:
            for error in (exc, *exc.others):
                print(f"gateway: {error.render()}", file=sys.stderr)
        else:
            _print(errors, form)
        raise typer.Exit(2) from exc
    findings = [*graph.findings, *of_pair, *unreachable, *changes]
    if n_plus_one:
        findings = [f for f in findings if f.code == "NPlusOne" or f.severity == "error"]
    _print(findings, form)
    is_wrong = _count(findings, "error") or (n_plus_one and findings)
    raise typer.Exit(1 if is_wrong else 0)


def check_start(
    settings: Config, graph: Graph, base: Path, *, mock: bool = False
) -> list[Diagnostic]:
    """Make what a start makes, and close it again. Errors: ConfigError."""
    with meeting_place(settings.server.workers), redirect_stdout(sys.stderr):
        gateway = Gateway(settings, base, os.environ, mock=mock, graph=graph)
        try:
            refused = asyncio.run(gateway.check_start())
        finally:
            graph.threads.shutdown(wait=False)
    return [
        Diagnostic(
            why,
            "TrustedDocument",
            severity="warning",
            hint="release the schema that it is of, or retire it",
        )
        for why in refused.values()
    ]


def reach_sources(settings: Config, graph: Graph) -> list[Diagnostic]:
    """A finding for each source that cannot be reached from here. Errors: ConfigError."""
    assert graph.bound is not None
    found = asyncio.run(find_unreachable(graph.bound.base_urls, settings.sources))
    hint = "its URL, its name in the DNS, and whether the network lets this machine connect"
    return [
        Diagnostic(f"the source {name}: {why}", "SourceUnreachable", hint=hint)
        for name, why in found.items()
    ]


def _findings_of_pair(tls: TlsSettings, path: Path | None) -> list[Diagnostic]:
    """What is to be said of the listener's certificate; one that cannot be served is a mistake. Errors: ConfigError."""
    if tls.cert is None:
        return []
    place = place_in_config(ConfigError("", key=KEYS[0]), path)
    found = load_served_pair(tls.cert, tls.key).findings()
    return [replace(finding, file=place.file, line=place.line) for finding in found]


def _found(exc: ConfigError) -> Diagnostic:
    """A mistake that ended the check, as one of its findings."""
    text = ": ".join(part for part in (exc.key, exc.problem) if part)
    return Diagnostic(text, "", exc.file, exc.line, exc.column, exc.hint)


def _count(findings: Sequence[Diagnostic], severity: str) -> int:
    return sum(finding.severity == severity for finding in findings)


def _print(findings: Sequence[Diagnostic], form: ReportFormat) -> None:
    errors, warnings = _count(findings, "error"), _count(findings, "warning")
    if form is ReportFormat.json:
        found = [asdict(finding) for finding in findings]
        print(json.dumps({"findings": found, "errors": errors, "warnings": warnings}, indent=2))
        return
    for finding in findings:
        print(finding.render() if form is ReportFormat.text else annotation(finding))
    print(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}", file=sys.stderr)


def annotation(finding: Diagnostic) -> str:
    """A finding as a line that GitHub shows beside the code.

    Source: GitHub's workflow commands, `::error file=…,line=…,col=…,title=…::message`.
    """
    command = {"error": "error", "warning": "warning"}.get(finding.severity, "notice")
    places = {
        "file": finding.file,
        "line": finding.line,
        "col": finding.column,
        "title": finding.code or None,
    }
    where = ",".join(
        f"{name}={_escaped(str(value), ':,')}" for name, value in places.items() if value
    )
    text = finding.message + (f" ({finding.hint})" if finding.hint else "")
    return f"::{command}{' ' + where if where else ''}::{_escaped(text, '')}"


def _escaped(text: str, more: str) -> str:
    """The text with `%`, line ends, and in a property `:` and `,`, as their codes."""
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
