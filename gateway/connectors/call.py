"""How one connector asks its backend and reads the answer: what every loader of it shares.

Equal reads of one operation are one call. It knows nothing of parents, keys or batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

from gateway.client.vary import VARY_NONE, Vary
from gateway.concurrency.singleflight import Abandoned, SharedCall
from gateway.connectors.caching.call_caching import CallCaching
from gateway.connectors.mapping.compile import CompiledMapping, compile_mapping
from gateway.connectors.mapping.members import Members
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.connectors.php.answers import PhpAnswers
from gateway.connectors.request.numbers_as_written import Written
from gateway.connectors.request.template import RequestBuilder
from gateway.connectors.request.url import CannotWriteError, InvalidSegmentError
from gateway.connectors.response.decoding import Decodings, RowDecoding
from gateway.connectors.response.object_shape import Check
from gateway.connectors.response.outcome import ResponseReader
from gateway.connectors.response.passed_headers import AnswerRules
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.graph.field_tree import FieldTree
from gateway.upstream.transport import Fetched, UpstreamRequest

MAPPED_AT_ONCE = 100_000
"""Bytes of an answer that is mapped where it came in: 10 ms of CPU for objects; the thread costs 0.1."""

_threads = ThreadPoolExecutor(2, "mapping")

NO_REQUEST: Mapping[str, Any] = {"headers": {}, "claims": {}}


@dataclass(slots=True)
class ConnectorCall:
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
        vary: What it reads of the client; None when that is all of it.
        flags: The flags that its mappings read.
        exposes: Those, and the ones that decide whether it is this call that is made: whose call it is has met them.
        max_requests: For one operation and source.
        decodings: How answers are decoded into just what an operation asks for.
        decoding: The one of this operation.
        written: What makes arguments those that go out; None where they are.
        is_batch: Whether the mapping makes the rows of a batch: a list.
        caching: What it tells the cache; None where nothing of it is kept, and it makes nothing unusable.
        answer_rules: What of an answer's headers goes on to the client; None for nothing.
    """

    builder: RequestBuilder
    reader: ResponseReader
    responding: Sequence[MappingSelection]
    mapping: CompiledMapping
    check: Check | None
    php: PhpAnswers | None
    constants: Mapping[str, Any]
    is_read: bool
    may_repeat: bool
    merges: bool
    vary: Vary | None
    max_requests: int
    decodings: Decodings
    decoding: RowDecoding
    is_batch: bool = False
    written: Written | None = None
    answer_rules: AnswerRules | None = None
    caching: CallCaching | None = None
    flags: frozenset[str] = frozenset()
    exposes: frozenset[str] = frozenset()

    def project(self, wanted: FieldTree) -> ConnectorCall:
        """The same call for an operation that reads only `wanted` of its values."""
        return replace(self, decoding=self.decodings.of(wanted))

    def may_share(self, context: Context) -> bool:
        """Whether others' requests may go with this one's."""
        return self.vary is not None and self.vary.may_share(context.client)

    def request(self, variables: dict[str, Any], context: Context) -> UpstreamRequest:
        """The request. Errors: UpstreamError when it cannot be written."""
        try:
            request = self.builder.build(variables, context.client, self.may_repeat)
        except InvalidSegmentError as exc:
            raise self._refused("INVALID_PATH_SEGMENT", exc) from exc
        except CannotWriteError as exc:
            raise self._refused("INVALID_REQUEST_VALUE", exc) from exc
        if self.caching is not None:
            request.hints = self.caching.hints(lambda: variables, context.principal, self.mapped)
        return request

    def _refused(self, code: str, exc: CannotWriteError) -> UpstreamError:
        return UpstreamError(code, source=self.builder.source_name, detail=str(exc))

    def variables(self, context: Context, **given: Any) -> dict[str, Any]:
        """The variables of one call, which is made with them."""
        if self.exposes:
            context.stats.expose(self.exposes)
        if self.written is not None:
            given["args"] = self.written(given["args"])
        vary = self.vary
        if vary is VARY_NONE:
            return {**self.constants, "request": NO_REQUEST, **given}
        principal = context.principal
        request = {"headers": context.raw_headers, "claims": principal.plain_claims}
        if vary is None or vary.principal:
            given["principal"] = principal.as_json()
        if self.flags:
            decided = context.client.flags or {}
            given["flags"] = {name: flag.value for name, flag in decided.items()}
        return {**self.constants, "request": request, **given}

    async def answer(
        self, variables: dict[str, Any], context: Context, request: UpstreamRequest | None = None
    ) -> Any:
        """Ask, and map the answer; None for no value. Errors: UpstreamError.

        Args:
            variables: Of the call.
            context: Of the request.
            request: One that was built already.
        """
        if request is None:
            request = self.request(variables, context)
        return await self.decode_and_map(await self.fetch(request, context), variables)

    async def decode_and_map(self, fetched: Fetched, variables: dict[str, Any]) -> Any:
        """What an answer maps to. Errors: UpstreamError."""
        rows = self.decoded(fetched)
        return await self.map(fetched, variables) if rows is ... else rows

    def decoded(self, fetched: Fetched) -> Any:
        """What an answer maps to, where its bytes are decoded into just that; else `...`."""
        if self.decoding.typed is None or not self.reader.is_plain(fetched):
            return ...
        rows = self.decoding.rows(fetched.body)
        return ... if rows is None and self.is_batch else rows

    async def map(self, fetched: Fetched, variables: dict[str, Any]) -> Any:
        """As `mapped`, in a thread where the answer is large: the event loop has its turns meanwhile."""
        if len(fetched.body) <= MAPPED_AT_ONCE:
            return self.mapped(fetched, variables)
        data = self.reader.value_of(fetched, variables)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads, self._map, fetched, data, variables)

    def mapped(self, fetched: Fetched, variables: dict[str, Any]) -> Any:
        """What an answer maps to by the language's rules. Errors: UpstreamError."""
        return self._map(fetched, self.reader.value_of(fetched, variables), variables)

    def _map(self, fetched: Fetched, data: Any, variables: dict[str, Any]) -> Any:
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

    async def fetch(self, request: UpstreamRequest, context: Context) -> Fetched:
        """Equal reads of one operation are one call, but for batches that others may join; a write ends what was read.

        Errors: UpstreamError.
        """
        memo, stats = context.memo, context.stats
        shared: SharedCall[Fetched] | None = None
        if self.is_read and not request.may_change:
            # The source too: what it adds, a session's cookie or headers of its own, is not there yet.
            headers = tuple(request.headers)
            key = (request.source, request.method, request.url, request.body, headers)
            while (known := memo.get(key)) is not None:
                if isinstance(known, Fetched):
                    return known
                if isinstance(known, UpstreamError):
                    raise known
                with suppress(Abandoned):
                    followed: Fetched = await known.follow()
                    return followed
            memo[key] = shared = SharedCall()
        outcome: Fetched | UpstreamError | None = None
        begin = perf_counter()
        try:
            self._count(request, context)
            if self.answer_rules is None:
                outcome = await context.upstream.fetch(request, context)
            else:
                outcome = await self._ask(request, context)
        except BaseException as exc:
            if shared is not None:
                outcome = exc if isinstance(exc, UpstreamError) else None
                shared.fail(exc)
            raise
        finally:
            stats.wait_s += perf_counter() - begin
            if not self.is_read:
                memo.clear()
            elif shared is not None and memo.get(key) is shared:  # no write has ended meanwhile
                memo[key] = outcome
        if shared is not None and shared.followers:
            shared.finish(outcome)
        return outcome

    async def _ask(self, request: UpstreamRequest, context: Context) -> Fetched:
        """As `Upstream.fetch`; what the rules take of the answer's headers goes to the operation's own answer."""
        assert self.answer_rules is not None
        part = context.response.headers.begin_call()
        fetched = await context.upstream.fetch(request, context)
        part += self.answer_rules.apply(fetched.headers)
        return fetched

    def _count(self, request: UpstreamRequest, context: Context) -> None:
        """Errors: UpstreamError(REQUEST_LIMIT_EXCEEDED), (SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE)."""
        if request.source in context.stats.refused:
            raise UpstreamError(
                "SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE",
                source=request.source,
                detail=f"the operation's part for it is over cost.sources.{request.source}.max",
            )
        counts = context.stats.by_source
        counts[request.source] = count = counts.get(request.source, 0) + 1
        if count > self.max_requests:
            raise UpstreamError(
                "REQUEST_LIMIT_EXCEEDED",
                source=request.source,
                detail=f"more than {self.max_requests} requests of one operation",
            )


def compile_filled(
    selection: MappingSelection, name: str, supplied: Members, *, has_errors: bool
) -> CompiledMapping:
    """A connector's `selection`: every name that it supplies stands in its result."""
    return compile_mapping(selection, name, fill=supplied, has_errors=has_errors)
