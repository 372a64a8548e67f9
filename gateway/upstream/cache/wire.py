"""A stored answer as the bytes that Redis keeps, and back. What cannot be read was written by another
version, and is no answer.
"""

from __future__ import annotations

import sys

import msgspec

from gateway.upstream.cache.stored import StoredResponse

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

VERSION = 1
COMPRESSED_FROM = 1024
"""Bytes from which a body is compressed: what is smaller gains nothing, and costs a frame."""
LEVEL = 1
MOST_BYTES = 64 * 1024 * 1024

PurgeNumber = tuple[int, int]


class WireEntry(msgspec.Struct, array_like=True, frozen=True):
    """What is written; members are added at the end, and VERSION is changed with their meaning."""

    version: int
    began: PurgeNumber
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    size: int  # of the body before compression; 0 where it is not compressed
    asked: dict[str, str | None] | None
    fresh_until: float
    born: float
    needs_validation: bool
    may_be_stale: bool
    stale_while_revalidate_s: float
    stale_if_error_s: float
    took_s: float
    tags: list[str]
    private_id: str | None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(WireEntry)


def write_entry(entry: StoredResponse, began: PurgeNumber) -> bytes:
    """The bytes.

    Args:
        entry: What is stored.
        began: The number of the last purge that was known when fetching it began.
    """
    body, size = entry.body, 0
    if len(body) >= COMPRESSED_FROM:
        body, size = zstd.compress(body, LEVEL), len(body)
    return _encoder.encode(
        WireEntry(
            VERSION,
            began,
            entry.status,
            list(entry.headers),
            body,
            size,
            entry.asked,
            entry.fresh_until,
            entry.born,
            entry.needs_validation,
            entry.may_be_stale,
            entry.stale_while_revalidate_s,
            entry.stale_if_error_s,
            entry.took_s,
            sorted(entry.tags),
            entry.private_id,
        )
    )


def read_entry(data: bytes, began: int) -> tuple[StoredResponse, PurgeNumber] | None:
    """What the bytes say; None where they say nothing that this version understands.

    Args:
        data: As they were read.
        began: The number of purges of this worker when it asked for them.
    """
    try:
        wire = _decoder.decode(data)
        if wire.version != VERSION or wire.size > MOST_BYTES:
            return None
        body = wire.body
        if wire.size:
            body = zstd.ZstdDecompressor().decompress(body, wire.size)
            if len(body) != wire.size:
                return None
    except (msgspec.DecodeError, zstd.ZstdError, EOFError):
        return None
    entry = StoredResponse(
        status=wire.status,
        headers=wire.headers,
        body=body,
        asked=wire.asked,
        fresh_until=wire.fresh_until,
        born=wire.born,
        needs_validation=wire.needs_validation,
        may_be_stale=wire.may_be_stale,
        stale_while_revalidate_s=wire.stale_while_revalidate_s,
        stale_if_error_s=wire.stale_if_error_s,
        took_s=wire.took_s,
        tags=frozenset(wire.tags),
        began=began,
        private_id=wire.private_id,
    )
    return entry, wire.began
