"""The reader of requests: whatever is sent in whatever pieces, it means one thing, and nobody else reads it
otherwise.
"""

from __future__ import annotations

import itertools
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.oracles import Message, read_by_h11, read_by_llhttp
from tests.fuzz.reading import Reading, check_against_oracles, read

TOKEN = st.text("abcxyzABCXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8).map(str.encode)
VALUE = st.text('abc xyz019\t;,="()/\\\u00e9', max_size=12).map(
    lambda text: text.strip().encode("latin-1")
)
FIELDS = st.lists(st.tuples(TOKEN.map(lambda name: b"x-" + name), VALUE), max_size=4)
BODY = st.binary(max_size=60)
METHODS = st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"])
TARGETS = st.sampled_from(
    [b"/", b"/graphql", b"/graphql?query={a}&x=%22", b"/a/b%20c", b"*", b"http://test/graphql"]
)
OFFERS = st.sampled_from([(), ((b"connection", b"Upgrade"), (b"upgrade", b"h2c")), ((b"upgrade", b"websocket"),)])  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, Message]:
    """A good request, and what it means."""
    fields = [(b"host", b"test"), *draw(FIELDS), *draw(OFFERS)]
    body, framing = draw(BODY), draw(st.sampled_from(["none", "length", "chunks"]))
    method, target = draw(METHODS), draw(TARGETS)
    target = b"/" if target == b"*" and method != b"OPTIONS" else target
    tail = b""
    if framing == "none":
        body = b""
    elif framing == "length":
        fields.insert(draw(st.integers(1, len(fields))), (b"content-length", b"%d" % len(body)))
        tail = body
    else:
        fields.insert(draw(st.integers(1, len(fields))), (b"transfer-encoding", b"chunked"))
        tail = chunks(draw, body)
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    meant = tuple((name.lower(), value) for name, value in fields)
    sent = b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, target, lines, tail)
    return sent, Message(method, target, b"1.1", meant, body)


def chunks(draw: st.DrawFn, body: bytes) -> bytes:
    """A body in chunks, with extensions and trailers."""
    cuts = sorted(draw(st.sets(st.integers(1, max(len(body) - 1, 1)), max_size=3)))
    parts = [body[a:b] for a, b in itertools.pairwise([0, *cuts, len(body)]) if body[a:b]]
    size = draw(st.sampled_from([b"%x", b"%X", b"00%x"]))
    extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b c"']))
    trailers = b"".join(b"%b: %b\r\n" % field for field in draw(FIELDS))
    made = b"".join(size % len(part) + extension + b"\r\n" + part + b"\r\n" for part in parts)
    return made + b"0" + extension + b"\r\n" + trailers + b"\r\n"


@st.composite
def cut(draw: st.DrawFn, sent: bytes) -> list[bytes]:
    """Bytes in pieces."""
    cuts = sorted(draw(st.sets(st.integers(1, max(len(sent) - 1, 1)), max_size=6)))
    return [sent[a:b] for a, b in itertools.pairwise([0, *cuts, len(sent)])]


@settings(max_examples=300, deadline=None)
@given(st.lists(requests(), min_size=1, max_size=3), st.data())
def test_good_requests_mean_what_they_say_however_they_are_cut(
    made: list[tuple[bytes, Message]], data: st.DataObject
) -> None:
    sent = b"".join(each for each, _ in made)
    meant = [message for _, message in made]
    whole = read([sent])
    assert whole == Reading(meant, "waits")
    assert read(data.draw(cut(sent))) == whole
    assert read([sent[at : at + 1] for at in range(len(sent))]) == whole
    assert read_by_h11(sent) == meant


@settings(max_examples=200, deadline=None)
@given(st.lists(requests(), min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_what_is_broken_is_read_by_nobody_else(
    made: list[tuple[bytes, Message]], rng: Random
) -> None:
    sent = bytearray(b"".join(each for each, _ in made))
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(sent))
        sent[at : at + rng.choice((0, 1, 1, 2))] = rng.choice(PIECES)
    check_against_oracles(bytes(sent))
    whole = read([bytes(sent)])
    at = rng.randrange(len(sent) + 1)
    assert read([bytes(sent[:at]), bytes(sent[at:])]) == whole


PIECES = (b"", b"\x00", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b";", b",", b"0", b"1", b"F", b"-", b"+", b"\xff", b"\x0b", b"\x7f", b"x", b"chunked", b"\r\n\r\n", b"0\r\n\r\n", b"content-length: 3\r\n", b"transfer-encoding: chunked\r\n", b"connection: close\r\n")  # fmt: skip


def test_the_oracles_read() -> None:
    """They have an eye for a good message: without, they would prove nothing."""
    sent = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nt: u\r\n\r\n"
    meant = [
        Message(b"POST", b"/", b"1.1", ((b"host", b"a"), (b"transfer-encoding", b"chunked")), b"x")
    ]
    assert read_by_h11(sent) == read_by_llhttp(sent) == meant
