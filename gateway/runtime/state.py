"""What one run of a plan carries: `Run`.

Generated code gets it as its one argument. It holds the request's values, the work that waits for the
event loop, and what the exact path needs to find its way back from a value to its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from graphql import GraphQLError
from graphql.pyutils import Path, is_awaitable

from gateway.context import Context
from gateway.runtime import reference
from gateway.runtime.bound import BoundField, BoundSelection
from gateway.runtime.bound_plan import Bound
from gateway.runtime.bounds import UNLIMITED, ResultLimits, nodes_error
from gateway.runtime.request import (
    InfoForm,
    Literals,
    Predicate,
    Source,
    Variables,
    has_async_items,
)
from gateway.runtime.spots import Failed, FailedList, LargeList, Pending, ValueOrigin
from gateway.telemetry.trace import Trace

NO_ARGUMENTS: dict[str, Any] = {}
T = TypeVar("T")


class Counting(Protocol):
    """Counts what a result has, before it is text."""

    def take(self, data: Any) -> None:
        """Count the data."""
        ...

    def encoded(self, field: BoundField, value: Any) -> None:
        """Count a value of a field that is text in the data."""
        ...


class SettledColumn:
    """A settled column: the objects of one field, gathered from all its parents.

    Attributes:
        values: One for each parent: the normalized value (nested lists of objects, None, Failed).
        rows: The objects, in order.
        tags: The selection of each row, or Failed; None when all are of one type without exception.
        clean: Whether every parent has its objects: no None, no Failed.
        kinds: The Python types of the objects.
    """

    __slots__ = ("clean", "kinds", "rows", "tags", "values")

    def __init__(self, values: list[Any], rows: list[Any], clean: bool, kinds: set[type]) -> None:
        self.values = values
        self.rows = rows
        self.clean = clean
        self.kinds = kinds
        self.tags: list[Any] | None = None


class _Made(Generic[T]):
    """An attribute that is made when it is first asked for: most runs need none of these."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, run: Run, owner: type) -> T:
        made = self._make()
        setattr(run, self._name, made)
        return made


VALUES_AT_ONCE = 400
"""Fields and items of lists that the exact path completes before it looks whether to pause; one takes up to 20 µs."""


