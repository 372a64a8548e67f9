"""`gateway check --against`: what a schema changes for clients, by what they use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLSchema, Node

from gateway.app.config import Config
from gateway.cli.options import counted, fail
from gateway.cli.usage import begin_of, usage_of
from gateway.errors import Diagnostic
from gateway.graph.accepted import accepted
from gateway.graph.builtin import view_names
from gateway.graph.schema import require_schema
from gateway.graph.sdl import find_schema_files, load_sdl, place_of
from gateway.observe.impact import SchemaImpact, find_impacts
from gateway.observe.usage_records import UsageClient, UsageRecords
from gateway.telemetry.metrics import OTHER

MOST_CLIENTS = 10
BREAKING = "BreakingChange"


@dataclass(frozen=True, slots=True)
class TrafficRules:
    """When a change counts as breaking.

    Attributes:
        usage: Files; without any, every breaking change does.
        min_requests: Used in so many requests at least.
        min_percent: And in so many percent of all requests.
        period: Of so long before now, `7d`; None for all that the files have.
        excluded: Names of clients that do not count.
    """

    usage: Sequence[Path] = ()
    min_requests: int = 1
    min_percent: float = 0.0
    period: str | None = None
    excluded: Sequence[str] = ()


def changes_against(
    config: Config, new: GraphQLSchema, against: Path, rules: TrafficRules
) -> list[Diagnostic]:
    """A finding for each change that is not safe: an error where it breaks somebody. Errors: ConfigError."""
    old = load_other(against)
    records = traffic_of(config, rules) if rules.usage else None
    impacts = find_impacts(old, new, records, rules.excluded)
    findings = [_finding(impact, new, records, rules) for impact in impacts]
    untold = records.untold(rules.excluded) if records is not None else 0
    if untold and any(one.code == BREAKING and one.severity != "error" for one in findings):
        fail(
            f"of {counted(untold, 'request')} the usage does not tell who used what (limits in telemetry.usage): "
            f"nothing can be said by it; --exclude-client {OTHER} goes by the rest"
        )
    return findings


def load_other(path: Path) -> GraphQLSchema:
    """The schema of a file or folder that is not the project's. Errors: ConfigError."""
    return load_other_with_names(path)[0]


def load_other_with_names(path: Path) -> tuple[GraphQLSchema, dict[str, str]]:
    """The same, and what its directives of views are called. Errors: ConfigError."""
    document, _ = accepted(load_sdl(find_schema_files([path])))
    return require_schema(document), view_names(document)


def traffic_of(config: Config, rules: TrafficRules) -> UsageRecords:
    """What clients use; ends the command where there is nothing to go by: a check that sees nothing finds nothing."""
    records = usage_of(config, list(rules.usage), begin_of(rules.period))
    if not requests_of(records, rules.excluded):
        fail("the usage has no request of this period and these clients: nothing can be said by it")
    return records


def requests_of(records: UsageRecords, excluded: Sequence[str]) -> int:
    """How many requests count."""
    return sum(
        record.requests for one, record in records.by_client.items() if one.name not in excluded
    )


def _finding(
    impact: SchemaImpact, new: GraphQLSchema, records: UsageRecords | None, rules: TrafficRules
) -> Diagnostic:
    severity, used = "note", ""
    if impact.is_breaking and records is None:
        severity = "error"
    elif impact.is_breaking and records is not None:
        share = 100 * impact.requests / requests_of(records, rules.excluded)
        used = f" {used_by(impact)}"
        if impact.requests >= max(1, rules.min_requests) and share >= rules.min_percent:
            severity = "error"
    code = BREAKING if impact.is_breaking else "DangerousChange"
    place = place_of(_node(impact, new))
    return Diagnostic(f"{impact.description}{used}", code, *place, severity=severity)


def used_by(impact: SchemaImpact) -> str:
    """Whom a change hits, for people."""
    if not impact.hits:
        return "No client uses it."
    hits = sorted(impact.hits.items(), key=lambda hit: -hit[1])
    names = [f"{_name(client)} {count}" for client, count in hits[:MOST_CLIENTS]]
    more = len(hits) - len(names)
    names += [f"and {more} more"] if more else []
    requests = f"{impact.requests} request{'' if impact.requests == 1 else 's'}"
    return f"{requests}: {', '.join(names)}."


def _name(client: UsageClient) -> str:
    unproven = "(unproven)" if client.name and not client.is_proven else ""
    return " ".join(one for one in (client.name or "(unnamed)", client.version, unproven) if one)


def _node(impact: SchemaImpact, new: GraphQLSchema) -> Node | None:
    """Where a change stands in the new schema: the type that it is of, if that is left."""
    for coordinate in impact.coordinates:
        type_ = new.get_type(coordinate.partition(".")[0])
        if type_ is not None and type_.ast_node is not None:
            return type_.ast_node
    return None
