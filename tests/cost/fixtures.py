"""Schemas and queries with known costs, and how a test asks for one.

The figures are those that Hive Router's tests of demand control and IBM's specification give for schemas of these
shapes; texts and names are our own.
"""

from __future__ import annotations

from typing import Any

from graphql import ExecutionResult, GraphQLSchema, execute_sync, parse

from gateway.cost.check import add_weights
from gateway.cost.formula import Given
from gateway.cost.nodes import OperationCost
from gateway.cost.operation_cost import OperationCosts
from gateway.cost.settings import CostSettings
from gateway.cost.tally import Tally
from gateway.graph.builtin import cost_names
from gateway.graph.schema import require_schema
from gateway.plan.collect import conditions_of
from gateway.runtime.variables import VariableCoercers

LIBRARY = """
type Query {
  book(id: ID): Book
  weighed: Book @cost(weight: 2)
  limited(limit: Int @cost(weight: 1)): Book
  best: [Book] @listSize(assumedSize: 5)
  newest(after: ID, limit: Int!): [Book] @listSize(slicingArguments: ["limit"])
  either(first: Int, last: Int): [Book]
    @listSize(slicingArguments: ["first", "last"], requireOneSlicingArgument: false)
  one(first: Int, last: Int): [Book] @listSize(slicingArguments: ["first", "last"])
  pages(limit: Int!): Pages!
    @listSize(slicingArguments: ["limit"], sizedFields: ["page"], requireOneSlicingArgument: false)
  search(input: Search!): [Book] @listSize(slicingArguments: ["input.paging.first"])
  deep(input: Deep!): [Book] @listSize(slicingArguments: ["input.outer.inner.count"])
  shelf(first: Int): Shelf
    @listSize(slicingArguments: ["first"], sizedFields: ["results { page }"], requireOneSlicingArgument: false)
  costly(input: Costly!): [Book] @listSize(slicingArguments: ["input.limit"])
  byIds(ids: [ID!]!): [Book] @listSize(slicingArguments: ["ids"])
  byGenre(genre: Genre!): [Book]
  ping: String
}
type Mutation { run: String }
type Book { title: String, code: Code, author: Author, publisher: Publisher }
type Author { name: String, bio: String @cost(weight: 3) }
type Publisher { name: String, address: Address, office: Office }
type Address { zip: Int! }
type Office @cost(weight: 5) { zip: Int! }
type Pages { page: [Book!], next: ID }
type Shelf { results: Results }
type Results { page: [Book!], recent: [Book] @listSize(assumedSize: 2), note: String }
input Paging { first: Int }
input Search { paging: Paging }
input Deep { outer: Outer }
input Outer { inner: Inner }
input Inner { count: Int }
input Costly { query: String @cost(weight: 2), limit: Int }
enum Genre { FICTION MYSTERY }
scalar Code @cost(weight: 1)
"""
BOOK = "title author { name } publisher { name office { zip } }"

SHAPES = """
interface Named { name: String }
type First { number: Int, inner: [Second] }
type Second implements Named { number: Int, name: String }
union Either = First | Second
type Query { named: Named, either: Either, firsts: [First], numbers: [Int] }
type Mutation { run: Int }
"""

WEIGHTS = """
enum Costly @cost(weight: 15) { A B }
scalar Big @cost(weight: 30)
type Thing @cost(weight: 40) { id: ID }
type Item { id: ID }
type Sized { items: [Item] }
input Weighed { number: Int @cost(weight: 20) }
type Query {
  field: Int @cost(weight: 5)
  argument(arg: Int @cost(weight: 10)): Int
  enumValue: Costly
  input(some: Weighed): Int
  scalarValue: Big
  object: Thing
  texts: [String!] @listSize(assumedSize: 2000, requireOneSlicingArgument: false)
  dynamic(first: Int = 10): Sized @listSize(slicingArguments: ["first"], sizedFields: ["items"])
}
"""

SHIPS = """
type Query { users: [User!]!, ships: [Ship!]! }
type Ship { id: ID!, name: String!, owner: User!, fee: Float }
type User { licence: ID!, name: String! }
"""

USERS = """
type User { name: String, age: Int @cost(weight: "2.0") }
type Product { id: ID }
enum Approximate { YES }
input Filter { approx: Approximate @cost(weight: "-12.0") }
type Query {
  users(max: Int): [User] @listSize(slicingArguments: ["max"])
  plain(filter: String @cost(weight: "15.0")): [String] @cost(weight: "5.0") @listSize(assumedSize: 10)
  cheaper(approx: Approximate @cost(weight: "-3.0")): Product @cost(weight: "5.0")
  never(approx: Approximate @cost(weight: "-30.0")): Product @cost(weight: "5.0")
  filtered(filter: Filter @cost(weight: "15.0")): [String] @cost(weight: "5.0") @listSize(assumedSize: 10)
}
"""


def schema_of(sdl: str) -> GraphQLSchema:
    """A schema with its weights, which must be free of mistakes."""
    document = parse(sdl)
    schema = require_schema(document)
    assert add_weights(schema, cost_names(document)) == []
    return schema


def cost_of(
    schema: GraphQLSchema,
    query: str,
    variables: dict[str, Any] | None = None,
    settings: CostSettings | None = None,
) -> tuple[OperationCost, Given]:
    """The cost of a query's only operation, and what it is evaluated with."""
    document = parse(query)
    operation: Any = document.definitions[0]
    coerced = VariableCoercers(schema, operation).coerce(variables or {})
    assert isinstance(coerced, dict), coerced
    conditions = {name: coerced.get(name) for name in conditions_of(document, operation)}
    costs = OperationCosts(schema, settings or CostSettings())
    return costs.compile(document, operation, conditions), Given(coerced)


def estimate(
    schema: GraphQLSchema,
    query: str,
    variables: dict[str, Any] | None = None,
    settings: CostSettings | None = None,
) -> float:
    """What a query may cost."""
    cost, given = cost_of(schema, query, variables, settings)
    return cost.formula.value(given)


def actual(
    schema: GraphQLSchema, query: str, data: Any, settings: CostSettings | None = None
) -> float:
    """What a query has cost whose answer is `data`."""
    cost, given = cost_of(schema, query, None, settings)
    tally = Tally(cost, given)
    tally.take(data)
    return tally.total


def answered(
    schema: GraphQLSchema, query: str, root: Any, variables: dict[str, Any] | None = None
) -> ExecutionResult:
    """The answer of graphql-core."""
    return execute_sync(schema, parse(query), root, variable_values=variables)
