"""Our way to run the rules finds what the reference finds: the same errors, in the same order, at the same places."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random

import pytest
from graphql import (
    GraphQLError,
    SelectionSetNode,
    build_schema,
    parse,
    specified_rules,
    validate,
)

from gateway.execute.incremental import add_directives
from gateway.language.quick import is_certainly_valid
from gateway.language.rules import OF_DIRECTIVES, OF_VARIABLES, ByIdentity, as_one, names, rules_for
from gateway.language.validate import reference_settings

SCHEMA = build_schema("""
    directive @note(text: String!, n: Int) on FIELD | QUERY | VARIABLE_DEFINITION | FRAGMENT_SPREAD
    directive @many(n: Int) repeatable on FIELD
    scalar Own
    enum Color { RED GREEN }
    input In { s: String! n: Int = 1 list: [Float!] in: In own: Own }
    input One @oneOf { a: Int b: String }
    interface Node { id: ID! }
    type Dog implements Node { id: ID! name(style: Color): String barks: Boolean! friends(first: Int!): [Pet!] }
    type Cat implements Node { id: ID! name: String meows: Int }
    union Pet = Dog | Cat
    type Query { node(id: ID!): Node pet: Pet pets(in: In, one: One, color: Color, n: [Int!]): [Pet] dog: Dog }
    type Mutation { rename(id: ID!, name: String): Dog }
    type Subscription { named: Dog dogs: Dog }
""")
add_directives(SCHEMA)
SEEDS = (
    "{ dog { id name(style: RED) friends(first: 1) { ... on Dog { barks } ... on Cat { meows } } } }",
    "query Q($id: ID!, $n: Int = 5 @note(text: \"t\"), $in: In) { node(id: $id) { id ...D } pets(in: $in, n: [$n]) { __typename } }"
    " fragment D on Dog { name ...E } fragment E on Dog { friends(first: $n) { ... on Node { id } } }",
    '{ pets(in: {s: "x", n: 2, list: [1.5], in: {s: "y"}, own: {a: 1}}, one: {a: 1}, color: RED) { ... on Dog @include(if: true) { id } } }',
    "mutation M($name: String) { a: rename(id: 1, name: $name) { id } b: rename(id: 2) @note(text: \"x\") { name @skip(if: false) } }",
    "subscription { named { id } }",
    "query A { dog { ...F @defer(label: \"l\") friends(first: 2) @stream(initialCount: 1) { __typename } } } fragment F on Dog { barks }",
    "query A { x: dog { id } } query B($b: Boolean!) { y: dog @include(if: $b) { n: name } }",
    "{ dog { id @many @many(n: 2) } __schema { types { fields { type { fields { name } } } } } }",
)  # fmt: skip
PIECES = (
    "", " ", "$", "$id", "$x: Int", "@note", "@skip(if: true)", "@many", "@defer", "@stream", "@nope", "...D", "...F", "...Nope", "... on Cat",
    "{", "}", "(", ")", "id", "nope", "dog", "RED", "5", '"s"', "null", "[1]", "{a: 1, b: \"x\"}", "s: 1, s: 2", "id: 1", "query", "fragment D on Pet { id }",
    "on Nope", "n: 3", "x: name", "x: id", "subscription", ": String", "!", "style: BLUE",
)  # fmt: skip
WORDS = (
    "id",
    "name",
    "dog",
    "Dog",
    "Cat",
    "Node",
    "$n",
    "$id",
    "$in",
    "Int",
    "String",
    "first",
    "RED",
    "D",
    "Q",
)


def mutate(text: str, rng: Random) -> str:
    for _ in range(rng.choice((1, 1, 2, 3))):
        if rng.random() < 0.5:
            text = text.replace(rng.choice(WORDS), rng.choice(WORDS), rng.choice((1, -1)))
        else:
            at = text.find(" ", rng.randrange(len(text) + 1))
            text = f"{text[:at]} {rng.choice(PIECES)} {text[at:]}"
    return text


def told(errors: list[GraphQLError]) -> list[tuple[str, object]]:
    return [(error.message, error.locations) for error in errors]


def compare(text: str, seen: Counter[str]) -> None:
    try:
        document = parse(text)
    except GraphQLError:
        return
    expected = validate(SCHEMA, document)
    rules = rules_for("$" in text, "@" in text)
    with reference_settings(1_000_000, rules[0].keys):
        ours = validate(SCHEMA, document, rules)
    assert told(ours) == told(expected), text
    if is_certainly_valid(SCHEMA, document):
        assert not expected, text
        seen["certainly valid"] += 1
    seen[f"{len(expected)} errors"] += 1
    seen.update(error.message.split(" ")[0] for error in expected)


def test_the_same_errors_as_the_reference() -> None:
    rng, seen = Random("rules"), Counter[str]()
    for seed in SEEDS:
        compare(seed, seen)
        for _ in range(400):
            compare(mutate(seed, rng), seen)
    assert seen["0 errors"] > 50
    assert sum(seen[f"{n} errors"] for n in range(1, 9)) > 400
    assert len(seen) > 20, seen


@pytest.mark.parametrize("most", [1, 3])
def test_as_many_errors_as_are_asked_for(most: int) -> None:
    text = "{ a b c d e { f } g }"
    document = parse(text)
    ours = validate(SCHEMA, document, rules_for(False, False), max_errors=most)
    assert told(ours) == told(validate(SCHEMA, document, max_errors=most))


def test_rules_of_a_callers_own_choice_are_one_too() -> None:
    rng = Random("as one")
    for seed in SEEDS:
        for text in (seed, *(mutate(seed, rng) for _ in range(20))):
            with suppress(GraphQLError):
                document = parse(text)
                chosen = tuple(rng.sample(specified_rules, len(specified_rules) // 2))
                ours = validate(SCHEMA, document, as_one(chosen))
                assert told(ours) == told(validate(SCHEMA, document, chosen)), text


def test_a_node_that_a_rule_made_is_not_taken_for_a_later_one() -> None:
    known = ByIdentity()
    for number in range(100):
        node = SelectionSetNode(selections=())
        assert known.get(node) is None
        known[node] = number
        assert known.get(node) == number
        del node


def test_every_rule_of_the_reference_is_run() -> None:
    (together,) = rules_for(True, True)
    assert together.rules == tuple(specified_rules)
    (without,) = rules_for(False, False)
    assert {*together.rules} - {*without.rules} == OF_VARIABLES | OF_DIRECTIVES


def test_what_is_not_walked_has_no_rule() -> None:
    (together,) = rules_for(True, False)
    assert together.keys["field"] == ("arguments", "selection_set")
    for when in ("enter", "leave"):
        assert names(together.rules, when, "name") == ()
