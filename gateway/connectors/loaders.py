"""Connectors as loaders: a column of parents in, requests by key and chunk, a column of values out.

One call for all parents when the request does not read them, one for each distinct key when it reads
`$this`, one for each chunk of distinct keys when it reads `$batch`.

Source: connectors.md §14–§16.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Hashable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from graphql import GraphQLOutputType

from gateway.connectors.keys import MISSING, Key
from gateway.connectors.mapping.analyse import PlainShape
from gateway.connectors.mapping.compile import CompiledMapping, compile_mapping
from gateway.connectors.mapping.nodes import Selection
from gateway.connectors.mapping.wanted import Wanted as Members
from gateway.connectors.merging import Batches, merged_rows
from gateway.connectors.php import Coerce
from gateway.connectors.request import RequestBuilder
from gateway.connectors.response import ResponseReader
from gateway.connectors.typed import Decode, typed_decoder
from gateway.connectors.url import CannotWriteError, InvalidSegmentError
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.identity import Identity
from gateway.resolver import Loader, Wanted
from gateway.telemetry.trace import CURRENT
from gateway.upstream.flights import Abandoned, Flight
from gateway.upstream.transport import Fetched, Request

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for an answer; the last for deep nesting, also where nothing is read of it."""
MAX_DECODERS = 500
"""Of one connector; a class and a decoder each."""


