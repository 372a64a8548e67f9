"""What the plan-lookup benchmarks use: a document of about 600 bytes, and a cache that compiles plans."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from itertools import count
from typing import Any

from graphql import GraphQLSchema, build_schema, parse, validate

from gateway.execute.prepared import Prepared
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.language.normalize import Normalized
from gateway.language.slots import find_slots
from gateway.pipeline.found_plan import MadePlan
from gateway.pipeline.plan_cache import PlanCache
from gateway.pipeline.settings import PlanCacheSettings

SCHEMA: GraphQLSchema = build_schema("""
    type Query {
        video(id: ID!, quality: Float): Video
        search(text: String!, first: Int = 10, order: Order): [Video!]
        channel(id: ID!): Channel
    }
    enum Order { NEWEST OLDEST }
    type Video { id: ID! title: String views: Int duration: Float tags: [String!] channel: Channel comments(first: Int): [Comment!] }
    type Channel { id: ID! name: String subscribers: Int videos(first: Int, text: String): [Video!] }
    type Comment { id: ID! text: String author: Channel }
""")

TEMPLATE = """query Watch($order: Order = NEWEST) {
  video(id: "video-%(n)08d", quality: 0.%(n)d) {
    ...Card
    duration
    comments(first: %(n)d) { id text author { name } }
    channel { id name subscribers videos(first: 5, text: "trailer %(n)d") { ...Card } }
  }
  search(text: "cats and dogs %(n)d", first: 20, order: $order) {
    ...Card
    channel { id name }
  }
  own: channel(id: "channel-%(n)d") { id name videos(first: 3) { id title views } }
}

fragment Card on Video {
  id
  title
  views
  tags
  channel { id name }
}
"""


def document(number: int) -> str:
    """The document, with literals of its own. About 600 bytes."""
    return TEMPLATE % {"n": 100_000 + number}


def compile_text(text: str, name: str | None, normalized: Normalized | None) -> MadePlan[Prepared]:
    """What the service does on a miss."""
    parsed = load_document(text, SCHEMA, Limits())
    slots = find_slots(SCHEMA, parsed, normalized) if normalized else None
    return MadePlan(Prepared(SCHEMA, parsed, name, slots.free if slots else None), slots)


def make_cache(**settings: Any) -> PlanCache[Prepared]:
    return PlanCache(PlanCacheSettings(**settings), compile_text)


def exact_lookup() -> Callable[[], Any]:
    """Finds a plan by its very text; each call has a text object of its own, as a request has."""
    cache = make_cache()
    text = document(0)
    value = cache.lookup(text, "Watch").value
    # A new string object has no hash yet, as the one that comes out of a request's JSON.
    texts = iter([text[:1] + text[1:] for _ in range(200_000)])

    def look() -> Any:
        return cache.lookup(next(texts), "Watch")

    found = look()
    assert found.value is value
    assert found.how == "hit"
    return look


def normalised_lookup() -> Callable[[], Any]:
    """Finds a plan for a text with literals that were never seen."""
    cache = make_cache()
    value = cache.lookup(document(0), "Watch").value
    numbers = count(1)
    texts = iter([document(next(numbers)) for _ in range(30_000)])

    def look() -> Any:
        return cache.lookup(next(texts), "Watch")

    found = look()
    assert found.value is value
    assert found.how == "hit_normalized"
    return look


def compile_and_validate() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Plan, emit and compile of the document; and its validation."""
    parsed = parse(document(0))
    assert validate(SCHEMA, parsed) == []
    assert Prepared(SCHEMA, parsed, "Watch").executor == "compiled"
    return (lambda: Prepared(SCHEMA, parsed, "Watch")), (lambda: validate(SCHEMA, parsed))


def memory_of_plans(entries: int = 1_000) -> float:
    """Bytes that each of `entries` different cached plans of that size takes."""
    make_cache().lookup(document(0), "Watch")  # what is loaded once
    cache = make_cache(max_entries=entries)
    gc.collect()
    tracemalloc.start()
    for number in range(entries):
        cache.lookup(document(0).replace("own:", f"own{number}:"), "Watch")
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(cache) == entries
    return size / entries
