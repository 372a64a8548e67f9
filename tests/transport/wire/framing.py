"""Content-Length, transfer codings, chunks and trailers: where a body ends, and what is not part of it."""

from __future__ import annotations

from tests.transport.wire.case import (
    CRLF,
    HOST,
    JSON,
    LINE,
    Case,
    Status,
    asks,
    asks_header,
    chunk,
    chunked,
    chunked_raw,
    fine,
    message,
    post,
    refused,
    resized,
)

BODY = asks("a")
SIZE = b"%d" % len(BODY)
HEX = b"%x" % len(BODY)
END = b"0\r\n\r\n"
LENGTH, CODING, CHUNK, TRAILER = (
    "RFC 9112 §6.3",
    "RFC 9112 §6.1",
    "RFC 9112 §7.1",
    "RFC 9110 §6.5.1",
)
LIMIT = 16_384  # http.max_header_bytes

LENGTHS: dict[str, bytes] = {
    "a list of the same": b"%b, %b" % (SIZE, SIZE),
    "a list of others": b"%b, 5" % SIZE,
    "a plus sign": b"+" + SIZE,
    "a minus sign": b"-" + SIZE,
    "zero with a sign": b"-0",
    "an underscore": SIZE[:1] + b"_" + SIZE[1:],
    "a space within": SIZE[:1] + b" " + SIZE[1:],
    "a hexadecimal": b"0x" + HEX,
    "digits of another script": "٣٣".encode(),
    "a superscript": SIZE[:1] + "²".encode("latin-1"),
    "a fraction": SIZE + b".0",
    "an exponent": b"3e1",
    "nothing": b"",
    "a word": b"chunked",
    "a semicolon": SIZE + b";",
    "quotes": b'"%b"' % SIZE,
    "a vertical tab before it": b"\x0b" + SIZE,
    "a form feed behind it": SIZE + b"\x0c",
    "2^64 and the length": b"%d" % (2**64 + len(BODY)),
    "2^63": b"%d" % 2**63,
    "a thousand digits": b"9" * 1000,
}
CODINGS: dict[str, tuple[bytes, Status]] = {
    "gzip and chunked": (b"gzip, chunked", 501),
    "identity": (b"identity", (400, 501)),
    "chunked twice": (b"chunked, chunked", (400, 501)),
    "chunked before gzip": (b"chunked, gzip", (400, 501)),
    "an unknown coding": (b"xchunked", (400, 501)),
    "a coding that begins with chunked": (b"chunkedx", (400, 501)),
    "chunked with a parameter": (b"chunked;q=1", (400, 501)),
    "quotes": (b'"chunked"', (400, 501)),
    "nothing": (b"", (400, 501)),
    "a comma": (b",", (400, 501)),
    "chunked before a vertical tab": (b"chunked\x0b", (400, 501)),
    "chunked behind a vertical tab": (b"\x0bchunked", (400, 501)),
    "chunked with a space within": (b"chun ked", (400, 501)),
    "identity and chunked": (b"identity, chunked", (400, 501)),
    "a long s in place of an s": (b"chunked, identity\xc5\xbf", (400, 501)),
}
SIZES: dict[str, bytes] = {
    "a prefix": b"0x" + HEX,
    "a plus sign": b"+" + HEX,
    "a minus sign": b"-" + HEX,
    "a space before it": b" " + HEX,
    "a space behind it": HEX + b" ",
    "a tab behind it": HEX + b"\t",
    "an underscore": b"0_" + HEX,
    "nothing": b"",
    "an extension without a size": b";a=b",
    "a letter that is no digit": HEX + b"g",
    "2^64 and the size": b"%x" % (2**64 + len(BODY)),
    "2^128": b"%x" % 2**128,
    "a superscript": "²".encode("latin-1"),
    "another script": "٢".encode(),
    "a vertical tab behind it": HEX + b"\x0b",
    "a NUL behind it": HEX + b"\x00",
}  # fmt: skip
EXTENSIONS: dict[str, bytes] = {
    "a name": b";last",
    "a value": b";name=value",
    "a quoted value": b';name="a value"',
    "several": b';a=b;c;d="e"',
}
BAD_EXTENSIONS: dict[str, bytes] = {
    "a line feed": b";a\nb",
    "a bare carriage return": b";a\rb",
    "a NUL": b";a=\x00",
    "a line feed alone at its end": b";a\n",
}
TRAILERS_THAT_ARE_NONE: dict[str, bytes] = {
    "no colon": b"x-a\r\n",
    "a space before the colon": b"x-a : b\r\n",
    "no name": b": b\r\n",
    "a folded line": b"x-a: b\r\n c\r\n",
    "a NUL": b"x-a: \x00\r\n",
    "a line feed alone": b"x-a: b\n",
    "a bare carriage return": b"x-a: b\rc\r\n",
    "a request": post("inner"),
}
FIELDS_OF_FRAMING = (b"content-length: 5", b"transfer-encoding: chunked", b"host: other", b"upgrade: h2c", b"connection: close")  # fmt: skip

