"""Content codings: what is read, what is refused, and how much work a hostile body can cost.

Work is counted, not timed.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import random
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import brotli
import pytest

from gateway.codings import members
from gateway.codings.decode import (
    MAX_BYTES_PER_BYTE,
    MAX_CODINGS,
    MAX_MEMBERS,
    PADDING_BYTES,
    TURN_WORK,
    WINDOW_BYTES,
    WORK_PER_BYTE_READ,
    BodyDecoding,
    Decoder,
    chunk,
    decode_chunks,
    parse_codings,
)
from gateway.codings.encode import Encoded, choose_encoding
from gateway.codings.members import PIECE_BYTES, BadEncoding, CodedMember, UnknownCodingError
from gateway.concurrency.awaitable import value_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b'{"id": %d, "title": "title of %d"}' % (n, n * 7919) for n in range(20_000))
NOISE = random.Random(1).randbytes(300_000)


def bare_deflate(data: bytes) -> bytes:
    """Without zlib's header, as some send it."""
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "br": ("br", partial(brotli.compress, quality=9)),  # 11 takes twenty times as long
    "zstd": ("zstd", zstd.compress),
}
SIZES = (0, 1, 100, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, PIECE_BYTES + 200, 2 * PIECE_BYTES)  # fmt: skip
BODIES = [TEXT, NOISE, *(bytes(size) for size in SIZES), *(b"ab" * size for size in SIZES)]


def decoded(body: bytes, coding: str, size: int | None = None) -> bytes:
    """A body's content, fed in pieces of `size`."""
    decoding = BodyDecoding(parse_codings(coding))
    size = size or max(1, len(body))
    parts = [
        piece for at in range(0, len(body), size) for piece in decoding.feed(body[at : at + size])
    ]
    decoding.finish()
    return b"".join(parts)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [None, 1000, WINDOW_BYTES + 1])
def test_what_was_encoded_is_decoded(name: str, size: int | None) -> None:
    coding, encode = ENCODERS[name]
    for body in BODIES:
        assert decoded(encode(body), coding, size) == body


@pytest.mark.parametrize("name", ENCODERS)
def test_every_cut_means_the_same(name: str) -> None:
    coding, encode = ENCODERS[name]
    sent = encode(TEXT[:60]) + (encode(b"more") if coding in ("gzip", "zstd") else b"")
    whole = decoded(sent, coding)
    for at in range(len(sent)):
        decoding = BodyDecoding([coding])
        parts = [*decoding.feed(sent[:at]), *decoding.feed(sent[at:])]
        decoding.finish()
        assert b"".join(parts) == whole


@pytest.mark.parametrize("name", ENCODERS)
def test_a_body_that_was_cut_is_refused(name: str) -> None:
    coding, encode = ENCODERS[name]
    sent = encode(TEXT[:60])
    for at in range(1, len(sent)):
        with pytest.raises(BadEncoding):
            decoded(sent[:at], coding)


def test_codings_are_undone_from_the_right() -> None:
    names = ["gzip", "br", "zstd", "deflate"]
    for first, second in itertools.product(names, names):
        sent = ENCODERS[second][1](ENCODERS[first][1](TEXT))
        assert decoded(sent, f"{first}, {second}") == TEXT
        assert decoded(sent, f"{first} ,identity,{second}, ", 999) == TEXT


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("", ()),
        ("identity", ()),
        ("identity, identity,,", ()),
        ("gzip", ("gzip",)),
        ("X-GZip, BR", ("gzip", "br")),
        ("gzip, identity", ("gzip",)),
        ("gzip, gzip", ("gzip", "gzip")),
    ],
)
def test_the_header_is_a_list(header: str, names: tuple[str, ...]) -> None:
    assert parse_codings(header) == names


@pytest.mark.parametrize(
    "header",
    ["compress", "gzip, nope", "gzip;q=1", "gzip gzip", ", ".join(["gzip"] * (MAX_CODINGS + 1)), "gzip," * 100_000],
)  # fmt: skip
def test_an_unknown_or_endless_list_is_refused(header: str) -> None:
    with pytest.raises(UnknownCodingError):
        parse_codings(header)


SKIPPABLE = bytes.fromhex("502a4d1800000000")


