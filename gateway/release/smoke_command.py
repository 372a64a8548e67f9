"""`gateway release smoke`: ask a region the queries that its gate asks, or suggest queries from the schema."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import typer

from gateway.app.build import build_graph
from gateway.app.config import load_config
from gateway.errors import ConfigError
from gateway.release.health import Monitor
from gateway.release.model import ReleaseError, Target
from gateway.release.smoke import Suggestion, suggest


def ask_all(target: Target, say: Callable[[str], None], monitor: Monitor | None = None) -> None:
    """Ask each smoke query of a region once. Errors: typer.Exit(1) when one is not answered as it should be."""
    if target.smoke is None:
        raise ReleaseError(f"{target} has no `smoke` URL in targets.yaml")
    monitor, failed = monitor or Monitor(), 0
    for query in target.gate.smoke_queries:
        problem = monitor.smoke(target, query)
        failed += problem is not None
        say(f"{'failed' if problem else 'ok'}: {' '.join(query.split())}")
        if problem:
            say(f"  {problem}")
    if failed:
        raise typer.Exit(1)


def suggest_for(config: Path, queries: Sequence[str], say: Callable[[str], None]) -> None:
    """Print `smokeQueries` for the sources that none of these queries reaches.

    Errors: ReleaseError when the schema cannot be served.
    """
    try:
        settings = load_config(config)
        graph = build_graph(settings, config.parent, os.environ)
    except ConfigError as exc:
        raise ReleaseError(exc.render()) from exc
    if graph.errors or graph.schema is None or graph.bound is None:
        raise ReleaseError(f"{config}: the schema has errors; `gateway check` lists them")
    names = sorted({*graph.bound.base_urls, *settings.sources})
    for line in as_yaml(suggest(graph.schema, names, queries)):
        say(line)


def as_yaml(found: Iterable[Suggestion]) -> list[str]:
    """Lines for targets.yaml; what a person has to write is a comment."""
    by_query: dict[str, list[str]] = {}
    comments = []
    for item in found:
        if item.query is not None:
            by_query.setdefault(item.query, []).append(item.source)
        elif item.fields:
            known = ", ".join(item.fields[:5])
            comments.append(f"  # {item.source}: give an argument that exists to one of: {known}")
        else:
            comments.append(
                f"  # {item.source}: no connector calls it; write a query for the Python that does"
            )
    lines = [f"  - '{query}'  # {', '.join(names)}" for query, names in by_query.items()]
    if not lines and not comments:
        return ["# every source is reached by a smoke query"]
    return ["smokeQueries:", *lines, *comments]