@dataclass(slots=True)
class Call:
    """How one connector asks its backend and reads the answer.

    Attributes:
        builder: Writes the request.
        reader: Reads the answer.
        selection: The mapping's tree, for projection.
        mapping: The same, compiled, with every name that it supplies in its result.
        coerce: What the PHP dialect makes of the values; None for nothing.
        constants: `$config`, `$env` and `$context`, the same for every request.
        is_read: Whether equal calls of an operation may be one.
        may_repeat: Whether a call may be made twice, or once for several requests.
        merges: Whether batches of several requests may be one call.
        identity: What it reads of the client; None when that is all of it.
        max_requests: For one operation and source.
        shape: Of a mapping that only takes values from places; None for any other.
        kind: The GraphQL type of what the mapping makes.
        exact: Decodes an answer into just what one operation asks for, every leaf of its scalar's own
            type; None once an answer had another, and where `typed` is.
        typed: The same for leaves of any type; None where an answer has to be mapped.
        wide_reads: Answers that `exact` refused.
        generic_reads: Answers that did not have the shape that `typed` was made for.
        decoders: `exact` and `typed` by what is wanted, for all operations: plans come and go.
    """

    builder: RequestBuilder
    reader: ResponseReader
    selection: Selection
    mapping: CompiledMapping
    coerce: Coerce | None
    constants: Mapping[str, Any]
    is_read: bool
    may_repeat: bool
    merges: bool
    identity: Identity | None
    max_requests: int
    shape: PlainShape | None
    kind: GraphQLOutputType
    exact: Decode | None = None
    typed: Decode | None = None
    wide_reads: int = 0
    generic_reads: int = 0
    decoders: dict[Hashable, tuple[Decode | None, Decode | None]] = field(default_factory=dict)

    def project(self, wanted: Wanted) -> Call:
        """The same call for an operation that reads only `wanted` of its values."""
        if self.shape is None:
            return self
        key = frozen(wanted)
        made = self.decoders.get(key)
        if made is None:
            if len(self.decoders) >= MAX_DECODERS:
                del self.decoders[next(iter(self.decoders))]
            exact = typed_decoder(self.shape, self.kind, wanted, is_exact=True)
            made = self.decoders[key] = exact, typed_decoder(self.shape, self.kind, wanted)
        return replace(self, exact=made[0], typed=made[1])

    def request(self, variables: dict[str, Any], context: Context) -> Request:
        """The request. Errors: UpstreamError when it cannot be written."""
        try:
            return self.builder.build(variables, context.sent, self.may_repeat)
        except InvalidSegmentError as exc:
            raise self._refused("INVALID_PATH_SEGMENT", exc) from exc
        except CannotWriteError as exc:
            raise self._refused("HTTP_CLIENT_ERROR", exc) from exc

    def _refused(self, code: str, exc: CannotWriteError) -> UpstreamError:
        return UpstreamError(code, source=self.builder.source_name, detail=str(exc))

    def variables(self, context: Context, **given: Any) -> dict[str, Any]:
        """The variables of one call."""
        return {**self.constants, "request": {"headers": context.sent}, **given}

    async def run(
        self, variables: dict[str, Any], context: Context, request: Request | None = None
    ) -> Any:
        """Ask, and map the answer; None for no value. Errors: UpstreamError.

        Args:
            variables: Of the call.
            context: Of the request.
            request: One that was built already.
        """
        if request is None:
            request = self.request(variables, context)
        return self.read(await self.fetch(request, context), variables)

    def read(self, fetched: Fetched, variables: dict[str, Any]) -> Any:
        """What an answer maps to. Errors: UpstreamError."""
        rows = self.decoded(fetched)
        return self.mapped(fetched, variables) if rows is ... else rows

    def decoded(self, fetched: Fetched) -> Any:
        """What an answer maps to, where its bytes are decoded into just that; else `...`."""
        if self.typed is None or not self.reader.is_plain(fetched):
            return ...
        return self._decode(fetched.body, self.typed)

    def mapped(self, fetched: Fetched, variables: dict[str, Any]) -> Any:
        """What an answer maps to by the language's rules. Errors: UpstreamError."""
        data = self.reader.read(fetched, variables)
        value = self.mapping(data, variables)
        if value is ...:
            return None
        return value if self.coerce is None else self.coerce(value)

    def _decode(self, body: bytes, typed: Decode) -> Any:
        """An answer's rows; `...` where it has another shape, or is no JSON: the mapping says which."""
        if self.exact is not None:
            try:
                return self.exact(body)
            except msgspec.ValidationError:
                # A backend that once sent "42" for 42 will again: one decoding is cheaper than two.
                self.exact = None
                self.wide_reads += 1
            except UNREADABLE:
                pass  # no JSON
        try:
            return typed(body)
        except UNREADABLE:
            self.generic_reads += 1
            return ...

    async def fetch(self, request: Request, context: Context) -> Fetched:
        """Equal reads of one operation are one call; a write ends what was read before it.

        Errors: UpstreamError.
        """
        memo = context.memo
        if not self.is_read:
            self._count(request, context)
            try:
                return await context.upstream.fetch(request, context)
            finally:
                memo.clear()
        # The source too: what it adds, a session's cookie or headers of its own, is not there yet.
        key = (request.source, request.method, request.url, request.body, tuple(request.headers))
        while (known := memo.get(key)) is not None:
            if isinstance(known, Fetched):
                return known
            if isinstance(known, UpstreamError):
                raise known
            with suppress(Abandoned):
                followed: Fetched = await known.follow()
                return followed
        flight: Flight[Fetched] = Flight()
        memo[key] = flight
        outcome: Fetched | UpstreamError | None = None
        try:
            self._count(request, context)
            outcome = await context.upstream.fetch(request, context)
        except UpstreamError as exc:
            outcome = exc
            flight.fail(exc)
            raise
        except BaseException:
            flight.fail(Abandoned())  # this caller was cancelled; the next one asks again
            raise
        finally:
            if memo.get(key) is flight:  # no write has ended meanwhile
                memo[key] = outcome
        if flight.waiting:
            flight.land(outcome)
        return outcome

    def _count(self, request: Request, context: Context) -> None:
        """Errors: UpstreamError(REQUEST_LIMIT_EXCEEDED)."""
        counts = context.stats.by_source
        counts[request.source] = count = counts.get(request.source, 0) + 1
        if count > self.max_requests:
            raise UpstreamError(
                "REQUEST_LIMIT_EXCEEDED",
                source=request.source,
                detail=f"more than {self.max_requests} requests of one operation",
            )


