"""Request lines, Host, header fields and Expect."""

from __future__ import annotations

from tests.transport.wire.case import (
    CRLF,
    HOST,
    JSON,
    LINE,
    Case,
    asks,
    asks_header,
    chunk,
    chunked,
    fine,
    get,
    message,
    post,
    refused,
    split_head,
)

LIMIT = 16_384  # http.max_header_bytes
LARGEST = 100_000  # http.max_body_bytes
HOSTS = "RFC 9112 §3.2"
FIELD, FIELDS = "RFC 9112 §5.1", "RFC 9110 §5.5"
START = "RFC 9112 §3"
EXPECT = "RFC 9110 §10.1.1"
CONTINUE = b"expect: 100-continue"
SIZE = b"content-length: %d" % len(asks("a"))

BAD_HOSTS: dict[str, bytes] = {
    "a list": b"test, other",
    "nothing": b"",
    "white space": b"  ",
    "a space within": b"te st",
    "user information": b"user@test",
    "user information with a password": b"user:password@test",
    "a port that is none": b"test:http",
    "a path": b"test/graphql",
    "a query": b"test?a",
    "a fragment": b"test#a",
    "a backslash": b"test\\other",
    "a whole URL": b"http://test",
    "two ports": b"test:1:2",
    "an address that does not end": b"[::1",
    "quotes": b'"test"',
    "a tab within": b"te\tst",
    "bytes above ASCII": "tést".encode(),
    "angle brackets": b"<test>",
}
GOOD_HOSTS = (
    b"test:8000",
    b"127.0.0.1",
    b"[::1]:8000",
    b"te-st.example.",
    b"te%20st",
    b"t_e!s$t&'()*+;=~",
)
LINES: dict[str, bytes] = {
    "no version": b"POST /graphql",
    "HTTP/2.0": b"POST /graphql HTTP/2.0",
    "HTTP/3": b"POST /graphql HTTP/3",
    "HTTP/0.9": b"POST /graphql HTTP/0.9",
    "HTTP/1.1 and more": b"POST /graphql HTTP/1.1 x",
    "HTTP/1.1 and a space": b"POST /graphql HTTP/1.1 ",
    "HTTP/1.11": b"POST /graphql HTTP/1.11",
    "HTTP/01.1": b"POST /graphql HTTP/01.1",
    "a version in lower case": b"POST /graphql http/1.1",
    "another protocol": b"POST /graphql RTSP/1.0",
    "ICE, which llhttp knows": b"SOURCE /graphql ICE/1.0",
    "no target": b"POST  HTTP/1.1",
    "no method": b" /graphql HTTP/1.1",
    "two spaces": b"POST  /graphql HTTP/1.1",
    "a tab": b"POST\t/graphql HTTP/1.1",
    "a space in the target": b"POST /graph ql HTTP/1.1",
    "a NUL in the target": b"POST /graphql\x00 HTTP/1.1",
    "a control character in the target": b"POST /graphql?\x01 HTTP/1.1",
    "DEL in the target": b"POST /graphql?\x7f HTTP/1.1",
    "a fragment": b"POST /graphql#a HTTP/1.1",
    "a relative target": b"POST graphql HTTP/1.1",
    "a host as the target": b"POST test:80 HTTP/1.1",
    "an asterisk": b"POST * HTTP/1.1",
    "a URL with user information": b"POST http://user@test/graphql HTTP/1.1",
    "a URL without a host": b"POST http:///graphql HTTP/1.1",
    "a method that is no token": b"PO(ST /graphql HTTP/1.1",
    "a carriage return in the target": b"POST /graph\rql HTTP/1.1",
    "a lone carriage return at its end": b"POST /graphql HTTP/1.1\r",
}
FIELDS_THAT_ARE_NONE: dict[str, bytes] = {
    "no colon": b"x-a",
    "no name": b": a",
    "a space before the colon": b"x-a : b",
    "a tab before the colon": b"x-a\t: b",
    "a space within the name": b"x a: b",
    "a name in parentheses": b"(x): b",
    "a name above ASCII": "x-ä: b".encode(),
    "a NUL in the name": b"x-\x00: b",
    "a NUL in the value": b"x-a: \x00",
    "a control character in the value": b"x-a: \x01",
    "DEL in the value": b"x-a: \x7f",
    "ESC in the value": b"x-a: \x1b[0m",
    "a carriage return in the value": b"x-a: b\rc",
    "a line feed in place of a line end": b"x-a: b\nx-b: c",
    "a folded line": b"x-a: b\r\n c",
    "a folded line with a tab": b"x-a: b\r\n\tc",
    "an empty folded line": b"x-a: b\r\n ",
}