def bits(*fields: str) -> Iterator[int]:
    """Bytes of bit strings, the first bit lowest."""
    text = "".join(fields)
    return (int(text[at : at + 8][::-1].ljust(1, "0"), 2) for at in range(0, len(text), 8))


EMPTY_FIXED = bytes(bits(*(["0", "10", "0000000"] * 4))) * 500_000
EMPTY_STORED = b"\x00\x00\x00\xff\xff" * 400_000
BROTLI_METADATA = bytes(bits("0", "0", "11", "0", "00", "0")) + bytes(bits("0", "11", "0", "00", "00")) * 2_000_000  # fmt: skip
ZSTD_EMPTY_BLOCKS = zstd.compress(b"")[:4] + b"\x00\x58" + b"\x00\x00\x00" * 600_000

# Bodies that give nothing, of the size that a request may have.
PADDING = {
    "empty gzip members": ("gzip", gzip.compress(b"") * 100_000),
    "tiny gzip members": ("gzip", gzip.compress(b"x") * 90_000),
    "empty zstd frames": ("zstd", zstd.compress(b"") * 200_000),
    "skippable zstd frames": ("zstd", SKIPPABLE * 240_000),
    "one large skippable zstd frame": ("zstd", SKIPPABLE[:4] + (1_900_000).to_bytes(4, "little") + bytes(1_900_000)),
    "empty zstd blocks": ("zstd", ZSTD_EMPTY_BLOCKS),
    "empty fixed blocks": ("deflate", b"\x78\x9c" + EMPTY_FIXED),
    "empty stored blocks": ("deflate", b"\x78\x9c" + EMPTY_STORED),
    "bare empty stored blocks": ("deflate", EMPTY_STORED),
    "a gzip header without end": ("gzip", b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 1_900_000),
    "brotli metadata": ("br", BROTLI_METADATA),
    "gzip of empty members": ("gzip, gzip", gzip.compress(gzip.compress(b"") * 1_000_000)),
    "zstd of skippable frames": ("zstd, zstd", zstd.compress(SKIPPABLE * 4_000_000)),
    "four times gzip of zeros": ("gzip,gzip,gzip,gzip", gzip.compress(gzip.compress(gzip.compress(bytes(9_000_000))))),
}  # fmt: skip


@pytest.mark.parametrize("name", PADDING)
def test_padding_is_refused_after_little_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    coding, sent = PADDING[name]
    fed = count_fed(monkeypatch)
    decoding = BodyDecoding(parse_codings(coding))
    with pytest.raises(BadEncoding):
        for _ in decoding.feed(sent):
            pass
    # All bytes that a library was given, those that it gave back among them.
    assert sum(fed) <= MAX_MEMBERS * 2 * WINDOW_BYTES + 4 * PADDING_BYTES
    assert len(fed) <= 2 * MAX_MEMBERS + 400
    assert decoding.work <= 16 * 1024 * 1024