class Run:
    """One run of one plan.

    Attributes:
        bound: The plan.
        source: The document of this request.
        root: The root value.
        context: What resolvers get.
        variables: Coerced.
        trace: Told how long each step takes; None when nobody wants to know.
        kept: The rows that something deferred begins with, by selection.
        shaped: What a deferred plan made of them so far, with the path of each.
        parents: The rows that a deferred plan begins with.
        works: Awaitables that the driver has to wait for; see `drive`.
        pending: Spots that the fast path left.
        dirty: Ids of the fields that have a spot below them.
        kinds: Completed objects of an abstract type that have spots, with their selection, by `id`.
        settled: The settled column of each field, by its id.
        limits: What the result may be.
        nodes_left: How many more nodes it may have.
        broken: Columns of non-null fields that have an error or a null among the values that were not awaited.
        has_failed: Whether a spot has such an error or null.
        nulled: The positions that an awaited error has nulled so far.
        waited: What has been awaited.
        errors: Located errors.
        errors_left: How many more it may have.
        waits: Whether its caller can wait for what has to be awaited.
        more_errors: How many there are beyond those.
        raised: How many errors the resolver of each field raised, by its id.
        unread_after: How many more values may keep the error that they gave; no answer shows more.
        values_at_once: How many more values the exact path completes before it looks whether to pause.
        mark: The `nodes_left` at which it checks next whether to pause, and whether there are too many.
        paused_at: When it gave the event loop back.
        data: The response so far.
        large: Lists of the response that are still to be filled; see `shapes`. None for none so far.
        tally: Counts what the result has; None where nobody asks.
        literals: Argument literals of this request that the plan leaves open, by their slot.
        is_awaitable: Says of a value that is not of a plain type whether it is awaited; `never` where nothing may be.
        is_async_iterable: The same of what gives its items later.
        wrap: Puts a middleware around the resolver of a field that the plan has as wrapped; None without one.
        info_form: What `info` is, where it is not graphql-core's own.
    """

    waits = True
    values_at_once = VALUES_AT_ONCE
    more_errors = 0
    paused_at = 0.0
    has_failed = False
    broken: tuple[tuple[BoundField, list[Any]], ...] = ()
    nulled: tuple[list[str | int], ...] = ()
    data: dict[str, Any] | None = None
    large: list[LargeList] | None = None
    tally: Counting | None = None
    is_awaitable: Predicate = staticmethod(is_awaitable)
    is_async_iterable: Predicate = staticmethod(has_async_items)
    wrap: Callable[[Any], Any] | None = None
    info_form: InfoForm | None = None
    _reference_variables: Any = None
    shaped = _Made[list[tuple[Path | None, dict[str, Any]]]](list)
    kept = _Made[dict[int, list[Any]]](dict)
    parents = _Made[list[Any]](list)
    waited = _Made[list[Any]](list)
    kinds = _Made[dict[int, tuple[dict[str, Any], BoundSelection]]](dict)
    introspection = _Made[dict[int, Any]](dict)
    infos = _Made[dict[int, tuple[type[Any], tuple[Any, ...], tuple[Any, ...]]]](dict)
    raised = _Made[dict[int, int]](dict)
    places = _Made[dict[int, GraphQLError]](dict)
    paths = _Made[dict[int, list[Path | None]]](dict)

    def __init__(
        self,
        bound: Bound,
        source: Source,
        root: Any,
        context: Any,
        variables: Variables,
        literals: Literals | None = None,
        hide_suggestions: bool = False,
        limits: ResultLimits = UNLIMITED,
    ) -> None:
        self.hide_suggestions = hide_suggestions
        self.limits = limits
        self.nodes_left = limits.max_nodes
        self.errors_left = limits.max_errors
        self.unread_after = limits.max_errors
        self.mark = limits.first_mark
        self.bound = bound
        self.source = source
        self.root = root
        self.context = context
        self.variables = variables
        self.literals = literals
        self.trace: Trace | None = None
        if type(context) is Context:  # else it is that of another server
            stats = context.stats
            self.trace = stats.trace
            if stats.tally is not None:
                self.tally = stats.tally
        self.works: list[Any] = []
        self.pending: list[Pending] = []
        self.dirty: set[int] = set()
        self.settled: dict[int, SettledColumn] = {}
        self.errors: list[GraphQLError] = []
        self.arguments: dict[int, Any] = {}

    def reference_variables(self) -> Any:
        """The variables as graphql-core's own functions and `info` have them."""
        if self._reference_variables is None:
            # The plan's own operation declares the same variables: the request's text is not parsed for it.
            self._reference_variables = reference.variable_values(
                self.bound.schema, self.bound.operation, self.variables.coerced, self.variables.raw
            )
        return self._reference_variables

    def arguments_for_call(self, field: BoundField) -> dict[str, Any]:
        """A field's coerced arguments, of its own where a call could change them or read a file of theirs.

        Errors: as graphql-core's.
        """
        if field.arguments is not None and not field.arguments.is_shared:
            return self.fresh_arguments_of(field)
        arguments = self.arguments_of(field)
        if isinstance(arguments, Failed):
            raise arguments.error
        shared: dict[str, Any] = arguments
        return shared

    def fresh_arguments_of(self, field: BoundField) -> dict[str, Any]:
        """A field's coerced arguments, evaluated for one call alone. Errors: as graphql-core's."""
        assert field.arguments is not None
        arguments = field.arguments.evaluate(self, field.plan.nodes)
        if isinstance(arguments, Failed):
            raise arguments.error
        return arguments

    @property
    def has_wrong_arguments(self) -> bool:
        """Whether the arguments of a property are wrong in this run."""
        return any(type(self.arguments_of(field)) is Failed for field in self.bound.checked)

    def arguments_of(self, field: BoundField) -> Any:
        """A field's coerced arguments, or Failed: evaluated once per run."""
        if field.arguments is None:
            return NO_ARGUMENTS
        known = self.arguments.get(field.id)
        if known is None:
            known = self.arguments[field.id] = field.arguments.evaluate(self, field.plan.nodes)
        return known

    def leave(self, field: BoundField, output: Any, raw: Any, origin: ValueOrigin) -> Pending:
        """Leave a spot for the exact path."""
        spot = Pending(field, output, raw, origin)
        self.pending.append(spot)
        self.dirty.add(field.id)
        return spot

    def take(self, nodes: int) -> None:
        """Count nodes of the result, before they are made. Errors: ResultLimitError."""
        self.nodes_left -= nodes
        if self.nodes_left < 0:
            raise nodes_error(self.limits)

    def path_of(self, field: BoundField, row: int) -> Path:
        """The response path of a field of the `row`th object of its selection's column."""
        selection = field.selection
        return Path(self.row_paths(selection)[row], field.key, selection.plan.type)

    def path_above(self, field: BoundField, index: int) -> Path:
        """The path of a field, for the `index`th object that all its parents have together."""
        return self.path_of(field, self.parent_of(field, index))

    def parent_of(self, field: BoundField, index: int) -> int:
        """Which parent the `index`th object of a settled field belongs to."""
        for parent, value in enumerate(self.settled[field.id].values):
            index -= _count(value, field.output)
            if index < 0:
                return parent
        raise IndexError(index)

    def row_paths(self, selection: BoundSelection) -> list[Path | None]:
        """The response path of each row of a settled selection."""
        known = self.paths.get(selection.id)
        if known is None:
            known = self.paths[selection.id] = list(self._find_row_paths(selection))
        return known

    def _find_row_paths(self, selection: BoundSelection) -> list[Path | None]:
        field = selection.field
        if field is None:
            return [None]
        settled = self.settled[field.id]
        found: list[Path] = []

        parents = self.row_paths(field.selection)
        for parent, value in zip(parents, settled.values, strict=True):
            _walk_rows(
                value, Path(parent, field.key, field.selection.plan.type), field.output, found
            )
        if settled.tags is None:
            return list(found)
        return [path for path, tag in zip(found, settled.tags, strict=True) if tag is selection]


def _walk_rows(value: Any, path: Path, output: Any, found: list[Path]) -> None:
    if isinstance(value, FailedList):
        value = value.items
    elif value is None or isinstance(value, Failed):
        return
    item = getattr(output, "item", None)
    if item is None:
        found.append(path)
        return
    for index, below in enumerate(value):
        _walk_rows(below, Path(path, index, None), item, found)


def _count(value: Any, output: Any) -> int:
    found: list[Path] = []
    _walk_rows(value, Path(None, "", None), output, found)
    return len(found)
