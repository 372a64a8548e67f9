"""A schema with fields that flags decide, over played backends that answer what they were asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.app.config import build_config
from gateway.testing import GatewayClient

LINK = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])'
SDL = (
    LINK
    + """
  @source(name: "php", http: { baseURL: "http://php.test" })
  @source(name: "rest", http: { baseURL: "http://rest.test" })
type Query {
  stats: Stats
    @connect(source: "php", http: { GET: "/stats.php" }, selection: "views")
    @connect(source: "rest", http: { GET: "/stats" }, selection: "views: total")
    @override(from: "php", label: "flag:new-stats")
  search(q: String): [Hit]
    @connect(
      source: "rest"
      http: { GET: "/search", queryParams: "q: $args.q sort: $flags.ranking" }
      selection: "id note: $flags.note"
    )
  version: String @connect(source: "php", http: { GET: "/version.php" }, selection: "$.version")
}
type Mutation {
  order(id: ID!): String @connect(source: "rest", http: { POST: "/orders", body: "$args { id }" }, selection: "$.id")
}
type Stats { views: Int }
type Hit { id: ID! note: String }
"""
)
SOURCES = {
    "php": {"GET /stats.php": {"views": 1}, "GET /version.php": {"version": "php"}},
    "rest": {
        "GET /stats": {"total": 10},
        "GET /search": lambda call: [{"id": call.query["sort"]}],
        "POST /orders": {"id": "o1"},
    },
}
ON_OFF = {"on": True, "off": False}
DEFAULTS = {"ranking": "by-date", "note": ""}


def flag(variants: Mapping[str, Any], default: str | None, targeting: Any = None) -> dict[str, Any]:
    """A flag in flagd's format."""
    found: dict[str, Any] = {"state": "ENABLED", "variants": variants, "defaultVariant": default}
    return found if targeting is None else {**found, "targeting": targeting}


def for_tenant(tenant: str, then: str) -> dict[str, Any]:
    """A rule: a variant for one tenant."""
    return {"if": [{"===": [{"var": "tenant"}, tenant]}, then, None]}


FLAGS = {
    "new-stats": flag(ON_OFF, "off", for_tenant("a", "on")),
    "ranking": flag({"date": "by-date", "score": "by-score"}, "date", for_tenant("a", "score")),
    "note": flag({"none": ""}, "none"),
}


def write_flags(folder: Path, flags: Mapping[str, Any], **more: Any) -> Path:
    """The file of flags."""
    path = folder / "flags.json"
    path.write_text(json.dumps({"flags": flags, **more}))
    return path


def served(
    folder: Path,
    *,
    flags: Mapping[str, Any] | None = FLAGS,
    settings: Mapping[str, Any] | None = None,
    sdl: str = SDL,
    python: str = "",
    tables: Mapping[str, Any] | None = None,
    sources: Any = SOURCES,
    headers: Mapping[str, str] | None = None,
) -> GatewayClient:
    """The gateway over played backends.

    Args:
        folder: For its files.
        flags: Of the file; None for none.
        settings: More of `[flags]`.
        sdl: In place of the schema.
        python: The text of a module of resolvers.
        tables: More of the configuration.
        sources: In place of the backends.
        headers: Sent with each request.
    """
    (folder / "schema.graphql").write_text(sdl)
    graph: dict[str, Any] = {"schema": ["schema.graphql"]}
    if python:
        name = f"python_of_{folder.name}".replace("-", "_")
        (folder / f"{name}.py").write_text(python)
        graph["resolvers"] = name
    own: dict[str, Any] = {"context": {"tenant": "header:x-tenant"}, "defaults": DEFAULTS}
    if flags is not None:
        own["file"] = write_flags(folder, flags).name
    whole = {
        "graph": graph,
        "flags": {**own, **(settings or {})},
        "override": {"anonymous_id": "header:x-visitor"},
        "logs": {"access": "off"},
        **(tables or {}),
    }
    return GatewayClient(build_config(whole), base=folder, sources=sources, headers=headers)
