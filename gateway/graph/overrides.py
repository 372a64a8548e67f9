"""`@override` on a bound schema: what else may give a field, and the label that decides for each request.

Nothing here decides a label, or knows connectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    type_from_ast,
)

from gateway.graph.loader import Loader

if TYPE_CHECKING:
    from gateway.context import Context

OVERRIDES = "gateway.overrides"


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """What gives a field where a label is on.

    Attributes:
        label: Which.
        loader: In place of the field's own.
    """

    label: str
    loader: Loader


def add_override(schema: GraphQLSchema, coordinate: str, label: str) -> None:
    """Keep with the schema that a label decides a field, whatever its resolver becomes."""
    schema.extensions.setdefault(OVERRIDES, {})[coordinate] = label


def overrides_of(schema: GraphQLSchema) -> Mapping[str, str]:
    """The label of each field that has one, by coordinate."""
    found: Mapping[str, str] = schema.extensions.get(OVERRIDES, {})
    return found


def labels_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> tuple[str, ...]:
    """The labels that decide fields of an operation, sorted; those too that its loaders read of their parents."""
    known = overrides_of(schema)
    if not known:
        return ()
    walk = _LabelWalk(schema, document, known)
    walk.selections(schema.get_root_type(operation.operation), operation.selection_set)
    return tuple(sorted(walk.labels))


class _LabelWalk:
    """Collects the labels of what is selected, and of what that reads."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, known: Mapping[str, str]
    ) -> None:
        self.labels: set[str] = set()
        self._schema = schema
        self._known = known
        self._seen: set[tuple[str, str]] = set()
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def selections(self, parent: Any, selection_set: Any) -> None:
        """Everything below a selection set of a type; each fragment once."""
        rest = [(parent, selection_set)]
        while rest:
            parent, selected = rest.pop()
            for node in selected.selections:
                if isinstance(node, FieldNode):
                    definition = getattr(parent, "fields", {}).get(node.name.value)
                    if definition is None:  # `__typename`, introspection
                        continue
                    self._field(parent, node.name.value)
                    if node.selection_set is not None:
                        rest.append((get_named_type(definition.type), node.selection_set))
                    continue
                inner: Any = node
                if not isinstance(node, InlineFragmentNode):
                    inner = self._fragments.pop(node.name.value, None)
                if inner is not None:
                    condition = inner.type_condition
                    of = type_from_ast(self._schema, condition) if condition else parent
                    rest.append((of, inner.selection_set))

    def _field(self, parent: Any, name: str) -> None:
        owners = [parent]
        if is_abstract_type(parent):
            owners = list(self._schema.get_possible_types(parent))
        rest = [(owner, name) for owner in owners]
        while rest:
            owner, name = rest.pop()
            if (owner.name, name) in self._seen or name not in owner.fields:
                continue
            self._seen.add((owner.name, name))
            label = self._known.get(f"{owner.name}.{name}")
            if label is not None:
                self.labels.add(label)
            for loader in loaders_of(owner.fields[name].resolve):
                rest += [(owner, read) for read in loader.reads or ()]


def loader_for(resolve: Any, context: Context) -> Loader:
    """Which of a field's loaders a request has: the fallback path only, for a plan has chosen before."""
    override: Override | None = resolve.override
    if override is not None and context.whole.overrides.get(override.label):
        return override.loader
    own: Loader = resolve.loader
    return own


def loaders_of(resolve: Any) -> list[Loader]:
    """Every loader that may give a field, whatever its label; none where no loader does."""
    own = getattr(resolve, "loaders", None) or [getattr(resolve, "loader", None)]
    override = getattr(resolve, "override", None)
    every = own if override is None else [*own, override.loader]
    return [loader for loader in every if loader is not None]