def count_fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what each call of a library gets."""
    fed: list[int] = []

    def counting(make: Callable[[], CodedMember]) -> Callable[[], CodedMember]:
        def made() -> CodedMember:
            member = make()
            take = member.take

            def counted(data: memoryview) -> bytes:
                fed.append(len(data))
                return take(data)

            monkeypatch.setattr(member, "take", counted)
            return member

        return made

    for name, make in members.MEMBERS.items():
        monkeypatch.setitem(members.MEMBERS, name, counting(make))
    return fed


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_many_members_copy_no_rest(
    coding: str, encode: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    fed = count_fed(monkeypatch)
    sent = encode(NOISE[:1000]) * MAX_MEMBERS
    assert decoded(sent, coding) == NOISE[:1000] * MAX_MEMBERS
    assert max(fed) <= WINDOW_BYTES
    assert len(fed) <= 2 * MAX_MEMBERS + len(sent) // WINDOW_BYTES
    with pytest.raises(BadEncoding, match="members"):
        decoded(sent + encode(b"one more"), coding)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_bomb_comes_in_pieces(name: str) -> None:
    coding, encode = ENCODERS[name]
    decoder = Decoder(coding)
    for count, piece in enumerate(decoder.feed(encode(bytes(50_000_000)))):
        assert len(piece) <= PIECE_BYTES * 2
        if count == 20:
            break


@pytest.mark.parametrize("tail", [b"x", b"\n", b"\0" * 8, gzip.compress(b"more")[:5]])
@pytest.mark.parametrize("name", ENCODERS)
def test_bytes_behind_the_end_are_refused(name: str, tail: bytes) -> None:
    coding, encode = ENCODERS[name]
    for size in (None, 1):
        with pytest.raises(BadEncoding):
            decoded(encode(b"whole") + tail, coding, size)


PLAIN = b'{"plain": "text"}'
LENIENT = {
    # What the head says, the body, and what is read.
    "none": ("none", PLAIN, PLAIN),
    "binary": ("binary", PLAIN, PLAIN),
    "utf-8": ("UTF-8", PLAIN, PLAIN),
    "several that are none": ("utf-8, none", PLAIN, PLAIN),
    "a name that nobody knows": ("made-up", PLAIN, PLAIN),
    "binary over gzip's bytes": ("gzip, binary", gzip.compress(PLAIN), PLAIN),
    "an image": ("binary", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n"),
    "gzip over plain text": ("gzip", PLAIN, PLAIN),
    "deflate over plain text": ("deflate", PLAIN, PLAIN),
    "br over plain text": ("br", b"[" + PLAIN * 20, b"[" + PLAIN * 20),
    "zstd over plain text": ("zstd", PLAIN, PLAIN),
    "gzip over a page": ("gzip", b"<html>" + PLAIN * 9000, b"<html>" + PLAIN * 9000),
    "gzip said twice, done once": ("gzip, gzip", gzip.compress(PLAIN), PLAIN),
    "gzip said twice, not done": ("gzip, gzip", PLAIN, PLAIN),
    "a line behind gzip": ("gzip", gzip.compress(PLAIN) + b"\n", PLAIN),
    "zeros behind gzip": ("gzip", gzip.compress(PLAIN) + bytes(512), PLAIN),
    "a comment behind gzip": ("gzip", gzip.compress(PLAIN) + b"<!-- cached -->" * 9000, PLAIN),
    "bytes behind deflate": ("deflate", zlib.compress(PLAIN) + b"\n", PLAIN),
    "bytes behind zstd": ("zstd", zstd.compress(PLAIN) + b"\n\n", PLAIN),
}


@pytest.mark.parametrize("name", LENIENT)
def test_an_answer_is_decoded_by_its_bytes(name: str) -> None:
    header, sent, text = LENIENT[name]
    for size in (len(sent), 100):
        decoding = BodyDecoding.of_answer(header)
        parts = [p for at in range(0, len(sent), size) for p in decoding.feed(sent[at : at + size])]
        decoding.finish()
        assert b"".join(parts) == text
        assert decoding.oddities


@pytest.mark.parametrize("header", ["", "identity", "gzip", "gzip, identity", "X-GZIP"])
def test_nothing_is_odd_about_a_right_answer(header: str) -> None:
    decoding = BodyDecoding.of_answer(header)
    sent = gzip.compress(PLAIN) + gzip.compress(PLAIN) if "gzip" in header.lower() else PLAIN * 2
    for size in (len(sent), 1):
        decoding = BodyDecoding.of_answer(header)
        parts = [p for at in range(0, len(sent), size) for p in decoding.feed(sent[at : at + size])]
        decoding.finish()
        assert b"".join(parts) == PLAIN * 2
        assert decoding.oddities == []


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        ("compress", b"\x1f\x9d\x90abc"),
        ("gzip", gzip.compress(PLAIN)[:-3]),
        ("gzip", gzip.compress(TEXT)[:-9] + bytes(9)),
        ("gzip", gzip.compress(PLAIN) + gzip.compress(PLAIN)[:-3]),
        ("gzip", b"\x00\x01\x02"),
        ("br", b"\xff" * 40),
        ("zstd", zstd.compress(PLAIN)[:-1]),
        ("gzip", gzip.compress(b"") * 90_000),
        ("br, " * 4 + "gzip", gzip.compress(PLAIN)),
    ],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_refused(header: str, sent: bytes) -> None:
    def read() -> None:
        decoding = BodyDecoding.of_answer(header)
        for _ in decoding.feed(sent):
            pass
        decoding.finish()

    with pytest.raises(BadEncoding):
        read()


async def test_the_event_loop_is_given_back() -> None:
    """Between two turns there is no more work than one turn's and one step's."""
    sent = gzip.compress(TEXT * 20)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count_turns())
    size, last, most = 0, 0, 0
    async for piece in decode_chunks(chunk(sent), BodyDecoding(["gzip"])):
        most = max(most, size - last if turns == last else 0)
        size += len(piece)
        last = turns
    other.cancel()
    work = len(sent) * WORK_PER_BYTE_READ + size
    assert turns >= work // (TURN_WORK + WINDOW_BYTES * WORK_PER_BYTE_READ + PIECE_BYTES) > 10


async def test_a_small_body_takes_no_turn_of_its_own() -> None:
    parts = decode_chunks(chunk(gzip.compress(TEXT[:4000])), BodyDecoding(["gzip"]))
    with pytest.raises(StopIteration) as end:
        anext(parts).__await__().__next__()
    assert end.value.value == TEXT[:4000]
    await parts.aclose()


def test_what_is_flushed_at_each_event_is_no_padding() -> None:
    for coding, wbits in (("gzip", 31), ("deflate", -15)):
        made = zlib.compressobj(wbits=wbits)
        parts = [made.compress(b":\n\n") + made.flush(zlib.Z_SYNC_FLUSH) for _ in range(60_000)]
        sent = b"".join(parts) + made.flush()
        assert len(sent) > 2 * PADDING_BYTES
        assert decoded(sent, coding, 70) == b":\n\n" * 60_000
    assert MAX_BYTES_PER_BYTE == 4


OFFERED = ("br", "gzip", "zstd")
JSON_BODY = b'{"id":1,"title":"a title that is like the others"},'


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", None),
        ("gzip", "gzip"),
        # Equal weights: our order. Node's fetch announces zstd, and some who use it cannot read it.
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate, zstd", "gzip"),
        ("br, gzip, deflate", "br"),
        ("zstd, gzip", "gzip"),
        ("zstd, deflate", "zstd"),
        ("deflate, br", "br"),
        ("gzip;q=0.5, zstd;q=0.5, br;q=0.4", "gzip"),
        ("gzip;q=0.8, zstd;q=0.9", "zstd"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        # What `*` stands for is in our order.
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("gzip, *", "br"),
        ("gzip;q=0.5, *;q=0.4", "gzip"),
        ("*;q=0.1, gzip;q=0.2", "gzip"),
        ("*;q=0", None),
        # No coding at all can be what is wanted most.
        ("identity", None),
        ("identity, gzip", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip, identity;q=0.5", "gzip"),
        ("gzip, identity;q=0", "gzip"),
        # Letter case, old names, weights that are none, the same name twice.
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("br;q=0", None),
        ("gzip;q=x", None),
        ("gzip;q=\u00b2", None),
        ("gzip;q=nan", None),
        ("gzip;q=9", None),
        ("gzip;q=-1", None),
        ("gzip; Q=1", "gzip"),
        ("br;q=0, br", None),
        (" gzip ; q=0.001 ", "gzip"),
    ],
)  # fmt: skip
def test_the_coding_that_the_client_prefers(accept: str, chosen: str | None) -> None:
    assert choose_encoding(accept, OFFERED) == chosen


def test_nothing_is_chosen_where_nothing_is_offered() -> None:
    assert choose_encoding("gzip, *", ()) is None


@pytest.mark.parametrize("encoding", OFFERED)
async def test_an_answer_of_several_requests_is_compressed_once(encoding: str) -> None:
    for body in (JSON_BODY, JSON_BODY * 10_000):  # at once, and beside the loop
        encoded = Encoded(body)
        first, second = [await value_of(encoded.encode(encoding)) for _ in range(2)]
        assert first is second
        assert decoded(first, encoding) == body


async def test_who_leaves_does_not_take_a_large_answer_from_the_others() -> None:
    encoded = Encoded(JSON_BODY * 10_000)
    leaving = asyncio.ensure_future(value_of(encoded.encode("gzip")))
    staying = asyncio.ensure_future(value_of(encoded.encode("gzip")))
    await asyncio.sleep(0)
    leaving.cancel()
    assert decoded(await staying, "gzip") == encoded.body
