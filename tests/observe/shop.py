"""A project whose schema has something of every kind that usage tells apart."""

from __future__ import annotations

from pathlib import Path

SDL = """
directive @loud(volume: Int) on FIELD
interface Node { id: ID! }
type Video implements Node { id: ID! title(short: Boolean): String old: String @deprecated }
type Person implements Node { id: ID! }
enum Color { RED BLUE @deprecated }
input Filter { color: Color text: String @deprecated within: [Filter!] }
type Query { videos(filter: Filter, colors: [Color!], first: Int): [Video] node(id: ID!): Node plain: Int }
type Subscription { changed(filter: Filter): Video }
"""
RESOLVERS = """
from gateway import resolver, subscription


@resolver("Query.videos", vary=())
def videos(parent, context, **arguments):
    return [{"id": "1", "title": "Cats", "old": "o"}]


@resolver("Query.node", vary=())
def node(parent, context, id):
    return {"__typename": "Video", "id": id}


@resolver("Query.plain", vary=())
def plain(parent, context):
    return 1


@resolver("Video.title", vary=())
def title(parent, context, short=None):
    return "Cats"


@subscription("Subscription.changed")
async def changed(root, context, filter=None):
    yield {"id": "1"}
"""


def save_usage_shop(folder: Path, more: str = "") -> Path:
    """The project's configuration file."""
    (folder / "schema.graphql").write_text(SDL)
    (folder / "usage_resolvers.py").write_text(RESOLVERS)
    path = folder / "gateway.toml"
    path.write_text(
        '[graph]\nschema = "schema.graphql"\nresolvers = "usage_resolvers"\n[logs]\naccess = "off"\n'
        f"[telemetry.metrics]\nport = 0\n{more}"
    )
    return path
