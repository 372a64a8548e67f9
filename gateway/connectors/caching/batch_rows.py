"""A batch through the store of rows: what is stored of its keys, and a call for those that are missing.

It gives an answer as the backend would have given it to the whole batch, made of the bytes of the rows: whoever reads
it needs not know. Only answers whose rows can be told apart go this way, others are kept as a whole.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import msgspec
import orjson

from gateway.client.vary import partition
from gateway.connectors.caching.row_fetch import RESTS, Given, Match, RowFetch
from gateway.connectors.call import ConnectorCall
from gateway.connectors.keys import EntityKey
from gateway.context import Context
from gateway.json_bytes import write_json
from gateway.telemetry.trace import CURRENT
from gateway.upstream.cache.keys import base_key
from gateway.upstream.cache.row_store import ABSENT, RowStore
from gateway.upstream.transport import Fetched, UpstreamRequest

_rows_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
_members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
JSON = [("content-type", "application/json")]
MOST_KEY_TEXT = 200


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
        base = base_key(self._fingerprint, asked, view, self._whose(call, context))
        names = {self._name(key): key for key in keys}
        endpoint = call.builder.endpoint
        found = await store.lookup(base, list(names), endpoint)
        ask = RowFetch(self, call, store, base, arguments, context, match)
        if found.due:
            due = [names[name] for name in found.due]
            requests = ask.requests(due)

            async def send(request: UpstreamRequest) -> Fetched:
                return await context.upstream.refresh(request, context)

            async def refresh(_: list[Hashable]) -> None:
                for some, request in requests:
                    if isinstance(request, UpstreamRequest):
                        await ask.fill(some, request, send, {})

            store.refresh(base, found.due, refresh)
        given: Given = {}
        if len(found.rows) == len(names):
            context.stats.cached += 1
        else:
            given = await ask.missing(names, found, endpoint)
        step, outward = CURRENT.get(), context.stats.outward
        if step is not None:
            step.looked_up(found.result)
        if outward is not None:
            outward.looked_up.append((store.source, endpoint))
            outward.note_given(found.given.values())
            if len(found.given) < len(names):
                why = f"{store.source}: {store.tiers.refusals.get(endpoint, 'not kept')}"
                for name in names.keys() - found.given.keys():
                    outward.note(found.kept.get(name), was_asked=True, why=why)
        return self._joined(found.rows), given

    def _whose(self, call: ConnectorCall, context: Context) -> str | None:
        """Whose rows they are, where they are one principal's."""
        caching = call.caching
        if caching is None or not caching.answers.is_private:
            return None
        return caching.owner(context.principal)

    def _name(self, key: Any) -> Hashable:
        """What a key is stored by: an ID 1 is an ID "1"; of a long text a digest, since it counts for no bytes."""
        name = str(key) if self.key.is_text else key
        if isinstance(name, str) and len(name) > MOST_KEY_TEXT:
            return base_key(name)
        return name

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


def may_be_in_rows(call: ConnectorCall, key: EntityKey) -> bool:
    """Whether answers of a batch connector can be kept by rows at all."""
    is_single = key.single is not None
    is_known = call.vary is not None and call.caching is not None
    is_read = call.may_repeat and call.answer_rules is None and not call.merges
    return is_single and is_known and is_read and call.reader.may_be_plain
