"""A schema whose `stats` and `Video` move from PHP to REST, over played backends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.app.config import build_config
from gateway.testing import FakeSource, GatewayClient

LINK = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])'
SOURCES = """
  @source(name: "php", http: { baseURL: "http://php.test" })
  @source(name: "rest", http: { baseURL: "http://rest.test" })
"""
STATS = """
type Query {
  stats: Stats
    @connect(source: "php", http: { GET: "/stats.php" }, selection: "views likes")
    @connect(source: "rest", http: { GET: "/stats" }, selection: "views: total.views likes: total.likes")
    @override(from: "php", label: "%s")
  version: String @connect(source: "php", http: { GET: "/version.php" }, selection: "$.version")
    @connect(source: "rest", http: { GET: "/version" }, selection: "$.v")
    @override(from: "php", label: "version")
  videos: [Video] @connect(source: "php", http: { GET: "/videos.php" }, selection: "id old")
}
type Stats { views: Int likes: Int }
type Video
  @connect(source: "php", http: { GET: "/video.php", queryParams: "id: $batch.id" }, selection: "id title length")
  @connect(source: "rest", http: { GET: "/videos", queryParams: "id: $batch.id" }, selection: "id title: name length")
  @override(from: "php", label: "video")
{
  id: ID!
  old: String
  title: String
  length: Int
  author: String
    @connect(source: "rest", http: { GET: "/author", queryParams: "title: $this.title" }, selection: "$.name")
}
"""
PHP = {
    "GET /stats.php": {"views": 1, "likes": 2},
    "GET /version.php": {"version": "php"},
    "GET /videos.php": [{"id": 1, "old": "o1"}, {"id": 2, "old": "o2"}],
    "GET /video.php?id=1&id=2": [
        {"id": 1, "title": "php 1", "length": 10},
        {"id": 2, "title": "php 2", "length": 20},
    ],
    "GET /video.php?id=2": [{"id": 2, "title": "php 2", "length": 20}],
}
REST = {
    "GET /stats": {"total": {"views": 10, "likes": 20}},
    "GET /version": {"v": "rest"},
    "GET /videos?id=1&id=2": [
        {"id": 1, "name": "rest 1", "length": 10},
        {"id": 2, "name": "rest 2", "length": 20},
    ],
    "GET /author": lambda call: {"name": f"of {call.query['title']}"},
}
LABELS: Mapping[str, bool | str] = {"version": False, "video": False}


def served(
    folder: Path,
    label: str = "percent(50)",
    *,
    labels: Mapping[str, bool | str] = LABELS,
    php: Mapping[str, Any] = PHP,
    rest: Mapping[str, Any] | FakeSource = REST,
    python: str = "",
    sdl: str | None = None,
    override: Mapping[str, Any] | None = None,
    tables: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> GatewayClient:
    """The gateway over played backends.

    Args:
        folder: For the schema.
        label: Of `Query.stats`.
        labels: `[override.labels]`.
        php: What the old source answers.
        rest: What the new source answers.
        python: The text of a module of resolvers.
        sdl: In place of the schema.
        override: More of `[override]`.
        tables: More of the configuration.
        env: Of the gateway.
    """
    text = sdl if sdl is not None else LINK + SOURCES + STATS % label
    (folder / "schema.graphql").write_text(text)
    graph: dict[str, Any] = {"schema": ["schema.graphql"]}
    if python:
        name = f"labels_of_{folder.name}".replace("-", "_")
        (folder / f"{name}.py").write_text(python)
        graph["resolvers"] = name
    whole = {
        "graph": graph,
        "override": {"labels": dict(labels), **(override or {})},
        "logs": {"access": "off"},
        **(tables or {}),
    }
    return GatewayClient(
        build_config(whole), base=folder, sources={"php": php, "rest": rest}, env=env or {}
    )
