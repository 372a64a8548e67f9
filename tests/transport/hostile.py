"""What the HTTP endpoint has to stand: requests as bytes, by a name that says what is wrong with them.

Where a public server fell over one of its kind, the advisory's id is part of the name.
"""

from __future__ import annotations

import gzip
import json
import zlib

import brotli
from backports import zstd

QUERY = b'{"query":"{ greeting }"}'
JSON = b"content-type: application/json\r\n"
MANY = 3_000_000


def request(
    body: bytes = b"",
    *,
    line: bytes = b"POST /graphql HTTP/1.1",
    headers: bytes = JSON,
    length: int | None = None,
) -> bytes:
    size = str(len(body) if length is None else length).encode()
    head = line + b"\r\nhost: test\r\nconnection: close\r\n" + headers
    return head + b"content-length: " + size + b"\r\n\r\n" + body


def get(path: bytes, headers: bytes = b"") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nhost: test\r\nconnection: close\r\n" + headers + b"\r\n"


def document(text: str) -> bytes:
    return request(json.dumps({"query": text}).encode())


def variables(text: bytes) -> bytes:
    return request(
        b'{"query":"query ($n: Int!) { many(count: $n) }","variables":{"n":' + text + b"}}"
    )


def coded(coding: bytes, body: bytes) -> bytes:
    return request(body, headers=JSON + b"content-encoding: " + coding + b"\r\n")


def chunked(chunks: bytes) -> bytes:
    head = b"POST /graphql HTTP/1.1\r\nhost: test\r\nconnection: close\r\n" + JSON
    return head + b"transfer-encoding: chunked\r\n\r\n" + chunks


def multipart(body: bytes, kind: bytes = b"multipart/form-data; boundary=x") -> bytes:
    headers = b"content-type: " + kind + b"\r\napollo-require-preflight: 1\r\n"
    return request(body, headers=headers)


NESTED = 20_000
FRAGMENTS = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))

