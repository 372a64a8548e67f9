"""How one connector asks its backend and reads the answer: what every loader of it shares.

Equal reads of one operation are one call. It knows nothing of parents, keys or batches.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec
from graphql import GraphQLOutputType

from gateway.connectors.mapping.analyse import PlainShape
from gateway.connectors.mapping.compile import CompiledMapping, compile_mapping
from gateway.connectors.mapping.nodes import Selection
from gateway.connectors.mapping.wanted import Wanted as Members
from gateway.connectors.php.answers import PhpAnswers
from gateway.connectors.request import RequestBuilder
from gateway.connectors.response import ResponseReader
from gateway.connectors.shape import Check
from gateway.connectors.typed import Decode, typed_decoder
from gateway.connectors.url import CannotWriteError, InvalidSegmentError
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.identity import Identity
from gateway.resolver import Wanted
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
        responding: All mappings that work on an answer.
        mapping: `selection`, compiled, with every name that it supplies in its result.
        check: Drops what stands where an object was meant; None for nothing.
        php: Maps the answers of a source that speaks the PHP dialect; None for any other.
        constants: `$config`, `$env` and `$context`, the same for every request.
        is_read: Whether equal calls of an operation may be one.
        may_repeat: Whether a call may be made twice, or once for several requests.
        merges: Whether batches of several requests may be one call.
        identity: What it reads of the client; None when that is all of it.
        max_requests: For one operation and source.
        shape: Of a mapping that only takes values from places; None for any other.
        kind: The GraphQL type of what the mapping makes.
        is_batch: Whether that is the rows of a batch: a list.
        exact: Decodes an answer into just what one operation asks for, every leaf of its scalar's own
            type; None once an answer had another, and where `typed` is.
        typed: The same for leaves of any type; None where an answer has to be mapped.
        wide_reads: Answers that `exact` refused.
        generic_reads: Answers that did not have the shape that `typed` was made for.
        decoders: `exact` and `typed` by what is wanted, for all operations: plans come and go.
    """

    builder: RequestBuilder
    reader: ResponseReader
    responding: Sequence[Selection]
    mapping: CompiledMapping
    check: Check | None
    php: PhpAnswers | None
    constants: Mapping[str, Any]
    is_read: bool
    may_repeat: bool
    merges: bool
    identity: Identity | None
    max_requests: int
    shape: PlainShape | None
    kind: GraphQLOutputType
    is_batch: bool = False
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
        rows = self._decode(fetched.body, self.typed)
        return ... if rows is None and self.is_batch else rows

    def mapped(self, fetched: Fetched, variables: dict[str, Any]) -> Any:
        """What an answer maps to by the language's rules. Errors: UpstreamError."""
        data = self.reader.read(fetched, variables)
        if self.php is not None:
            invalid = partial(self.reader.invalid, fetched)
            value = self.php.map(self.mapping, data, variables, invalid)
        else:
            value = self.mapping(data, variables)
            if self.check is not None and value is not ...:
                value = self.check(value)
        if self.is_batch and value.__class__ is not list:
            raise self.reader.invalid(fetched, "the batch does not map to a list")
        return None if value is ... else value

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
        except Exception:
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


def frozen(wanted: Wanted) -> Hashable:
    """The same as a key, in its order: that of the members of what is decoded."""
    return tuple([(name, frozen(inner)) for name, inner in wanted.items()])


def compile_filled(selection: Selection, name: str, supplied: Members) -> CompiledMapping:
    """A connector's `selection`: every name that it supplies stands in its result."""
    return compile_mapping(selection, name, fill=supplied)
