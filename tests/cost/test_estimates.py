"""What operations may cost, held against the figures of two publications."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cost.formula import MOST
from gateway.cost.inputs import SlicingError
from gateway.cost.settings import CostSettings, SourceBudget
from tests.cost.fixtures import (
    BOOK,
    LIBRARY,
    SHAPES,
    SHIPS,
    USERS,
    WEIGHTS,
    actual,
    cost_of,
    estimate,
    schema_of,
)

NO_LISTS = CostSettings(list_size=0)

ESTIMATES: dict[str, tuple[str, dict[str, Any] | None, int]] = {
    "objects": ("{ book { title author { name } publisher { name address { zip } } } }", None, 4),
    "weight of a type": (f"{{ book {{ {BOOK} }} }}", None, 8),
    "assumed size": (f"{{ best {{ {BOOK} }} }}", None, 40),
    "slicing argument": (f"{{ newest(limit: 3) {{ {BOOK} }} }}", None, 24),
    "negative slicing argument": ("{ newest(limit: -1) { title } }", None, 0),
    "largest slicing argument": (f"{{ either(first: 3, last: 5) {{ {BOOK} }} }}", None, 40),
    "sized field": (f"{{ pages(limit: 5) {{ page {{ {BOOK} }} next }} }}", None, 41),
    "slicing argument in an input": (
        f"query($input: Search!) {{ search(input: $input) {{ {BOOK} }} }}",
        {"input": {"paging": {"first": 3}}},
        26,
    ),
    "the same as a literal": (
        f"{{ search(input: {{paging: {{first: 3}}}}) {{ {BOOK} }} }}",
        None,
        26,
    ),
    "slicing argument deep in an input": (
        f"query($input: Deep!) {{ deep(input: $input) {{ {BOOK} }} }}",
        {"input": {"outer": {"inner": {"count": 3}}}},
        27,
    ),
    "a variable in a literal": (
        f"query($n: Int) {{ deep(input: {{outer: {{inner: {{count: $n}}}}}}) {{ {BOOK} }} }}",
        {"n": 3},
        27,
    ),
    "mutation": ("mutation { run }", None, 10),
    "fragments": (
        "{ book { ...Bits } } fragment Bits on Book { title author { name } "
        "publisher { name ... on Publisher { office { zip } } } }",
        None,
        8,
    ),
    "merged selections count once": (
        "{ book { author { name } } book { author { bio } ...B } } fragment B on Book { author { bio } }",
        None,
        5,
    ),
    "aliases count each": ("{ a: book { title } b: book { title } }", None, 2),
    "weight of a field": ("{ weighed { title } }", None, 3),
    "weight of an argument": ("{ limited(limit: 5) { title author { name } } }", None, 3),
    "weight of an argument that is not given": ("{ limited { title author { name } } }", None, 2),
    "list as slicing argument": ('{ byIds(ids: ["1", "2", "3"]) { author { name } } }', None, 6),
    "list in a variable": (
        "query($ids: [ID!]!) { byIds(ids: $ids) { author { name } } }",
        {"ids": ["1", "2", "3", "4"]},
        8,
    ),
    "sized field by a path": (
        f"{{ shelf(first: 5) {{ results {{ page {{ {BOOK} }} recent {{ title }} note }} }} }}",
        None,
        44,
    ),
    "weight of a field below": ("{ book { title author { name bio } } }", None, 5),
    "large": (f"{{ newest(limit: 999999) {{ {BOOK} }} }}", None, 7999992),
    "weight of a scalar": ('{ book(id: "1") { code } }', None, 2),
    "leaves alone": ("{ ping __typename __schema { types { name } } }", None, 0),
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_estimates_are_the_published_ones(name: str) -> None:
    query, variables, expected = ESTIMATES[name]
    assert estimate(schema_of(LIBRARY), query, variables, NO_LISTS) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"with": True, "without": False, "input": {"query": "x", "limit": 2}}, 25),
        ({"with": False, "without": True, "input": {"query": "x", "limit": 2}}, 7),
        ({"with": False, "without": True, "input": {"limit": 2}}, 5),
    ],
)
def test_conditions_and_inputs_of_variables(variables: dict[str, Any], expected: int) -> None:
    query = """query($with: Boolean!, $without: Boolean!, $input: Costly!) {
      costly(input: $input) {
        title
        author { name bio @skip(if: $without) }
        publisher @include(if: $with) { name office { zip } }
      }
    }"""
    assert estimate(schema_of(LIBRARY), query, variables) == expected


@pytest.mark.parametrize(("include", "skip", "expected"), [(1, 0, 7), (0, 0, 1), (1, 1, 1)])
def test_include_and_skip_together(include: int, skip: int, expected: int) -> None:
    query = """query($include: Boolean!, $skip: Boolean!) {
      book { title publisher @include(if: $include) @skip(if: $skip) { name office { zip } } }
    }"""
    given = {"include": bool(include), "skip": bool(skip)}
    assert estimate(schema_of(LIBRARY), query, given) == expected


@pytest.mark.parametrize("query", ["{ one { title } }", "{ one(first: 1, last: 2) { title } }"])
def test_exactly_one_slicing_argument_is_required(query: str) -> None:
    with pytest.raises(SlicingError, match=r"required for Query\.one, and [02] are given"):
        estimate(schema_of(LIBRARY), query)
    cost, given = cost_of(schema_of(LIBRARY), query)
    lenient = given._replace(is_strict=False)
    assert cost.formula.value(lenient) == (10 if "first" not in query else 2)


SHAPE_QUERY = """
fragment Narrow on Second { number }
fragment Wide on Named { name }
{ named { name ...Narrow } either { ...Narrow ... on First { inner { ...Wide } } } }
"""


@pytest.mark.parametrize(("size", "expected"), [(1, 3), (2, 4), (3, 5), (10, 12)])
def test_an_abstract_type_costs_what_its_most_costly_type_does(size: int, expected: int) -> None:
    query = (
        SHAPE_QUERY[SHAPE_QUERY.index("{ named") :] + SHAPE_QUERY[: SHAPE_QUERY.index("{ named")]
    )
    assert estimate(schema_of(SHAPES), query, None, CostSettings(list_size=size)) == expected


def test_a_mutation_costs_ten() -> None:
    assert estimate(schema_of(SHAPES), "mutation { run }") == 10


WEIGHTS_QUERY = """{
  field argument(arg: 3) enumValue input(some: {number: 10}) scalarValue object { id } texts
  dynamic(first: 5) { items { id } }
}"""


def test_every_weight_counts() -> None:
    assert estimate(schema_of(WEIGHTS), WEIGHTS_QUERY) == 127


def test_what_came_is_what_it_has_cost() -> None:
    data = {
        "field": 1, "argument": 2, "enumValue": "A", "input": 3, "scalarValue": 4,
        "object": {"id": "1"}, "texts": ["a"], "dynamic": {"items": [{"id": "1"}, {"id": "2"}]},
    }  # fmt: skip
    assert actual(schema_of(WEIGHTS), WEIGHTS_QUERY, data) == 124


@pytest.mark.parametrize(("size", "expected"), [(1, 3), (2, 6), (3, 9), (10, 30)])
def test_lists_of_which_nothing_is_said(size: int, expected: int) -> None:
    """The published figures add the entities that a router asks a second subgraph for; nothing is asked twice here."""
    query = """fragment Owner on Ship { owner { ...User } } fragment User on User { licence name }
    """
    whole = "{ ships { ...Owner } users { ...User } } " + query
    assert estimate(schema_of(SHIPS), whole, None, CostSettings(list_size=size)) == expected


def test_what_a_partial_list_has_cost() -> None:
    data = {
        "ships": [{"owner": {"licence": "1", "name": "x"}}] * 3 + [None],
        "users": [{"licence": "1", "name": "x"}] * 6,
    }
    query = "{ ships { owner { licence name } } users { licence name } }"
    assert actual(schema_of(SHIPS), query, data) == 12


FIELDS = CostSettings(count="fields")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ users(max: 5) { age } }", 11),
        ("{ plain }", 5),
        ('{ plain(filter: "x") }', 20),
        ("{ cheaper { id } }", 5),
        ("{ cheaper(approx: YES) { id } }", 2),
        ("{ never(approx: YES) { id } }", 0),
        ("{ filtered(filter: {}) }", 20),
        ("{ filtered(filter: {approx: YES}) }", 8),
    ],
)
def test_the_field_cost_of_the_specification(query: str, expected: int) -> None:
    assert estimate(schema_of(USERS), query, None, FIELDS) == expected


def test_the_field_cost_of_an_answer() -> None:
    data = {"users": [{"age": 33}, {"age": 45}, {"age": 27}]}
    assert actual(schema_of(USERS), "{ users(max: 5) { age } }", data, FIELDS) == 7


def test_a_formula_is_over_the_variables_that_count() -> None:
    query = "query($m: Int, $other: ID) { users(max: $m) { name } a: users(max: 2) { age } }"
    cost, _ = cost_of(schema_of(USERS), query, {"m": 1})
    assert str(cost.formula) == "6 + $m"
    constant, _ = cost_of(schema_of(USERS), "{ users(max: 4) { name } }")
    assert str(constant.formula) == "4"


def test_a_list_of_a_source_is_as_long_as_its_settings_say() -> None:
    settings = CostSettings(sources={"shop": SourceBudget(list_size=3)})
    assert estimate(schema_of(SHIPS), "{ ships { id } }", None, settings) == 10


def test_entities_are_as_many_as_their_representations() -> None:
    sdl = """scalar Any union Entity = A type A { id: ID, b: A }
    type Query { _entities(representations: [Any!]!): [Entity]! }"""
    query = "query($r: [Any!]!) { _entities(representations: $r) { ... on A { id b { id } } } }"
    schema = schema_of(sdl)
    assert estimate(schema, query, {"r": [{}, {}, {}]}) == 6
    assert estimate(schema, '{ _entities(representations: ["a"]) { ... on A { id } } }') == 1


def test_selections_that_repeat_are_compiled_once() -> None:
    types = "".join(f"type T{n} implements I {{ i: I, n: Int }}\n" for n in range(30))
    schema = schema_of(f"interface I {{ i: I, n: Int }}\n{types}type Query {{ i: I }}")
    query = "{" + "i {" * 12 + "n" + "}" * 12 + "}"
    cost, given = cost_of(schema, query)
    assert cost.formula.value(given) == 12
    assert cost.size_bytes < 30 * 13 * 2_000


GIVEN = """
input Page { size: Int = 7 }
input Search { first: Int = 50, page: Page = {size: 20}, words: [String] }
type Item { id: ID, items(first: Int): [Item] @listSize(slicingArguments: ["first"]) }
type Query {
  byIds(ids: [Int]): [Item] @listSize(slicingArguments: ["ids"], requireOneSlicingArgument: false)
  search(input: Search): [Item]
    @listSize(slicingArguments: ["input.first"], requireOneSlicingArgument: false, assumedSize: 3)
  paged(input: Search): [Item]
    @listSize(slicingArguments: ["input.page.size"], requireOneSlicingArgument: false, assumedSize: 3)
  named(input: Search): [Item]
    @listSize(slicingArguments: ["input.words"], requireOneSlicingArgument: false, assumedSize: 3)
}
"""


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ byIds(ids: 0) { id } }", None, 1),
        ("{ byIds(ids: -1) { id } }", None, 1),
        ("{ byIds(ids: 7) { id } }", None, 1),
        ("{ byIds(ids: null) { id } }", None, 10),
        ("{ byIds(ids: []) { id } }", None, 0),
        ("query($ids: [Int]) { byIds(ids: $ids) { id } }", {"ids": 7}, 1),
        ("query($n: Int) { byIds(ids: [$n, $n]) { id } }", {}, 2),
        ('{ named(input: {words: "a"}) { id } }', None, 2),
        ("{ search { id } }", None, 3),
        ("{ search(input: {}) { id } }", None, 51),
        ("query($n: Int) { search(input: {first: $n}) { id } }", {}, 51),
        ("query($n: Int) { search(input: {first: $n}) { id } }", {"n": None}, 4),
        ("query($n: Int) { search(input: {first: $n}) { id } }", {"n": 5}, 6),
        ("query($p: Page) { paged(input: {page: $p}) { id } }", {}, 21),
        ("query($p: Page) { paged(input: {page: $p}) { id } }", {"p": {}}, 9),
        ("query($n: Int) { paged(input: {page: {size: $n}}) { id } }", {}, 9),
        ("query($i: Search) { paged(input: $i) { id } }", {}, 3),
    ],
)
def test_a_size_is_what_the_executor_reads(
    query: str, variables: dict[str, Any] | None, expected: int
) -> None:
    """One item stands for a list of it, and what is not given has its default. §3.10, §3.12"""
    assert estimate(schema_of(GIVEN), query, variables) == expected


def test_no_amount_is_beyond_what_json_holds() -> None:
    """Sizes multiply: forty levels of the largest Int are more than any number of a computer."""
    schema, depth = schema_of(GIVEN), 40
    query = "{ byIds {" + "items(first: 2147483647) {" * depth + "id" + "}" * (depth + 2)
    by_variable = query.replace("{", "query($n: Int) {", 1).replace("2147483647", "$n")
    assert estimate(schema, query) == MOST
    assert estimate(schema, by_variable, {"n": 2**31 - 1}) == MOST
    heavy = schema_of(f'type Query {{ a: [Big] }} scalar Big @cost(weight: "{MOST - 0.5}")')
    assert estimate(heavy, "{ a }") == MOST
    assert actual(heavy, "{ a }", {"a": [1, 2, 3]}) == MOST


PAGES = """
interface Face { rows(first: Int): [Item] @listSize(slicingArguments: ["first"]) }
type One implements Face { rows(first: Int): [Item] }
type Two implements Face { rows(first: Int): [Item] @listSize(assumedSize: 4) }
type Item { id: ID }
type Query {
  faces: Face, one: One, two: Two
  page(first: Int = 10, last: Int): [Item] @listSize(slicingArguments: ["first", "last"])
}
"""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ faces { rows(first: 50) { id } } }", 51),
        ("{ one { rows(first: 50) { id } } }", 51),
        ("{ two { rows(first: 50) { id } } }", 5),
    ],
)
def test_a_size_that_an_interface_says_holds_for_its_types(query: str, expected: int) -> None:
    assert estimate(schema_of(PAGES), query) == expected


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ page { id } }", {}, 10),
        ("{ page(last: 5) { id } }", {}, 10),
        ("{ page(first: 5) { id } }", {}, 5),
        ("{ page(last: 50) { id } }", {}, 50),
        ("{ page(first: 1, last: 5) { id } }", {}, None),
        ("query($f: Int, $l: Int) { page(first: $f, last: $l) { id } }", {"l": 5}, 10),
        ("query($f: Int, $l: Int) { page(first: $f, last: $l) { id } }", {"f": 1, "l": 5}, None),
        ("query($f: Int, $l: Int) { page(first: $f, last: $l) { id } }", {}, 10),
    ],
)
def test_a_default_is_no_slicing_argument_that_is_given(
    query: str, variables: dict[str, int], expected: int | None
) -> None:
    """Who pages backward gives `last` alone; the executor has the default of `first` as well."""
    if expected is None:
        with pytest.raises(SlicingError, match="and 2 are given"):
            estimate(schema_of(PAGES), query, variables)
    else:
        assert estimate(schema_of(PAGES), query, variables) == expected
