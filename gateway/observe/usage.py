"""Which fields of the schema clients ask for, as sums over plans: a plan knows its fields.

A request looks its plan and client up once, adds one, and learns where its duration belongs; the fields are
looked up when somebody asks, or when a plan has to make room. No variable and no argument is ever looked at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from weakref import WeakKeyDictionary

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)

from gateway.context import Context
from gateway.execute.prepared import Prepared
from gateway.telemetry.catalogue import DEPRECATED_USAGE, FIELD_USAGE
from gateway.telemetry.metrics import OTHER, Histogram, LabelLimit, Sample
from gateway.telemetry.settings import MetricsSettings

# Plans whose requests are not yet sums; each of them is kept in memory until then.
MAX_PENDING = 500


class RequestCount:
    """The requests for one plan by one client that are not yet sums.

    Attributes:
        requests: How many.
        durations: Of the operations of its name.
    """

    __slots__ = ("durations", "requests")

    def __init__(self, durations: Histogram) -> None:
        self.requests = 0
        self.durations = durations


class FieldUsage:
    """Requests by field and client.

    Args:
        settings: How many clients and fields are told apart.
        durations_of: The histogram of an operation.
    """

    def __init__(
        self, settings: MetricsSettings, durations_of: Callable[[Prepared], Histogram]
    ) -> None:
        self._settings = settings
        self._durations_of = durations_of
        self._pending: dict[tuple[Prepared, str | None], RequestCount] = {}
        self._clients = LabelLimit(settings.max_clients)
        self._sums: dict[tuple[str, str], int] = {}
        self._deprecated: set[str] = set()
        self._fields: WeakKeyDictionary[Prepared, list[str]] = WeakKeyDictionary()

    def count(self, prepared: Prepared, client_name: str | None) -> Histogram:
        """One request; where its duration belongs."""
        asked = self._pending.get((prepared, client_name))
        if asked is None:
            asked = self._begin(prepared, client_name)
        asked.requests += 1
        return asked.durations

    def counting(
        self, prepared: Prepared, new_context: Callable[[], Awaitable[Context]]
    ) -> Callable[[], Awaitable[Context]]:
        """A subscription's way to make contexts, the first of which is its request."""
        is_counted = False

        async def make() -> Context:
            nonlocal is_counted
            context = await new_context()
            if not is_counted:
                is_counted = True
                self.count(prepared, context.client_name)
            return context

        return make

    def fold(self) -> None:
        """Add up what was counted by plan; no plan is held from then on."""
        pending, self._pending = self._pending, {}
        for (prepared, client_name), asked in pending.items():
            self._fold(prepared, client_name, asked.requests)

    def samples(self) -> Iterator[Sample]:
        """The sums now."""
        self.fold()
        for pair, requests in self._sums.items():
            yield FIELD_USAGE, pair, requests
            if pair[0] in self._deprecated:
                yield DEPRECATED_USAGE, pair, requests

    def _begin(self, prepared: Prepared, client_name: str | None) -> RequestCount:
        pending = self._pending
        if len(pending) >= MAX_PENDING:
            oldest = next(iter(pending))
            self._fold(*oldest, pending.pop(oldest).requests)
        made = pending[prepared, client_name] = RequestCount(self._durations_of(prepared))
        return made

    def _fold(self, prepared: Prepared, client_name: str | None, requests: int) -> None:
        client = self._clients.cut(client_name or "")
        fields = self._fields.get(prepared)
        if fields is None:
            fields = self._fields[prepared] = self._look_up(prepared)
        for field in fields:
            pair = (field, client)
            if pair not in self._sums and len(self._sums) >= self._settings.max_fields:
                pair = (OTHER, client)
            self._sums[pair] = self._sums.get(pair, 0) + requests

    def _look_up(self, prepared: Prepared) -> list[str]:
        fields = fields_of(prepared)
        self._deprecated.update(name for name, is_deprecated in fields.items() if is_deprecated)
        return list(fields)


def fields_of(prepared: Prepared) -> dict[str, bool]:
    """The fields that an operation selects, `Type.field`, and whether they are deprecated.

    Under @skip and @include too; those of an interface or union by the type that the document names.
    """
    schema, operation = prepared.schema, prepared.source.operation
    found: dict[str, bool] = {}
    if operation is None:
        return found
    fragments = dict(prepared.source.fragments)
    root = schema.get_root_type(operation.operation)
    assert root is not None
    todo: list[tuple[SelectionSetNode, GraphQLNamedType]] = [(operation.selection_set, root)]
    while todo:
        selections, parent = todo.pop()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                name = node.name.value
                if name.startswith("__") or not is_composite_type(parent):
                    continue
                field = schema.get_field(parent, name)
                assert field is not None
                found[f"{parent.name}.{name}"] = field.deprecation_reason is not None
                if node.selection_set is not None:
                    todo.append((node.selection_set, get_named_type(field.type)))
                continue
            inner: InlineFragmentNode | FragmentDefinitionNode | None
            if isinstance(node, FragmentSpreadNode):
                # Walked once, wherever it is spread: its type is its own.
                inner = fragments.pop(node.name.value, None)
            else:
                assert isinstance(node, InlineFragmentNode)
                inner = node
            if inner is not None:
                condition = inner.type_condition
                on = schema.get_type(condition.name.value) if condition else parent
                assert on is not None
                todo.append((inner.selection_set, on))
    return found
