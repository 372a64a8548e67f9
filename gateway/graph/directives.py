"""Schema directives that act on fields and arguments: `@range`, and those of `@schema_directive`.

A use of a directive is laid around what resolves the field, whatever kind that is, so that the fallback
and the compiled path run the same thing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLID,
    GraphQLNamedType,
    GraphQLScalarType,
    GraphQLString,
)

from gateway.client.vary import Vary
from gateway.context import Context
from gateway.errors import ClientError
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import Loader, called_sources
from gateway.graph.overrides import loader_for
from gateway.graph.resolvers import (
    BatchField,
    EntityField,
    EventSource,
    FieldResolver,
    load_one,
    read_property,
    seen_by,
    vary_of,
)


class Range:
    """`@range(min:, max:)`: a number outside is BAD_USER_INPUT, before the field calls anything."""

    def __init__(self, min: int | None = None, max: int | None = None) -> None:  # noqa: A002 - the SDL's names
        """Errors: ValueError for bounds that refuse every number, or none."""
        if min is None and max is None:
            raise ValueError("it has neither `min` nor `max`, and refuses nothing")
        if min is not None and max is not None and min > max:
            raise ValueError(f"no number is at least {min} and at most {max}")
        self.least, self.most = min, max

    def argument(self, value: Any) -> Any:
        """The value unchanged. Errors: ClientError naming the bounds."""
        if value is None:
            return None
        if isinstance(value, list):
            return [self.argument(item) for item in value]
        if self.least is not None and value < self.least:
            raise ClientError(f"must be at least {self.least}, got {value}.")
        if self.most is not None and value > self.most:
            raise ClientError(f"must be at most {self.most}, got {value}.")
        return value


def may_be_number(kind: GraphQLNamedType) -> bool:
    """Whether `@range` has something to compare: a scalar of the schema's own may be anything."""
    is_text = kind in (GraphQLString, GraphQLID, GraphQLBoolean)
    return isinstance(kind, GraphQLScalarType) and not is_text


@dataclass(slots=True, eq=False)
class ArgumentDirective:
    """One directive on one argument, or on one field of an input object.

    Attributes:
        title: What its errors begin with: `Argument Query.videos(first:)`.
        key: The name in the coerced arguments, or in the coerced object.
        check: The directive's `argument(value) -> value`.
    """

    title: str
    key: str
    check: Callable[[Any], Any]

    def apply(self, arguments: dict[str, Any]) -> None:
        """Check, and replace, in place. Errors: ClientError that names the argument."""
        if self.key not in arguments:
            return
        try:
            arguments[self.key] = self.check(arguments[self.key])
        except ClientError as exc:
            raise ClientError(
                f"{self.title} {exc.message}",
                code=exc.code,
                extensions=exc.extensions,
                http_status=exc.http_status,
            ) from None


@dataclass(slots=True, eq=False)
class InputCheck:
    """The directives on the fields of one type of input objects, and of those in them.

    Attributes:
        checks: Of its own fields.
        inner: By key, of the objects that a field has.
    """

    checks: list[ArgumentDirective]
    inner: dict[str, InputCheck] = field(default_factory=dict)

    def check(self, value: Any) -> Any:
        """A coerced value with its objects checked; what they were made of stays as it is. Errors: ClientError."""
        if isinstance(value, list):
            return [self.check(item) for item in value]
        if not isinstance(value, dict):
            return value
        checked = dict(value)
        for key, inner in self.inner.items():
            if key in checked:
                checked[key] = inner.check(checked[key])
        for check in self.checks:
            check.apply(checked)
        return checked


def check_arguments(resolve: Any, checks: Sequence[ArgumentDirective], coordinate: str) -> Any:
    """`resolve` behind checks of its arguments."""
    if isinstance(resolve, BatchField):
        return resolve.around(lambda loader: _AroundLoader(loader, checks=checks))

    def checked(parent: Any, context: Context, **arguments: Any) -> Any:
        for check in checks:
            check.apply(arguments)
        return call_resolver(resolve, parent, context, coordinate, arguments)

    return _as_field_resolver(checked, resolve, coordinate)


def check_source(source: EventSource, checks: Sequence[ArgumentDirective]) -> EventSource:
    """A source stream that is not opened where an argument is bad."""

    def opened(root: Any, context: Context, **arguments: Any) -> Any:
        for check in checks:
            check.apply(arguments)
        return source.open(root, context, **arguments)

    return replace(source, open=opened)


