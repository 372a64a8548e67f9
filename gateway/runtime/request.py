"""What a run has of its request: the document, its literals, variables, and what a framework asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    ValueNode,
)
from graphql.pyutils import is_awaitable, is_iterable

from gateway.plan.collect import field_nodes
from gateway.runtime import reference

Predicate = Callable[[Any], bool]


def never(_value: Any) -> bool:
    """A predicate for what runs without an event loop: nothing is awaited."""
    return False


def has_async_items(value: Any) -> bool:
    """Whether a value gives its items later. 3.2 iterates at once what can be: a QuerySet of Django can both."""
    return hasattr(value, "__aiter__") and (reference.IS_3_3 or not is_iterable(value))


@dataclass(frozen=True, slots=True)
class InfoForm:
    """What `info` is for a framework that makes one of its own.

    Attributes:
        info_class: A subclass of `Info`.
        extras: What its tuple has after graphql-core's members.
        has_plain_variables: Whether `info.variable_values` is the plain dict of coerced variables.
        is_awaitable: What `info.is_awaitable` is.
    """

    info_class: type[Any]
    extras: tuple[Any, ...] = ()
    has_plain_variables: bool = False
    is_awaitable: Predicate = is_awaitable


class Literals(Protocol):
    """What a request's text has in the places that a shared plan leaves open."""

    def node(self, slot: int) -> ValueNode:
        """The literal of a slot."""
        ...

    def document(self) -> DocumentNode:
        """The request's own text, parsed: asked for only when an error or an `info` needs it."""
        ...


class Source:
    """The document that a run's errors and infos speak of.

    A plan may have been made from another text that differs in literals: it names nodes by their place
    in document order, and they are looked up here, in this request's own document.

    Args:
        load: Gives the document, when it is first needed.
        operation_name: Which operation of it.
    """

    def __init__(self, load: Callable[[], DocumentNode], operation_name: str | None) -> None:
        self._load = load
        self.operation_name = operation_name

    @cached_property
    def document(self) -> DocumentNode:
        """The document."""
        return self._load()

    @cached_property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        """Its fragments by name."""
        definitions = self.document.definitions
        return {n.name.value: n for n in definitions if isinstance(n, FragmentDefinitionNode)}

    @cached_property
    def operation(self) -> OperationDefinitionNode | None:
        """The operation that is meant; None when there is no such one."""
        definitions = self.document.definitions
        operations = [n for n in definitions if isinstance(n, OperationDefinitionNode)]
        return reference.select_operation(operations, self.operation_name)

    @cached_property
    def _field_nodes(self) -> list[FieldNode]:
        return field_nodes(self.document)

    def nodes(self, numbers: tuple[int, ...]) -> list[FieldNode]:
        """The field nodes with these numbers."""
        return [self._field_nodes[number] for number in numbers]

    def root_fields(self) -> tuple[str, ...]:
        """The names of the operation's root fields, in order, each once."""
        return tuple(dict.fromkeys(self._root_names.values()))

    def executed_fields(self, data: Any) -> tuple[str, ...]:
        """The names of the root fields that an answer has: those that were not skipped."""
        if not isinstance(data, dict):  # it is JSON already, or nothing is left
            return self.root_fields()
        return tuple(dict.fromkeys(n for key, n in self._root_names.items() if key in data))

    @cached_property
    def _root_names(self) -> dict[str, str]:
        """The operation's root fields by the keys that they have in its answer."""
        operation = self.operation
        found: dict[str, str] = {}
        rest: list[Any] = list(operation.selection_set.selections) if operation else []
        while rest:
            node = rest.pop(0)
            if isinstance(node, FieldNode):
                found[(node.alias or node.name).value] = node.name.value
            elif isinstance(node, InlineFragmentNode):
                rest[:0] = node.selection_set.selections
            else:
                rest[:0] = self.fragments[node.name.value].selection_set.selections
        return found


class Variables(msgspec.Struct, eq=False):
    """The variables of a run.

    Attributes:
        coerced: By name; absent ones are left out.
        raw: As the client sent them.
    """

    coerced: dict[str, Any]
    raw: Mapping[str, Any]
