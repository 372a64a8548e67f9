"""A batch through the store of rows: what is stored of its keys, and a call for those that are missing.

It gives an answer as the backend would have given it to the whole batch, made of the bytes of the rows: whoever reads
it needs not know. Only answers whose rows can be told apart go this way, others are kept as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import msgspec
import orjson

from gateway.client.vary import partition
from gateway.connectors.call import ConnectorCall
from gateway.connectors.keys import EntityKey
from gateway.connectors.request.url import CannotWriteError
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.json_bytes import write_json
from gateway.upstream.cache.hints import CacheHints
from gateway.upstream.cache.row_store import ABSENT, FoundRows, RowStore
from gateway.upstream.transport import Fetched, UpstreamRequest

Match = Callable[[list[dict[str, Any]], list[Any]], dict[Hashable, Any]]
Given = dict[Hashable, Any]
"""What is known of keys beside the bytes of rows: an error, or what an answer maps to that is not of rows."""
_rows_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
_members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
RESTS = 31
"""Batches that do without the store after an answer that may not be kept: keeping rows costs what it does not save."""
JSON = [("content-type", "application/json")]


class BatchRows:
    """Of one batch connector.

    Args:
        key: Of parents and of rows: one member.
        path: From the top of an answer to its list of rows.
        fingerprint: Of all that a request and its answer's meaning depend on, but arguments, keys and the client.
        max_size: Keys in one call.
        max_url_bytes: A longer URL is split.
    """

    def __init__(
        self,
        key: EntityKey,
        path: tuple[str, ...],
        fingerprint: str,
        max_size: int | None,
        max_url_bytes: int,
    ) -> None:
        self.key = key
        self.max_size, self.max_url_bytes = max_size, max_url_bytes
        self.is_split = True
        self._rests = 0
        self._path = path
        self._fingerprint = fingerprint
        open_, close = b"[", b"]"
        for name in reversed(path):
            open_, close = b"{" + orjson.dumps(name) + b":" + open_, close + b"}"
        self._open, self._close = open_, close

    def rest(self) -> None:
        """Nothing of an answer may be kept: do without the store for the next batches."""
        self._rests = RESTS

    def is_resting(self) -> bool:
        """Whether the next batch does without the store."""
        if self._rests:
            self._rests -= 1
            return True
        return False

    async def fetch(
        self,
        call: ConnectorCall,
        store: RowStore,
        keys: list[Any],
        arguments: Mapping[str, Any],
        context: Context,
        match: Match,
    ) -> tuple[Fetched, Given]:
        """The answer for keys, and what is known of those that it does not have.

        Args:
            call: How the backend is asked.
            store: Of its source.
            keys: Distinct.
            arguments: Of the field.
            context: Of the request.
            match: Gives what rows are of keys, where they are mapped.
        """
        assert call.vary is not None
        view = partition(call.vary.view(context.client))
        asked = write_json(dict(arguments), repr, orjson.OPT_SORT_KEYS) if arguments else b""
        base = (self._fingerprint, asked, view, self._whose(call, context))
        names = {self._name(key): key for key in keys}
        endpoint = call.builder.endpoint
        found = await store.lookup(base, list(names), endpoint)
        ask = _Asking(self, call, store, base, arguments, context, match)
        if found.due:
            due = [names[name] for name in found.due]
            requests = ask.requests(due)

            async def refresh(_: list[Hashable]) -> None:
                for some, request in requests:
                    if isinstance(request, UpstreamRequest):
                        await ask.fill(some, request, context.upstream.fetch_unasked)

            store.refresh(base, found.due, refresh)
        outward = context.stats.outward
        known = set(found.rows) if outward is not None else ()
        given: Given = {}
        if len(found.rows) == len(names):
            context.stats.cached += 1
        else:
            given = await ask.missing(names, found, endpoint)
        if outward is not None:
            for name in names:
                entry = store.tiers.memory.get((base, name))
                outward.note(entry, was_asked=name not in known)
        return self._joined(found.rows), given

    def _whose(self, call: ConnectorCall, context: Context) -> str | None:
        """Whose rows they are, where they are one principal's."""
        caching = call.caching
        if caching is None or not caching.answers.is_private or caching.private_member is None:
            return None
        return repr((context.principal.issuer, context.principal.member(caching.private_member)))

    def _name(self, key: Any) -> Hashable:
        """What a key is stored by: an ID 1 is an ID "1"."""
        return str(key) if self.key.is_text else key

    def _joined(self, rows: Mapping[Hashable, bytes]) -> Fetched:
        body = b",".join([row for row in rows.values() if row != ABSENT])
        return Fetched(200, JSON, b"".join((self._open, body, self._close)))

    def split(self, call: ConnectorCall, fetched: Fetched) -> dict[Hashable, bytes] | None:
        """The bytes of each row of an answer, by what it is stored by; None where they cannot be told apart."""
        rows = call.decoded(fetched)
        if not isinstance(rows, list):
            return None
        try:
            body: Any = fetched.body
            for name in self._path:
                body = _members_of(body).get(name, b"null")
            raws = _rows_of(body)
        except msgspec.DecodeError:
            return None
        row_keys = self.key.column(rows) if rows else []
        if row_keys is None or len(raws) != len(rows):
            return None
        return {self._name(k): bytes(raw) for k, raw in zip(row_keys, raws, strict=True)}