HOSTILE: dict[str, bytes] = {
    # Bodies that are not what they should be
    "no body": request(b""),
    "not JSON": request(b"{"),
    "null": request(b"null"),
    "true": request(b"true"),
    "a number": request(b"1e999"),
    "a string": request(b'"{ greeting }"'),
    "an array": request(b"[]"),
    "an array of arrays": request(b"[[[]]]"),
    "an array of nulls": request(b"[null]"),
    "two documents of JSON": request(QUERY + QUERY),
    "invalid UTF-8": request(b'{"query":"\xff\xfe"}'),
    "UTF-16": request(QUERY.decode().encode("utf-16")),
    "UTF-16 that says so, CVE-2026-23897": request(
        QUERY.decode().encode("utf-16"),
        headers=b"content-type: application/json; charset=utf-16\r\n",
    ),
    "a byte order mark": request(b"\xef\xbb\xbf" + QUERY),
    "NUL bytes": request(b"\x00" * 100),
    "half a surrogate pair": request(b'{"query":"{ greeting }","operationName":"\\ud800"}'),
    "half a surrogate pair in the document": request(
        b'{"query":"{ greeting(name: \\"\\ud800\\") }"}'
    ),
    "half a surrogate pair in a variable": request(
        b'{"query":"query ($n: String!) { greeting(name: $n) }","variables":{"n":"\\ud800"}}'
    ),
    "half a surrogate pair with a hash": request(
        b'{"query":"{ greeting } # \\ud800","extensions":{"persistedQuery":{"version":1,'
        b'"sha256Hash":"' + b"0" * 64 + b'"}}}'
    ),
    "arrays nested deeply, CVE-2021-43801": request(b"[" * NESTED + b"]" * NESTED),
    "objects nested deeply, CVE-2023-22477": request(b'{"a":' * NESTED + b"1" + b"}" * NESTED),
    "variables nested deeply": variables(b"[" * NESTED + b"]" * NESTED),
    "variables nested a little less": variables(b"[" * 1000 + b"]" * 1000),
    "extensions nested deeply": request(
        b'{"query":"{ greeting }","extensions":{"a":' + b"[" * NESTED + b"]" * NESTED + b"}}"
    ),
    "an integer of 5,000 digits": variables(b"1" * 5_000),
    "an integer of 5,000 digits in the document": document(f"{{ many(count: {'1' * 5_000}) }}"),
    "a float of 5,000 digits": variables(b"1." + b"1" * 5_000),
    "an exponent": variables(b"1e400"),
    "NaN": variables(b"NaN"),
    "Infinity": variables(b"-Infinity"),
    "an object in place of a number": variables(b"{}"),
    "a key sent twice": request(b'{"query":"{ nope }","query":"{ greeting }"}'),
    "ten thousand members": request(
        b"{" + b",".join(b'"a%d":1' % n for n in range(10_000)) + b',"query":"{ greeting }"}'
    ),
    "prototype members": request(b'{"__proto__":{"query":"x"},"constructor":{},"query":null}'),
    "a query that is an object": request(b'{"query":{"a":1}}'),
    "an id that is a path": request(b'{"documentId":"../../../../etc/passwd"}'),
    "a hash that is an object": request(b'{"extensions":{"persistedQuery":{"sha256Hash":{}}}}'),
    "a version that is too large": request(
        b'{"extensions":{"persistedQuery":{"version":1e308,"sha256Hash":"a"}}}'
    ),
    # Bodies that are too large, CVE-2024-43783
    "a body over the limit": request(b" " * MANY),
    "a body that claims to be over the limit": request(b" " * 100, length=10**15),
    "chunks over the limit": chunked(b"FFFFF\r\n" + b" " * 0xFFFFF + b"\r\n" + b"2DC6C0\r\n" + b" " * MANY),
    "a gzip bomb": coded(b"gzip", gzip.compress(bytes(50_000_000))),
    "a br bomb": coded(b"br", brotli.compress(bytes(50_000_000), quality=9)),
    "a zstd bomb": coded(b"zstd", zstd.compress(bytes(50_000_000))),
    "a deflate bomb": coded(b"deflate", zlib.compress(bytes(50_000_000))),
    "many gzip members": coded(b"gzip", gzip.compress(b"") * 20_000),
    "gzip cut short": coded(b"gzip", gzip.compress(QUERY)[:-4]),
    "gzip that is none": coded(b"gzip", QUERY),
    "zstd with a window of 2 GB": coded(b"zstd", bytes.fromhex("28b52ffd00a8") + b"\x00" * 20),
    "an unknown coding": coded(b"snappy", QUERY),
    "codings upon codings": coded(b", ".join([b"gzip"] * 50), QUERY),
    # Chunks and lengths
    "a chunk size that is none": chunked(b"zz\r\n"),
    "a chunk size that is too large": chunked(b"F" * 40 + b"\r\n"),
    "a length that is none": request(QUERY, headers=JSON + b"content-length: x\r\n"),
    "a negative length": request(QUERY, headers=JSON + b"content-length: -1\r\n"),
    "two lengths": request(QUERY, headers=JSON + b"content-length: 5\r\n"),
    "length and chunks": request(QUERY, headers=JSON + b"transfer-encoding: chunked\r\n"),
    # Headers
    "a header sent twice": request(QUERY, headers=JSON + JSON),
    "two content types": request(QUERY, headers=JSON + b"content-type: text/plain\r\n"),
    "two hosts, CVE-2026-48710": request(QUERY, headers=JSON + b"host: /admin?x=\r\n"),
    "500 headers": request(QUERY, headers=JSON + b"".join(b"x-%d: 1\r\n" % n for n in range(500))),
    "5,000 headers": request(QUERY, headers=JSON + b"".join(b"x-%d: 1\r\n" % n for n in range(5000))),
    "a header of 100 KB": request(QUERY, headers=JSON + b"x-long: " + b"x" * 100_000 + b"\r\n"),
    "a token of 1 MB, CVE-2025-61920": request(
        QUERY, headers=JSON + b"authorization: Bearer " + b"x" * 1_000_000 + b"\r\n"
    ),
    "a header without an end": b"POST /graphql HTTP/1.1\r\nhost: test\r\nx-long: " + b"x" * MANY,
    "a header name that is none": request(QUERY, headers=JSON + b"bad name: 1\r\n"),
    "a NUL in a header": request(QUERY, headers=JSON + b"x-a: \x00\r\n"),
    "bytes above ASCII in headers": request(QUERY, headers=JSON + b"x-a: \xff\xfe\r\naccept: \xff\r\n"),
    "an accept header of 8 KB": request(QUERY, headers=JSON + b"accept: " + b"a/b;q=0.1," * 800 + b"\r\n"),
    "qualities that are none": request(
        QUERY, headers=JSON + b"accept: */*;q=nan, application/json;q=inf;q=-1\r\naccept-encoding: br;q=nan, *;q=1e400\r\n"
    ),
    "a content type of parameters": request(
        QUERY, headers=b"content-type: application/json" + b";charset=utf-8" * 500 + b"\r\n"
    ),
    "a content type that is nothing": request(QUERY, headers=b"content-type: \r\n"),
    "a request id with line ends in mind": request(QUERY, headers=JSON + b"x-request-id: a%0d%0ab\r\n"),
    "a client name of 8 KB": request(QUERY, headers=JSON + b"graphql-client-name: " + b"n" * 8000 + b"\r\n"),
    "an expectation": request(QUERY, headers=JSON + b"expect: 100-continue\r\n"),
    "an upgrade to HTTP/2": request(QUERY, headers=JSON + b"upgrade: h2c\r\nconnection: upgrade, http2-settings\r\n"),
    "half a WebSocket handshake": get(b"/graphql", b"upgrade: websocket\r\nconnection: upgrade\r\n"),
    "a preflight request of 8 KB": request(
        line=b"OPTIONS /graphql HTTP/1.1",
        headers=b"origin: https://a.example\r\naccess-control-request-method: POST\r\naccess-control-request-headers: " + b"x," * 4000 + b"\r\n",
    ),
    # URLs and methods
    "a query string of 100 KB": get(b"/graphql?query=" + b"%7B" * 33_000),
    "ten thousand parameters": get(b"/graphql?" + b"&".join(b"a%d=1" % n for n in range(1000))),
    "a parameter sent twice": get(b"/graphql?query={nope}&query={greeting}"),
    "percent signs that are none": get(b"/graphql?query=%zz%&variables=%"),
    "invalid UTF-8 in the query string": get(b"/graphql?query=%ff%fe"),
    "raw bytes in the query string": get(b"/graphql?query=\xff\xfe"),
    "variables nested deeply in the query string": get(b"/graphql?query={greeting}&variables=" + b"[" * 10_000),
    "variables that are no JSON": get(b"/graphql?query={greeting}&variables=nope&extensions=1"),
    "an integer of 5,000 digits in the query string": get(b"/graphql?query={greeting}&variables={%22n%22:" + b"1" * 5000 + b"}"),
    "a GET with a content type, GHSA-9q82-xgwf-vj6h": get(b"/graphql?query={greeting}", b"content-type: text/plain\r\n"),
    "a GET of another site, GHSA-fx37-56v6-85q6": get(b"/graphql?query={greeting}", b"sec-fetch-site: cross-site\r\n"),
    "a mutation by GET": get(b"/graphql?query=mutation{rename(name:%22x%22)}"),
    "a path that climbs": get(b"/graphql/graphiql/..%2f..%2f..%2fetc%2fpasswd"),
    "a path above ASCII": get(b"/graphql/\xc3\xa9"),
    "a path of escapes that are none": get(b"/graphql/%ff%zz"),
    "a document id of 10 KB": get(b"/graphql/" + b"a" * 10_000),
    "a range, CVE-2025-62727": get(b"/graphql/graphiql/start.js", b"range: bytes=" + b"0-," * 2000 + b"\r\n"),
    "TRACE": request(line=b"TRACE /graphql HTTP/1.1"),
    "CONNECT": request(line=b"CONNECT example:443 HTTP/1.1"),
    "a method that is none": request(line=b"\x16\x03\x01 /graphql HTTP/1.1"),
    "HTTP/0.9": b"GET /graphql\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + b"\x00" * 500,
    "nothing but line ends": b"\r\n" * 1000,
    # Forms, CVE-2024-47082
    "multipart without a boundary": multipart(b"--x--\r\n", b"multipart/form-data"),
    "multipart with an empty boundary": multipart(b"----\r\n", b"multipart/form-data; boundary="),
    "multipart with a boundary of 8 KB": multipart(b"--x\r\n", b"multipart/form-data; boundary=" + b"x" * 8000),
    "multipart that never ends, CVE-2025-54121": multipart(b"--x\r\n" + b"a" * 1_000_000),
    "multipart with ten thousand parts": multipart(b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n' * 10_000 + b"--x--\r\n"),
    "multipart without the protection": request(
        b"--x--\r\n", headers=b"content-type: multipart/form-data; boundary=x\r\n"
    ),
    "a form, PYSEC-2026-249": request(
        b"query={greeting}", headers=b"content-type: application/x-www-form-urlencoded\r\n"
    ),
    "plain text": request(QUERY, headers=b"content-type: text/plain\r\n"),
    # Documents, here for the transport's sake; the language's own tests have more
    "a document nested deeply, GHSA-qr3m-xw4c-jqw3": document("{a" * NESTED),
    "lists nested deeply, GHSA-r7cg-qjjm-xhqq": document(f"{{ greeting(name: {'[' * NESTED} }}"),
    "types nested deeply, RUSTSEC-2026-0416": document(f"query ($a: {'[' * NESTED}Int) {{ a }}"),
    "fragments that expand, CVE-2025-32034": document(f"{{ ...F0 }} {FRAGMENTS} fragment F30 on Query {{ greeting }}"),
    "a circle of fragments, CVE-2022-31173": document("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"),
    "directives, CVE-2024-47614": document("{ greeting " + "@include(if: true)" * 5_000 + " }"),
    "equal fields, CVE-2026-40476": document("{ " + "greeting " * 9_000 + "}"),
    "inline fragments, CVE-2026-75507": document("{ " + "... on Query { greeting } " * 3_000 + "}"),
    "comments, CVE-2026-75508": document("#\n" * 200_000 + "{ greeting }"),
    "aliases": document("{ " + " ".join(f"a{n}: greeting" for n in range(4_000)) + " }"),
    "a document of line ends": document("\n" * 1_000_000),
    "an empty document": document(" "),
    "a type system document": document("type Query { a: Int }"),
    "a name of 100 KB": document("{ " + "a" * 100_000 + " }"),
}  # fmt: skip