class ConnectorLoader(ABC):
    """What the loaders of this room share: who they are, what they read and supply."""

    def __init__(self, call: Call, coordinate: str, reads: Wanted, supplies: Wanted | None) -> None:
        self.call = call
        self.coordinate = coordinate
        self.source: str | None = call.builder.source_name
        self.reads: Wanted | None = reads
        self.supplies = supplies
        self.identity: Identity | None = call.identity

    def project(self, wanted: Wanted) -> Loader:
        """The same loader, decoding no more than is wanted and what it matches rows by."""
        projected = copy(self)
        projected.call = self.call.project(self._with_keys(wanted))
        return projected

    def _with_keys(self, wanted: Wanted) -> Wanted:
        return wanted

    @abstractmethod
    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        """As `Loader.load`."""


class FieldLoader(ConnectorLoader):
    """A connector on a field whose request reads no parent: one call, the same value for all."""

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        value = await self.call.run(self.call.variables(context, args=arguments, this={}), context)
        return [value] * len(parents)


class KeyedLoader(ConnectorLoader):
    """A connector that reads `$this` (or, for `entity: true`, its key by `$args`): a call for each key.

    Args:
        key: What identifies a parent.
        is_entity: A parent without its key is not asked for.
        variable: "this" or "args".
    """

    def __init__(
        self,
        call: Call,
        coordinate: str,
        reads: Wanted,
        supplies: Wanted | None,
        *,
        key: Key,
        is_entity: bool,
        variable: str = "this",
    ) -> None:
        super().__init__(call, coordinate, reads, supplies)
        self.key = key
        self.is_entity = is_entity
        self.variable = variable

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        keys: list[Hashable] = []
        views: dict[Hashable, dict[str, Any]] = {}
        for parent in parents:
            view = self.key.view(parent)
            if view is None and not self.is_entity:
                view = partial_view(parent, self.key.wanted)
            if view is None:
                keys.append(MISSING)
                continue
            key = self.key.of(view)
            views.setdefault(key, view)
            keys.append(key)
        note_keys(len(views))
        values = await gathered([self._one(view, arguments, context) for view in views.values()])
        found = dict(zip(views, values, strict=True))
        return [found.get(key) for key in keys]

    async def _one(
        self, view: dict[str, Any], arguments: Mapping[str, Any], context: Context
    ) -> Any:
        given = {"args": arguments, self.variable: view}
        value = await self.call.run(self.call.variables(context, **given), context)
        is_object = value.__class__ is dict or isinstance(value, msgspec.Struct)
        return value if is_object or not self.is_entity else None