CASES = [
    # Content-Length
    fine("a length", post("a"), rule=LENGTH),
    fine("a length of zeros and digits", resized(post("a"), b"000" + SIZE), rule=LENGTH),
    fine("a length with white space around it", resized(post("a"), b" \t" + SIZE + b" \t"), rule="RFC 9112 §5"),
    *(
        refused(f"a length: {name}", resized(post("a"), value), rule=LENGTH, status=(400, 413) if value.isdigit() else 400)
        for name, value in LENGTHS.items()
    ),
    refused("the same length twice", post("a", b"content-length: " + SIZE), rule=LENGTH),
    refused("two lengths", post("a", b"content-length: 5"), rule=LENGTH),
    refused("two lengths, the first is nothing", post("a", b"content-length: "), rule=LENGTH),
    refused("a length before chunks", chunked("a", b"content-length: 5"), rule=CODING),
    refused("a length behind chunks", chunked("a", coding=b"transfer-encoding: chunked\r\ncontent-length: 5"), rule=CODING),
    refused("a length of zero and chunks", chunked("a", b"content-length: 0"), rule=CODING),
    Case(
        name="a request in what a length does not count",
        sent=(resized(post("a"), b"0") + post("b"),),
        answers=(400, 400),
        rule=LENGTH,
    ),
    Case(
        name="a body that is longer than its length",
        sent=(post("a") + b"XX" + post("b"),),
        answers=(200, (400, 405, 501)),
        ran=("a",),
        rule=LENGTH,
    ),
    Case(name="a body that is not whole", sent=(post("a")[:-1],), answers=(), then="waits", rule=LENGTH),
    Case(name="no body and no length", sent=(message(LINE, HOST, JSON),), answers=(400,), then="open", rule=LENGTH),
    # Transfer-Encoding
    fine("chunks", chunked("a"), rule=CHUNK),
    fine("chunks, in capitals", chunked("a", coding=b"TRANSFER-ENCODING: Chunked"), rule=CODING),
    fine("chunks, with white space around", chunked("a", coding=b"transfer-encoding:  chunked  "), rule="RFC 9112 §5"),
    *(
        refused(f"a coding: {name}", chunked("a", coding=b"transfer-encoding: " + value), rule=CODING, status=status)
        for name, (value, status) in CODINGS.items()
    ),
    refused("two codings in two lines", chunked("a", b"transfer-encoding: gzip"), rule=CODING, status=(400, 501)),
    refused("chunked in two lines", chunked("a", b"transfer-encoding: chunked"), rule=CODING, status=(400, 501)),
    refused("identity in a line behind", chunked("a", coding=b"transfer-encoding: chunked\r\ntransfer-encoding: identity"), rule=CODING, status=(400, 501)),
    refused("a folded coding", chunked("a", coding=b"transfer-encoding:\r\n chunked"), rule="RFC 9112 §5.2"),
    refused("a coding in HTTP/1.0", chunked("a", line=b"POST /graphql HTTP/1.0"), rule=CODING),
    refused("a coding in HTTP/1.0 that stays open", chunked("a", b"connection: keep-alive", line=b"POST /graphql HTTP/1.0"), rule=CODING),
    refused("a space before the coding's colon", chunked("a", coding=b"transfer-encoding : chunked"), rule="RFC 9112 §5.1"),
    # Chunks
    *(
        fine(f"a chunk of size {size.decode()}", chunked_raw(chunk(BODY, size) + END), rule=CHUNK)
        for size in (b"0" + HEX, b"0" * 12 + HEX)
    ),
    fine("a chunk's size in lower case", chunked_raw(chunk(BODY.ljust(0x2A)) + END), rule=CHUNK),
    fine("a chunk's size in capitals", chunked_raw(chunk(BODY.ljust(0x2A), b"2A") + END), rule=CHUNK),
    fine("many chunks", chunked_raw(b"".join(chunk(BODY[at : at + 1]) for at in range(len(BODY))) + END), rule=CHUNK),
    fine("a last chunk of several zeros", chunked_raw(chunk(BODY) + b"000\r\n\r\n"), rule=CHUNK),
    *(
        refused(f"a chunk's size: {name}", chunked_raw(chunk(BODY, size) + END), rule=CHUNK, status=(400, 413) if name.startswith("2^") else 400)
        for name, size in SIZES.items()
    ),
    refused("a chunk's line ends with a line feed", chunked_raw(HEX + b"\n" + BODY + CRLF + END), rule=CHUNK),
    refused("a chunk without its line end", chunked_raw(HEX + CRLF + BODY + END), rule=CHUNK),
    refused("a chunk that ends with a line feed", chunked_raw(HEX + CRLF + BODY + b"\n" + END), rule=CHUNK),
    refused("a chunk that ends with a carriage return", chunked_raw(HEX + CRLF + BODY + b"\r" + END), rule=CHUNK),
    refused("a chunk that is longer than its size", chunked_raw(b"%x" % (len(BODY) - 1) + CRLF + BODY + CRLF + END), rule=CHUNK),
    refused("a last chunk's line ends with a line feed", chunked_raw(chunk(BODY) + b"0\n\r\n"), rule=CHUNK),
    refused("a last line that is a line feed", chunked_raw(chunk(BODY) + b"0\r\n\n"), rule=CHUNK),
    Case(name="chunks that are not whole", sent=(chunked_raw(chunk(BODY) + b"0\r\n"),), answers=(), then="waits", rule=CHUNK),
    *(
        fine(f"a chunk's extension: {name}", chunked_raw(chunk(BODY, HEX + value) + b"0%b\r\n\r\n" % value), rule="RFC 9112 §7.1.1")
        for name, value in EXTENSIONS.items()
    ),
    *(
        refused(f"a chunk's extension: {name}", chunked_raw(chunk(BODY, HEX + value) + END), rule="RFC 9112 §7.1.1")
        for name, value in BAD_EXTENSIONS.items()
    ),
    refused("an extension without end", chunked_raw(HEX + b";" + b"x" * 2 * LIMIT), rule="RFC 9112 §7.1.1", status=(400, 431)),
    refused("extensions that are too large together", chunked_raw(b"".join(chunk(b" ", b"1;" + b"x" * 1000) for _ in range(40)) + END), rule="RFC 9112 §7.1.1", status=(400, 431)),
    # Trailers
    fine("a trailer is no header", chunked(asks_header("x-user"), trailers=b"x-user: admin\r\n"), rule=TRAILER, ran=("nothing",)),
    fine("a trailer is not added to a header", chunked(asks_header("x-user"), b"x-user: mallory", trailers=b"x-user: admin\r\n"), rule=TRAILER, ran=("mallory",)),
    fine(
        "a trailer is no header of the next request",
        chunked(asks_header("x-user"), trailers=b"x-user: admin\r\n") + post(asks_header("x-user")) + chunked(asks_header("x-user")),
        rule=TRAILER,
        ran=("nothing",) * 3,
    ),
    fine(
        "a trailer of a request whose head came before",
        chunked(asks_header("x-user")), chunked(asks_header("x-user"), trailers=b"x-user: admin\r\n"), chunked(asks_header("x-user")),
        rule=TRAILER,
        ran=("nothing",) * 3,
    ),
    fine("a trailer under a query string", chunked(asks_header("x-user"), trailers=b"x-user: admin\r\n", line=b"POST /graphql? HTTP/1.1"), rule=TRAILER, ran=("nothing",)),
    fine("trailers below the limit", chunked("a", trailers=b"x-a: y\r\n" * 1000), rule=TRAILER),
    *(
        Case(name=f"a trailer of framing: {field.decode()}", sent=(chunked("a", trailers=field + CRLF) + post("b"),), answers=(200, 200), ran=("a", "b"), then="open", rule=TRAILER)
        for field in FIELDS_OF_FRAMING
    ),
    *(
        refused(f"a trailer: {name}", chunked_raw(chunk(BODY) + b"0\r\n" + trailer + CRLF), rule="RFC 9112 §7.1.2")
        for name, trailer in TRAILERS_THAT_ARE_NONE.items()
    ),
    refused("trailers beyond the limit", chunked_raw(chunk(BODY) + b"0\r\n" + b"x: y\r\n" * LIMIT), rule=TRAILER, status=(400, 431)),
    refused("trailers beyond the limit, in pieces", chunked_raw(chunk(BODY) + b"0\r\n"), *[b"x: y\r\n" * 200] * 20, rule=TRAILER, status=(400, 431)),
    refused("one trailer beyond the limit", chunked_raw(chunk(BODY) + b"0\r\nx: " + b"y" * 2 * LIMIT), rule=TRAILER, status=(400, 431)),
]  # fmt: skip
