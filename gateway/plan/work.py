"""What an operation costs to read, validate and plan, counted before it is planned.

Fragments are expanded and abstract types multiplied as the planner does it, but equal selections on equal
types are walked once and added as often as they stand: a document of a kilobyte that expands to a million
fields is counted in as many steps as it has selections. Pure; the document has to be valid.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    is_abstract_type,
)

from gateway.language.limits import Limits, limit_error
from gateway.plan.compile import MAX_DEPTH
from gateway.plan.field_facts import FactsOfFields
from gateway.plan.introspected import Introspected
from gateway.plan.nodes import Kind
from gateway.telemetry.records import members

logger = logging.getLogger("gateway.limits")

# One unit is about a microsecond of CPU where the default of the limit was set. `tests/plan/costly.py` finds the
# documents that cost most, and prints their units beside the time that they take.
TOKEN = 17  # parsed, and validated by all rules
LOOKED_AT = 1  # a selection, for each object type that it may stand on
SELECTION = 20  # the fields of one object type at one place
CHOICE = 70  # more for each type that an interface or union may be
FIELD = 45  # a property, or `__typename`
STEP = 110  # what a resolver gives
LOADED = 180  # what a connector or batch resolver gives
ARGUMENT = 10  # one that a field's definition has, whether it is given or not
DEFERRED = 700  # a fragment with `@defer`: a plan of its own
WITHOUT_PLAN = 20
"""So many times `max_work` a query may cost that runs without a plan."""

UNITS = {Kind.PROPERTY: FIELD, Kind.BATCH: LOADED, Kind.ENTITY: LOADED}
INTROSPECTION = ("__schema", "__type")
Sets = tuple[SelectionSetNode, ...]
Possible = tuple[GraphQLObjectType, ...]


def check_work(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, limits: Limits
) -> bool:
    """Check what the operation that is meant costs: whether a plan is worth making. Takes linear time.

    A query that costs more than a plan may, but is quickly read, runs without one: interfaces below interfaces
    multiply in a plan, and not in a result.

    Errors: ClientError(MAX_WORK_LIMIT).
    """
    found = count_work(schema, document, operation_name, limits.max_work)
    if found <= limits.max_work:
        return True
    if found <= WITHOUT_PLAN * limits.max_work and _is_plain_query(document, operation_name):
        return False
    problem = (
        f"The operation takes {found} units of work to plan; limits.max_work is {limits.max_work}, "
        f"and a query of up to {WITHOUT_PLAN} times as much runs without a plan. "
        "Use fragments in fewer places, request fewer types of an interface or union, or send "
        "several operations."
    )
    if limits.mode == "enforce":
        raise limit_error("MAX_WORK_LIMIT", problem)
    logger.warning(
        "the limit would refuse the operation: %s",
        problem,
        extra=members(operation_name=operation_name, code="MAX_WORK_LIMIT"),
    )
    return True


def _is_plain_query(document: DocumentNode, operation_name: str | None) -> bool:
    """Whether the operation is a query that defers nothing."""
    operation = _operation_of(document, operation_name)
    text = document.loc.source.body if document.loc else "@"
    is_whole = "@defer" not in text and "@stream" not in text
    return is_whole and operation is not None and operation.operation is OperationType.QUERY


def _operation_of(
    document: DocumentNode, operation_name: str | None
) -> OperationDefinitionNode | None:
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and (
            operation_name is None or (node.name and node.name.value == operation_name)
        ):
            return node
    return None


def count_work(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, most: int
) -> int:
    """The work of one operation, in units. Counting ends where the walk alone goes beyond `most`."""
    tokens = TOKEN * _count_tokens(document)
    operation = _operation_of(document, operation_name)
    root = schema.get_root_type(operation.operation) if operation is not None else None
    if operation is None or root is None:
        return tokens
    counter = _Counter(schema, document, most)
    planned = 0
    with suppress(_EnoughError):
        planned = counter.count(root, (operation.selection_set,), 0)
    introspected = counter.introspected() if counter.introspection else 0
    if counter.walked > most:  # nobody knows how much the whole is
        return max(tokens + counter.walked, WITHOUT_PLAN * most + 1)
    planned = planned or counter.walked
    total = tokens + planned + introspected
    # Without a plan the schema is read all the same, each time.
    return total if introspected <= most else max(total, WITHOUT_PLAN * most + 1)


def _count_tokens(document: DocumentNode) -> int:
    known: int | None = getattr(document, "token_count", None)
    if known is not None:
        return known
    token: Any = document.loc.start_token if document.loc else None  # of graphql-core 3.2
    count = 0
    while token is not None:
        count += 1
        token = token.next
    return count


class _EnoughError(Exception):
    """The rest need not be counted: it is too much already, or no plan is made of it."""


class _Counter:
    """Counts one operation.

    Attributes:
        walked: Units of what was walked so far, each selection once.
        introspection: The fields that introspect, with their selections.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, most: int) -> None:
        self.schema = schema
        self.most = most
        self.walked = 0
        self.fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._totals: dict[tuple[Any, ...], int] = {}
        self._facts = FactsOfFields(schema)
        self._applies: dict[tuple[str, str], bool] = {}
        self.introspection: list[tuple[str, Sets]] = []

    def count(self, parent: GraphQLObjectType, sets: Sets, depth: int) -> int:
        """The units of selections on one object type, and of all below."""
        key = (parent.name, *map(id, sets))
        total = self._totals.get(key)
        if total is not None:
            return total
        if depth > MAX_DEPTH:
            raise _EnoughError
        grouped, total = self._collect(parent, sets)
        for name, below in grouped.values():
            units, types = self._known(parent, name)
            total += units
            if name in INTROSPECTION:
                self.introspection.append((name, tuple(below)))
            for possible in types if below else ():
                total += self.count(possible, tuple(below), depth + 1)
        self._totals[key] = total
        return total

    def introspected(self) -> int:
        """The units of what is introspected."""
        found = Introspected(self.schema, lambda *given: self._collect(*given)[0], self.most)
        with suppress(_EnoughError):
            for name, sets in self.introspection:
                found.add(name, sets)
            found.walk()
        found.end()
        return found.counted()

    def _collect(
        self, parent: GraphQLObjectType, sets: Sets
    ) -> tuple[dict[str, tuple[str, list[SelectionSetNode]]], int]:
        """Name and selections of each response key, as CollectFields finds them, and their own units."""
        grouped: dict[str, tuple[str, list[SelectionSetNode]]] = {}
        units = SELECTION
        spread: set[str] = set()
        rest = list(reversed(sets))
        while rest:
            for node in rest.pop().selections:
                units += LOOKED_AT
                if isinstance(node, FieldNode):
                    key = node.alias.value if node.alias else node.name.value
                    _, below = grouped.setdefault(key, (node.name.value, []))
                    if node.selection_set is not None:
                        below.append(node.selection_set)
                    continue
                fragment: Any = node
                if isinstance(node, FragmentSpreadNode):
                    fragment = self.fragments.get(node.name.value)
                    if fragment is None or node.name.value in spread:
                        continue
                if self._does_apply(fragment, parent):
                    if node.directives and any(d.name.value == "defer" for d in node.directives):
                        units += DEFERRED
                    if isinstance(node, FragmentSpreadNode):
                        spread.add(node.name.value)
                    rest.append(fragment.selection_set)
        self.walked += units
        if self.walked > self.most:
            raise _EnoughError
        return grouped, units

    def _does_apply(
        self, fragment: InlineFragmentNode | FragmentDefinitionNode, parent: GraphQLObjectType
    ) -> bool:
        if fragment.type_condition is None:
            return True
        key = (fragment.type_condition.name.value, parent.name)
        known = self._applies.get(key)
        if known is None:
            type_: Any = self.schema.get_type(key[0])
            known = self._applies[key] = type_ is parent or (
                is_abstract_type(type_) and self.schema.is_sub_type(type_, parent)
            )
        return known

    def _known(self, parent: GraphQLObjectType, name: str) -> tuple[int, Possible]:
        """A field's own units, and the types of its objects."""
        found = self._facts.of(parent, name)
        if found is None:
            return 0, ()
        if found.kind is Kind.TYPENAME or found.kind is Kind.INTROSPECTION:
            return FIELD, ()
        units = UNITS.get(found.kind, STEP) + ARGUMENT * len(found.definition.args)
        return units + CHOICE * len(found.possible) * found.is_abstract, found.possible