class BatchLoader(ConnectorLoader):
    """A connector that reads `$batch`: a call for each chunk of distinct keys.

    Args:
        key: What identifies a parent, and a row of the answer.
        row_key: What a row of the answer is matched by, where that is not the key itself (`groupBy`).
        max_size: Keys in one call; None for no bound.
        max_url_bytes: A longer URL is split.
    """

    def __init__(
        self,
        call: Call,
        coordinate: str,
        reads: Wanted,
        supplies: Wanted | None,
        *,
        key: Key,
        row_key: Key | None,
        max_size: int | None,
        max_url_bytes: int,
    ) -> None:
        super().__init__(call, coordinate, reads, supplies)
        self.key = key
        self.row_key = row_key or key
        self.is_grouped = row_key is not None
        self.max_size = max_size
        self.max_url_bytes = max_url_bytes
        self.batches = Batches(max_size, max_url_bytes) if call.merges else None

    def project(self, wanted: Wanted) -> Loader:
        projected = super().project(wanted)
        assert isinstance(projected, BatchLoader)
        if self.batches is not None:  # what is decoded differs
            projected.batches = Batches(self.max_size, self.max_url_bytes)
        return projected

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        column = self.key.column(parents)
        if column is not None:
            request, distinct = self._plain_request(column, context)
            if request is not None:
                return await self._load_plain(column, distinct, request, arguments, context)
        return await self._load_any(column, parents, arguments, context)

    def _plain_request(
        self, column: list[Any], context: Context
    ) -> tuple[Request | None, list[Any]]:
        """The one call for keys that are all a call reads, and these; None where it takes more."""
        distinct = list(dict.fromkeys(column))
        fits = self.max_size is None or len(distinct) <= self.max_size
        if self.is_grouped or self.batches is not None or not fits or self.key.single is None:
            return None, distinct
        call = self.call
        try:
            request = call.builder.build_batch(
                self.key.single, distinct, context.sent, call.may_repeat
            )
        except CannotWriteError:
            return None, distinct
        if request is not None and len(request.url) > self.max_url_bytes:
            request = None
        return request, distinct

    async def _load_plain(
        self,
        column: list[Any],
        distinct: list[Any],
        request: Request,
        arguments: Mapping[str, Any],
        context: Context,
    ) -> Sequence[Any]:
        """The values for keys of one member that one call asks for: the usual case, in few steps."""
        call = self.call
        note_keys(len(distinct), len(distinct))
        views: list[dict[str, Any]] | None = None
        try:
            fetched = await call.fetch(request, context)
            rows = call.decoded(fetched)
            if rows is ...:
                views = [self.key.item(key) for key in distinct]
                rows = call.mapped(fetched, call.variables(context, args=arguments, batch=views))
        except UpstreamError as exc:
            return [exc] * len(column)
        if rows.__class__ is not list:
            return [self._no_list()] * len(column)
        row_keys = self.row_key.column(rows)
        found: Mapping[Hashable, Any] = {}
        if row_keys is not None:
            found = dict(zip(row_keys, rows, strict=True))
        if not all(map(found.__contains__, distinct)):
            found = self._match(views or [self.key.item(key) for key in distinct], rows)
        return list(map(found.get, column))

    async def _load_any(
        self,
        column: list[Any] | None,
        parents: Sequence[Any],
        arguments: Mapping[str, Any],
        context: Context,
    ) -> Sequence[Any]:
        keys, views = self._keys(column, parents)
        if not views:
            return [[] if self.is_grouped else None] * len(keys)
        size = self.max_size or len(views)
        note_keys(len(views), min(size, len(views)))
        ordered = list(views.values())
        chunks = [ordered[at : at + size] for at in range(0, len(ordered), size)]
        found: dict[Hashable, Any] = {}
        for part in await gathered([self._chunk(chunk, arguments, context) for chunk in chunks]):
            found.update(part)
        if not self.is_grouped:
            return [found.get(key) for key in keys]
        return [[] if (rows := found.get(key)) is None else rows for key in keys]

    def _keys(
        self, column: list[Any] | None, parents: Sequence[Any]
    ) -> tuple[list[Hashable], dict[Hashable, dict[str, Any]]]:
        """Each parent's key, and what `$batch` holds of each distinct one."""
        if column is not None:
            return column, {value: self.key.item(value) for value in dict.fromkeys(column)}
        keys: list[Hashable] = []
        views: dict[Hashable, dict[str, Any]] = {}
        for parent in parents:
            view = self.key.view(parent)
            key = MISSING if view is None else self.key.of(view)
            keys.append(key)
            if view is not None and key not in views:
                views[key] = view
        return keys, views

    async def _chunk(
        self, views: list[dict[str, Any]], arguments: Mapping[str, Any], context: Context
    ) -> dict[Hashable, Any]:
        """The values of one chunk by key; an error stands at each of its keys."""
        variables = self.call.variables(context, args=arguments, batch=views)
        try:
            request = self.call.request(variables, context)
            if len(request.url) > self.max_url_bytes and len(views) > 1:
                half = len(views) // 2
                first, second = await gathered(
                    [
                        self._chunk(views[:half], arguments, context),
                        self._chunk(views[half:], arguments, context),
                    ]
                )
                return {**first, **second}
            if self.batches is None:
                rows = await self.call.run(variables, context, request)
            else:
                keyed = {self.key.of(view): view for view in views}
                rows = await merged_rows(self.batches, self.call, keyed, arguments, context)
        except UpstreamError as exc:
            return {self.key.of(view): exc for view in views}
        if rows.__class__ is not list:
            error = self._no_list()
            return {self.key.of(view): error for view in views}
        return self._match(views, rows)

    def _no_list(self) -> UpstreamError:
        return UpstreamError(
            "CONNECTOR_RESPONSE_INVALID",
            source=self.source,
            detail=f"the batch of {self.coordinate} does not map to a list",
        )

    def _with_keys(self, wanted: Wanted) -> Wanted:
        return joined(wanted, as_tree(self.row_key.wanted))

    def _match(self, views: list[dict[str, Any]], rows: list[Any]) -> dict[Hashable, Any]:
        """Answer rows by the keys that were asked for; first exactly, then IDs and strings as text."""
        rows = [row for row in rows if row is not None]
        row_keys = self.row_key.column(rows)
        if row_keys is None:
            views_of = [self.row_key.view(row) for row in rows]
            row_keys = [MISSING if view is None else self.row_key.of(view) for view in views_of]
        by_key: dict[Hashable, Any]
        if self.is_grouped:
            by_key = {}
            for key, row in zip(row_keys, rows, strict=True):
                by_key.setdefault(key, []).append(row)
        else:
            by_key = dict(zip(row_keys, rows, strict=True))
        found: dict[Hashable, Any] = {}
        by_text: dict[Hashable, Any] | None = None
        for view in views:
            key = self.key.of(view)
            if key in by_key:
                found[key] = by_key[key]
            elif self.row_key.is_text:
                if by_text is None:
                    by_text = self._by_text(rows)
                text = self.key.text_of(view)
                if text in by_text:
                    found[key] = by_text[text]
        return found

    def _by_text(self, rows: list[Any]) -> dict[Hashable, Any]:
        by_text: dict[Hashable, Any] = {}
        for row in rows:
            view = self.row_key.view(row)
            if view is None:
                continue
            text = self.row_key.text_of(view)
            if self.is_grouped:
                by_text.setdefault(text, []).append(row)
            else:
                by_text[text] = row
        return by_text