def change_result(
    resolve: Any, result: Callable[[Any, Context], Any], coordinate: str, sees: Vary | None
) -> Any:
    """`resolve` with each of its values passed through a directive's `result`."""

    def change(value: Any, context: Context) -> Any:
        return result(value, seen_by(context, sees))

    if isinstance(resolve, BatchField):
        return resolve.around(lambda loader: _AroundLoader(loader, change=change))

    def changed(parent: Any, context: Context, **arguments: Any) -> Any:
        value = call_resolver(resolve, parent, context, coordinate, arguments)
        if inspect.isawaitable(value):
            return _change_later(value, change, context)
        return change(value, context)

    return _as_field_resolver(changed, resolve, coordinate)


def wrap_resolver(
    resolve: Any, wrapper: Callable[..., Any], coordinate: str, sees: Vary | None
) -> Any:
    """`wrapper(next, parent, context, **arguments)` in place of `resolve`."""

    def wrapped(parent: Any, context: Context, **arguments: Any) -> Any:
        def call_next(parent: Any, context: Context, **arguments: Any) -> Any:
            return call_resolver(resolve, parent, context, coordinate, arguments)

        return wrapper(call_next, parent, seen_by(context, sees), **arguments)

    return _as_field_resolver(wrapped, resolve, coordinate)


def _as_field_resolver(function: Callable[..., Any], inner: Any, coordinate: str) -> FieldResolver:
    """`function` in the place of `inner`: an `info` that `inner` takes travels in its arguments.

    It gets the whole context, and gives each function around and inside what that may see.
    """
    if isinstance(inner, FieldResolver):
        return FieldResolver(function, coordinate, inner.is_async, inner.takes_info, inner.vary)
    is_async = inner is not None
    return FieldResolver(function, coordinate, is_async, False, vary_of(inner))


async def _change_later(value: Any, change: Callable[[Any, Context], Any], context: Context) -> Any:
    return change(await value, context)


def call_resolver(
    resolve: Any, parent: Any, context: Context, coordinate: str, arguments: Mapping[str, Any]
) -> Any:
    """Resolve one parent's field by whichever kind `resolve` is; may be awaitable."""
    if resolve is None:
        return read_property(parent, coordinate.rpartition(".")[2], None)
    if isinstance(resolve, FieldResolver):
        return resolve.call(parent, context, arguments)
    if isinstance(resolve, BatchField):
        return load_one(loader_for(resolve, context), parent, arguments, context)
    if isinstance(resolve, EntityField):
        value = read_property(parent, resolve.name, resolve.missing)
        return resolve.complete(parent, context) if value is resolve.missing else value
    raise TypeError(f"{coordinate} has a resolver that directives cannot wrap: {resolve!r}")


def _is_of_user(check: Callable[[Any], Any], seen: frozenset[int] = frozenset()) -> bool:
    """Whether a check is not the gateway's own. An input object may be in itself: it is looked at once."""
    owner = getattr(check, "__self__", None)
    if not isinstance(owner, InputCheck):
        return not isinstance(owner, Range)
    if id(owner) in seen:
        return False
    seen |= {id(owner)}
    below = [*(own.check for own in owner.checks), *(one.check for one in owner.inner.values())]
    return any(_is_of_user(one, seen) for one in below)


class _AroundLoader:
    """A loader behind argument checks, or with its values changed."""

    def __init__(
        self,
        inner: Loader,
        *,
        checks: Sequence[ArgumentDirective] = (),
        change: Callable[[Any, Context], Any] | None = None,
    ) -> None:
        self.inner = inner
        self.checks = checks
        self.change = change
        self.coordinate = inner.coordinate
        self.source = inner.source
        self.sources = called_sources(inner)
        self.reads = inner.reads
        self.vary = inner.vary
        self.is_of_python = change is not None or any(_is_of_user(check.check) for check in checks)
        # A directive may change the value's shape.
        self.supplies = inner.supplies if change is None else None

    def project(self, wanted: FieldTree) -> Loader:
        """A directive that changes values may read all of them: then nothing is left out."""
        if self.change is not None:
            return self
        return _AroundLoader(self.inner.project(wanted), checks=self.checks)

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        """As `Loader.load`, with the checks before and the change after."""
        if self.checks:
            arguments = dict(arguments)
            for check in self.checks:
                check.apply(arguments)
        values = await self.inner.load(parents, arguments, context)
        if self.change is None:
            return values
        return [
            value if isinstance(value, Exception) else self.change(value, context)
            for value in values
        ]