class _Asking:
    """What one batch asks its backend for."""

    def __init__(
        self,
        rows: BatchRows,
        call: ConnectorCall,
        store: RowStore,
        base: Hashable,
        arguments: Mapping[str, Any],
        context: Context,
        match: Match,
    ) -> None:
        self._match = match
        self._rows, self._call, self._store, self._base = rows, call, store, base
        self._arguments, self._context = arguments, context

    async def missing(
        self, names: Mapping[Hashable, Any], found: FoundRows, endpoint: str
    ) -> Given:
        """Ask for what is missing, or wait for who does; what is there then is noted."""
        store, base = self._store, self._base
        missing = [name for name in names if name not in found.rows]
        mine, others, own = store.claim(base, missing, endpoint)
        try:
            given = await self._ask([names[name] for name in mine], found)
        finally:
            store.end_claim(base, mine, own)
        if others:
            left = self._context.deadline - asyncio.get_running_loop().time()
            await asyncio.wait(others, timeout=max(0.0, left))
            waited = [name for name in missing if name not in found.rows and name not in set(mine)]
            again = await store.lookup(base, waited, endpoint)
            found.rows.update(again.rows)
            given |= await self._ask([names[n] for n in waited if n not in again.rows], found)
        return given

    async def _ask(self, keys: list[Any], found: FoundRows) -> Given:
        given: Given = {}

        async def one(some: list[Any], request: UpstreamRequest | UpstreamError) -> None:
            try:
                if isinstance(request, UpstreamError):
                    raise request
                rows, other = await self.fill(some, request, self._fetch)
                found.rows.update(rows)
                given.update(other)
            except UpstreamError as exc:
                for key in some:
                    name = self._rows._name(key)
                    if name in found.old:
                        found.rows[name] = found.old[name]
                        self._store.count(self._call.builder.endpoint, "stale_if_error")
                    else:
                        given[key] = exc

        asked = self.requests(keys)
        if len(asked) == 1:
            await one(*asked[0])
        elif asked:
            async with asyncio.TaskGroup() as group:
                for some, request in asked:
                    group.create_task(one(some, request))
        return given

    async def _fetch(self, request: UpstreamRequest) -> Fetched:
        return await self._call.fetch(request, self._context)

    async def fill(
        self,
        keys: list[Any],
        request: UpstreamRequest,
        fetch: Callable[[UpstreamRequest], Any],
    ) -> tuple[dict[Hashable, bytes], Given]:
        """Ask for keys, and keep their rows; what an answer maps to whose rows cannot be told apart, as that.

        Errors: UpstreamError.
        """
        rows, call = self._rows, self._call
        begin = self._store.tiers.begin()
        fetched = await fetch(request)
        found = rows.split(call, fetched) if call.reader.is_plain(fetched) else None
        if found is None:
            return {}, self._mapped(keys, fetched)
        named = {rows._name(key): key for key in keys}
        asked = {name: found.get(name, ABSENT) for name in named}
        of_row = self._tags(fetched, found)
        if of_row is not None:
            is_kept = self._store.keep(
                self._base, request, fetched, asked, lambda n: of_row(n, named[n]), begin
            )
            rows.is_split &= is_kept is not False
            if is_kept is None:
                rows.rest()
        return asked, {}

    def _mapped(self, keys: list[Any], fetched: Fetched) -> Given:
        """What an answer maps to, by key. Errors: UpstreamError."""
        views = [self._rows.key.item(key) for key in keys]
        variables = self._call.variables(self._context, args=self._arguments, batch=views)
        found = self._match(views, self._call.mapped(fetched, variables))
        return {key: found.get(key) for key in keys}

    def _tags(
        self, fetched: Fetched, found: Mapping[Hashable, bytes]
    ) -> Callable[[Hashable, Any], frozenset[str]] | None:
        """What gives the tags of a row; None where they cannot be told."""
        caching, call = self._call.caching, self._call
        assert caching is not None
        variables = call.variables(self._context, args=self._arguments, batch=[])
        mapped: dict[Hashable, Any] = {}
        if caching.answers.of_rows:
            try:
                values = call.mapped(fetched, variables)
            except UpstreamError:
                return None
            if len(values) != len(found):
                return None
            mapped = dict(zip(found, values, strict=True))

        def of_row(name: Hashable, key: Any) -> frozenset[str]:
            return caching.row_tags(self._rows.key.item(key), mapped.get(name), variables)

        return of_row

    def requests(self, keys: list[Any]) -> list[tuple[list[Any], UpstreamRequest | UpstreamError]]:
        """The calls for keys, each with those that it asks for, and how its answer is treated."""
        size = self._rows.max_size or len(keys) or 1
        found = []
        for at in range(0, len(keys), size):
            found += self._requests(keys[at : at + size])
        return found

    def _requests(self, keys: list[Any]) -> list[tuple[list[Any], UpstreamRequest | UpstreamError]]:
        call, context = self._call, self._context
        try:
            request = self._plain(keys)
            if request is None:
                views = [self._rows.key.item(key) for key in keys]
                variables = call.variables(context, args=self._arguments, batch=views)
                request = call.request(variables, context)
        except UpstreamError as exc:
            return [(keys, exc)]
        if len(request.url) > self._rows.max_url_bytes and len(keys) > 1:
            half = len(keys) // 2
            return [*self._requests(keys[:half]), *self._requests(keys[half:])]
        caching = call.caching
        assert caching is not None
        hints = caching.hints(dict, context.principal, call.mapped)
        request.hints = CacheHints(
            max_age_s=hints.max_age_s,
            is_private=hints.is_private,
            private_id=hints.private_id if hints.is_private else None,
            in_rows=True,
        )
        return [(keys, request)]

    def _plain(self, keys: list[Any]) -> UpstreamRequest | None:
        assert self._rows.key.single is not None
        try:
            return self._call.builder.build_batch(
                self._rows.key.single, keys, self._context.client, self._call.may_repeat
            )
        except CannotWriteError:
            return None


def may_be_in_rows(call: ConnectorCall, key: EntityKey) -> bool:
    """Whether answers of a batch connector can be kept by rows at all."""
    is_single = key.single is not None
    is_known = call.vary is not None and call.caching is not None
    is_read = call.may_repeat and call.answer_rules is None and not call.merges
    return is_single and is_known and is_read and call.reader.may_be_plain