def note_keys(distinct: int, batch: int | None = None) -> None:
    """Tell the step that runs now how much it asks for."""
    timing = CURRENT.get()
    if timing is not None:
        timing.keys, timing.batch = distinct, batch


async def gathered(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    """Run calls at the same time; an upstream's error stands in its place as a value.

    One alone is awaited without a task.
    """
    if len(calls) == 1:
        try:
            return [await calls[0]]
        except UpstreamError as exc:
            return [exc]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, UpstreamError):
            raise outcome
    return outcomes


def partial_view(parent: Any, wanted: Members) -> dict[str, Any]:
    """`$this` of a parent that lacks some of what is read: what it has."""
    from gateway.resolver import read_property

    found: dict[str, Any] = {}
    for name, inner in wanted.members.items():
        value = read_property(parent, name, MISSING)
        if value is MISSING:
            continue
        found[name] = partial_view(value, inner) if inner.members and value is not None else value
    return found


def frozen(wanted: Wanted) -> Hashable:
    """The same as a key, in its order: that of the members of what is decoded."""
    return tuple([(name, frozen(inner)) for name, inner in wanted.items()])


def as_tree(members: Members) -> Wanted:
    """The mapping room's names as loaders have them."""
    return Wanted({name: as_tree(inner) for name, inner in members.members.items()})


def joined(left: Wanted, right: Wanted) -> Wanted:
    """What either wants."""
    both = Wanted(left)
    for name, inner in right.items():
        both[name] = joined(both[name], inner) if name in both else inner
    return both


def compile_filled(selection: Selection, name: str, supplied: Members) -> CompiledMapping:
    """A connector's `selection`: every name that it supplies stands in its result."""
    return compile_mapping(selection, name, fill=supplied)