CASES = [
    # Host
    fine("a host", post("a"), rule=HOSTS),
    *(fine(f"a host: {host.decode()}", post("a", host=b"host: " + host), rule=HOSTS) for host in GOOD_HOSTS),
    *(refused(f"a host: {name}", post("a", host=b"host: " + value), rule=HOSTS) for name, value in BAD_HOSTS.items()),
    refused("no host", message(LINE, JSON, SIZE, body=asks("a")), rule=HOSTS),
    refused("no host, by GET", message(b"GET /health/live HTTP/1.1"), rule=HOSTS, method="GET"),
    refused("two hosts", post("a", b"host: other"), rule=HOSTS),
    refused("the same host twice", post("a", HOST), rule=HOSTS),
    refused("the second host is nothing", post("a", b"host: "), rule=HOSTS),
    fine("no host in HTTP/1.0", message(b"POST /graphql HTTP/1.0", JSON, SIZE, body=asks("a")), rule=HOSTS, then="closed"),
    refused("two hosts in HTTP/1.0", post("a", HOST, line=b"POST /graphql HTTP/1.0"), rule=HOSTS),
    fine("a URL as the target", post("a", line=b"POST http://test/graphql HTTP/1.1"), rule="RFC 9112 §3.2.2"),
    fine("a URL with a port and a query", post("a", line=b"POST http://test:80/graphql?a=b HTTP/1.1"), rule="RFC 9112 §3.2.2"),
    fine("a URL in capitals", post("a", line=b"POST HTTP://TEST/graphql HTTP/1.1"), rule="RFC 9112 §3.2.2"),
    fine("a URL of another host than Host is the request's host", post(asks_header("host"), line=b"POST http://other/graphql HTTP/1.1"), rule="RFC 9112 §3.2.2", ran=("other",)),
    refused("a URL and no host", message(b"POST http://test/graphql HTTP/1.1", JSON, SIZE, body=asks("a")), rule=HOSTS),
    Case(name="OPTIONS of the server", sent=(message(b"OPTIONS * HTTP/1.1", HOST) + post("a"),), answers=((200, 204, 404), 200), ran=("a",), then="open", rule="RFC 9112 §3.2.4", method="OPTIONS"),
    # The line
    *(
        refused(f"a line: {name}", post("a", line=line), rule=START, status=(400, 505) if "HTTP" in name else 400)
        for name, line in LINES.items()
    ),
    refused("HTTP/0.9", b"GET /graphql\r\n\r\n", rule=START, method="GET"),
    refused("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", rule="RFC 9113 §3.4", status=(400, 505), method="PRI"),
    refused("TLS", bytes.fromhex("1603010200010001fc0303") + bytes(100), rule=START),
    fine("a line end before the line", CRLF + post("a"), rule="RFC 9112 §2.2"),
    fine("a line end behind a body", post("a") + CRLF + post("b"), rule="RFC 9112 §2.2", ran=("a", "b")),
    refused("a line feed before the line", b"\n" + post("a"), rule="RFC 9112 §2.2"),
    refused("line feeds for line ends", post("a").replace(CRLF, b"\n"), rule="RFC 9112 §2.2"),
    refused("a line feed for the last line end", post("a").replace(CRLF * 2, CRLF + b"\n"), rule="RFC 9112 §2.2"),
    refused("a space before the line", b" " + post("a"), rule=START),
    Case(name="a method in lower case", sent=(post("a", line=b"post /graphql HTTP/1.1"),), answers=((400, 405, 501),), then="any", rule="RFC 9110 §9.1"),
    Case(name="a method that nobody knows", sent=(post("a", line=b"BREW /graphql HTTP/1.1"),), answers=((400, 405, 501),), then="any", rule="RFC 9110 §9.1"),
    refused("a target beyond the limit", post("a", line=b"POST /graphql?" + b"x" * 2 * LIMIT + b" HTTP/1.1"), rule=START, status=(414, 431)),
    refused("a target beyond the limit, without an end", b"GET /graphql?" + b"x" * 2 * LIMIT, rule=START, status=(414, 431), method="GET"),
    refused("a method without an end", b"X" * 2 * LIMIT, rule=START, status=(400, 414, 431, 501)),
    fine("a path with a letter in percents", post("a", line=b"POST /graph%71l HTTP/1.1"), rule="RFC 3986 §6.2.2"),
    # The fields
    *(refused(f"a field: {name}", post("a", field), rule=FIELD) for name, field in FIELDS_THAT_ARE_NONE.items()),
    refused("a folded first field", post("a", line=LINE + CRLF + b" x-a: b"), rule="RFC 9112 §2.2"),
    refused("fields beyond the limit", post("a", *[b"x-a: b"] * 4000), rule=FIELDS, status=431),
    refused("a field beyond the limit", post("a", b"x-a: " + b"b" * 2 * LIMIT), rule=FIELDS, status=431),
    refused("a field without an end", message(LINE, HOST)[:-2] + b"x-a: " + b"b" * 2 * LIMIT, rule=FIELDS, status=431),
    refused("a field beyond the limit, in pieces", message(LINE, HOST)[:-2], *[b"x-a: " + b"b" * 995 + CRLF] * 20, rule=FIELDS, status=431),
    fine("fields below the limit", post("a", *[b"x-a: b"] * 500), rule=FIELDS),
    fine("a value with a tab", post(asks_header("x-a"), b"x-a: b\tc"), rule=FIELDS, ran=("b\tc",)),
    fine("a value with white space around it", post(asks_header("x-a"), b"x-a:\t b \t"), rule=FIELDS, ran=("b",)),
    fine("a value that is nothing", post(asks_header("x-a"), b"x-a:"), rule=FIELDS, ran=("",)),
    fine("a value above ASCII", post(asks_header("x-a"), b"x-a: \xe9"), rule=FIELDS, ran=("é",)),
    fine("a name in capitals", post(asks_header("x-a"), b"X-A: b"), rule=FIELD, ran=("b",)),
    fine("a field twice", post(asks_header("x-a"), b"x-a: b", b"x-a: c"), rule="RFC 9110 §5.3", ran=("b, c",)),
    fine("a name with an underscore is another one", post(asks_header("x-a"), b"x_a: b"), rule=FIELD, ran=("nothing",)),
    # Expect
    Case(name="a client waits to be told to go on", sent=split_head(post("a", CONTINUE)), answers=(200,), ran=("a",), interim=(100,), then="open", rule=EXPECT),
    Case(name="the same in capitals, with chunks", sent=split_head(chunked("a", b"Expect: 100-CONTINUE")), answers=(200,), ran=("a",), interim=(100,), then="open", rule=EXPECT),
    fine("a client does not wait", post("a", CONTINUE) + post("b"), rule=EXPECT, ran=("a", "b")),
    Case(name="a client waits with a body that is too large", sent=(split_head(post(b" " * (LARGEST + 1), CONTINUE))[0],), answers=(413,), interim=(), rule=EXPECT),
    Case(name="a client waits with chunks that are too large", sent=(split_head(chunked("a", CONTINUE))[0], chunk(b" " * (LARGEST + 1))), answers=(413,), interim=(100,), rule=EXPECT),
    Case(name="a client waits at an unknown path", sent=(split_head(post("a", CONTINUE, line=b"POST /nowhere HTTP/1.1"))[0],), answers=(404,), interim=None, then="any", rule=EXPECT),
    Case(name="an expectation in HTTP/1.0 is ignored", sent=split_head(post("a", CONTINUE, line=b"POST /graphql HTTP/1.0")), answers=(200,), ran=("a",), interim=(), rule=EXPECT),
    Case(name="an expectation without a body", sent=(get("a", CONTINUE),), answers=(200,), ran=("a",), then="open", rule=EXPECT, method="GET"),
    *(
        Case(name=f"an unknown expectation: {value.decode()}", sent=(post("a", b"expect: " + value),), answers=(417,), interim=(), then="any", rule=EXPECT)
        for value in (b"200-ok", b"100-continue, other", b"100-continue;a=b", b"100")
    ),
]  # fmt: skip
