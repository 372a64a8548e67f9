"""Invariant: the plan cache accepts a text exactly when the reference parses and validates it.

Whatever was asked for before, and however broken the text. The texts are documents with characters and
tokens taken out, put in and doubled, so that most are almost right.
"""

from __future__ import annotations

from random import Random

from graphql import GraphQLError, build_schema, parse, validate

from gateway.errors import ClientError, RequestError
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.language.normalize import Normalized
from gateway.language.slots import find_slots
from gateway.pipeline.found_plan import Key, MadePlan
from gateway.pipeline.plan_cache import PlanCache
from gateway.pipeline.settings import PlanCacheSettings

SCHEMA = build_schema("""
    directive @note(text: String, n: Int) on FIELD | QUERY | VARIABLE_DEFINITION
    scalar Own
    enum Color { RED }
    input In { s: String = "x", n: Int, list: [Float], own: Own }
    type Query { a(s: String, n: Int, f: Float, id: ID, own: Own, color: Color, in: In): Query b: String }
""")

SEEDS = (
    '{ a(s: "x", n: 1, f: 2.5, id: 5) { b } }',
    '{ a(s: "x") { b } a(s: "x") { b } }',
    'query Q($n: Int = 5 @note(n: 1), $s: String = "d") @note(text: "t") { a(n: $n, s: $s) { b } }',
    '{ a(own: {k: "v", n: [1, 2]}, in: {s: "y", n: 3, list: [1, 2.5], own: "o"}) { b @note(text: "#") } }',
    '{ a(s: """block "quoted" text""", color: RED) { b } } # a comment "with" 5\n',
    "{ x: a(n: -1) { ...F } y: a(n: -1) { ...F } } fragment F on Query { a(f: 1e3) { b } }",
    '"described" query { b }',
)
PIECES = [
    '"', '""', '"""', "\\", '\\"', "#", "\n", "\r", " ", ",", "(", ")", "{", "}", "[", "]", ":", "$", "@", "!", "=", "-", ".", "...",
    "0", "1", "00", "1.5", "1e9", "e", "-1", "2147483648", "1e999", "a", "b", "null", "true", "RED", '"x"', '"y"', "\\u0061", "\x01", "\x03", "é", "\ud800", "\ufeff",
]  # fmt: skip


def mutate(text: str, rng: Random) -> str:
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        at = rng.randrange(len(text) + 1)
        end = min(len(text), at + rng.choice([0, 0, 1, 1, 3]))
        text = text[:at] + rng.choice(["", *PIECES]) + text[end:]
    return text


def compile_text(key: Key, normalized: Normalized | None) -> MadePlan[str]:
    document = load_document(key.text, SCHEMA, Limits())
    return MadePlan(key.text, find_slots(SCHEMA, document, normalized) if normalized else None)


def is_valid(text: str) -> bool:
    try:
        return not validate(SCHEMA, parse(text))
    except (GraphQLError, UnicodeError):
        return False


def test_the_cache_accepts_what_the_reference_accepts() -> None:
    rng = Random("plan cache")
    plans = PlanCache(PlanCacheSettings(max_entries=200), compile_text)
    how = {"miss": 0, "hit": 0, "hit_normalized": 0, "refused": 0}
    for _ in range(6_000):
        text = mutate(rng.choice(SEEDS), rng)
        try:
            found = plans.lookup(text, None).how
        except (RequestError, ClientError):
            found = "refused"
        how[found] += 1
        assert (found != "refused") == is_valid(text), (text, found)
    assert min(how.values()) > 50, how
