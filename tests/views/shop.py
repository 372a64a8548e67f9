"""A schema of which views hide every kind of thing: all that is hidden has "secret" in its name."""

from __future__ import annotations

from pathlib import Path

SDL = """
directive @loud(secretLevel: Int = 1 @inaccessible, volume: Int) on FIELD

interface Node { id: ID! secretRank: Int @inaccessible }

type Video implements Node {
  id: ID!
  title: String
  color: Color
  owner: Person
  secretRank: Int @inaccessible
  secretCost: Int @tag(name: "internal")
  secretPlan: SecretPlan
}

type Person implements Node { id: ID! name: String secretRank: Int @inaccessible }

type SecretPlan implements Node @tag(name: "internal") { id: ID! secretRank: Int name: String }

union Hit = Video | Person | SecretPlan

enum Color { RED BLUE SECRET_GREEN @tag(name: "internal") }

enum SecretMode @inaccessible { SECRET_ON SECRET_OFF }

input Filter {
  text: String
  color: Color = SECRET_GREEN
  within: [Filter!]
  secretFlag: Boolean! = true @inaccessible
  secretMode: SecretMode = SECRET_OFF
}

type Query {
  node(id: ID!): Node
  nodes: [Node!]
  hits(filter: Filter, secretMode: SecretMode = SECRET_ON, limit: Int = 3): [Hit]
  echo(filter: Filter, color: Color, secretNote: String = "noted" @tag(name: "internal")): String
  color(which: String): Color
  colors: [Color]
  video: Video
  plain(n: Int): String
  secretPlans: [SecretPlan]
  secretCount: Int @inaccessible
}

type Mutation {
  rename(id: ID!, name: String!): Video
  secretErase(id: ID!): Boolean @tag(name: "internal")
}

type Subscription {
  changed: Hit
  secretChanged: Int @inaccessible
}
"""

# What the clients of the view see, written by hand.
SEEN = """
directive @loud(volume: Int) on FIELD

interface Node { id: ID! }
type Video implements Node { id: ID! title: String color: Color owner: Person }
type Person implements Node { id: ID! name: String }
union Hit = Video | Person
enum Color { RED BLUE }
input Filter { text: String color: Color within: [Filter!] }
type Query {
  node(id: ID!): Node
  nodes: [Node!]
  hits(filter: Filter, limit: Int = 3): [Hit]
  echo(filter: Filter, color: Color): String
  color(which: String): Color
  colors: [Color]
  video: Video
  plain(n: Int): String
}
type Mutation { rename(id: ID!, name: String!): Video }
type Subscription { changed: Hit }
"""

RESOLVERS = '''
from gateway import resolver, subscription

VIDEO = {"__typename": "Video", "id": "v1", "title": "Cats", "color": "RED", "secretCost": 5, "secretRank": 1}
PERSON = {"__typename": "Person", "id": "p1", "name": "Ann", "secretRank": 2}
PLAN = {"__typename": "SecretPlan", "id": "s1", "name": "plan", "secretRank": 3}
ALL = {row["id"]: row for row in (VIDEO, PERSON, PLAN)}


class Plan:
    """An object whose type a function says."""

    id = "s2"
    __typename = "SecretPlan"


@resolver("Query.node", vary=())
def node(parent, context, id):
    return ALL.get(id)


@resolver("Query.nodes", vary=())
async def nodes(parent, context):
    return [VIDEO, PERSON]


@resolver("Query.hits", vary=())
def hits(parent, context, filter=None, secretMode=None, limit=3):
    return [VIDEO, PLAN, PERSON][:limit]


@resolver("Query.echo", vary=())
def echo(parent, context, filter=None, color=None, secretNote=None):
    return f"{sorted((filter or {}).items())} {color} {secretNote}".replace("secret", "s_").replace("SECRET", "S_")


@resolver("Query.color", vary=())
def color(parent, context, which=None):
    return which or "SECRET_GREEN"


@resolver("Query.colors", vary=())
def colors(parent, context):
    return ["RED", "SECRET_GREEN", "BLUE"]


@resolver("Query.video", vary=())
def video(parent, context):
    return VIDEO


@resolver("Query.plain", vary=())
def plain(parent, context, n=None):
    return f"plain {n}"


@resolver("Query.secretPlans", vary=())
def plans(parent, context):
    return [PLAN]


@resolver("Query.secretCount", vary=())
def count(parent, context):
    return 1


@resolver("Video.owner", vary=())
def owner(parent, context):
    return PERSON


@resolver("Mutation.rename", vary=())
def rename(parent, context, id, name):
    return {**VIDEO, "title": name}


@resolver("Mutation.secretErase", vary=())
def erase(parent, context, id):
    return True


@subscription("Subscription.changed")
async def changed(root, context):
    for row in (VIDEO, PLAN, PERSON):
        yield row


@subscription("Subscription.secretChanged")
async def secret_changed(root, context):
    yield 1
'''

CONFIG = """
[graph]
schema = "{schema}"
resolvers = "{resolvers}"

[views.public]
exclude_tags = ["internal"]

[authorization.default_views]
anonymous = {view}

[limits]
plan_cpu_share = 0
"""


def save_shop(folder: Path, module: str, *, masked: bool = True) -> Path:
    """The shop as files; a configuration in which everybody has the view `public`."""
    (folder / "schema.graphql").write_text(SDL)
    (folder / f"{module}.py").write_text(RESOLVERS)
    text = CONFIG.format(schema="schema.graphql", resolvers=module, view='"public"')
    text += f"\n[errors]\nmask = {str(masked).lower()}\n"
    path = folder / f"gateway-{module}.toml"
    path.write_text(text)
    return path
