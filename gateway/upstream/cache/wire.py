"""A stored answer as the bytes that Redis keeps, and back. What cannot be read was written by another
version, and is no answer.
"""

from __future__ import annotations

import sys
from zlib import crc32

import msgspec

from gateway.upstream.cache.stored import StoredResponse

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

VERSION = 3
SUM_BYTES = 4
"""Of the check sum before an entry, of its key too: what was changed, or stands elsewhere, is no answer."""
COMPRESSED_FROM = 1024
"""Bytes from which a body is compressed: what is smaller gains nothing, and costs a frame."""
LEVEL = 1
MOST_BYTES = 64 * 1024 * 1024

PurgeNumber = tuple[int, int]


class WireEntry(msgspec.Struct, array_like=True, frozen=True):
    """What is written; VERSION is changed with the meaning of its members or of the entry's."""

    version: int
    began: PurgeNumber
    size: int  # of the body before compression; 0 where it is not compressed
    body: bytes
    entry: StoredResponse  # without its body


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(WireEntry)


def write_entry(key: bytes, entry: StoredResponse, began: PurgeNumber) -> bytes:
    """The bytes.

    Args:
        key: Of Redis.
        entry: What is stored.
        began: The number of the last purge that was known when fetching it began.
    """
    body, size = entry.body, 0
    if len(body) >= COMPRESSED_FROM:
        body, size = zstd.compress(body, LEVEL), len(body)
    bare = msgspec.structs.replace(entry, body=b"", began=0)
    data = _encoder.encode(WireEntry(VERSION, began, size, body, bare))
    return crc32(data, crc32(key)).to_bytes(SUM_BYTES) + data


def read_entry(key: bytes, data: bytes, began: int) -> tuple[StoredResponse, PurgeNumber] | None:
    """What the bytes say; None where they say nothing that this version understands.

    Args:
        key: Of Redis, under which they stood.
        data: As they were read.
        began: The number of purges of this worker when it asked for them.
    """
    written, data = data[:SUM_BYTES], data[SUM_BYTES:]
    if written != crc32(data, crc32(key)).to_bytes(SUM_BYTES):
        return None
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
    entry = wire.entry
    entry.body, entry.began = body, began
    return entry, wire.began
