"""What differs between the requests of a load, as it does between those of real clients.

    varied      each with a trace, a request id, an address, an agent and a body of its own: what every table shows
    identical   the same bytes again and again: what load generators send
    encoded     varied, from a client that takes compressed answers

What a server remembers of bytes helps it under `identical` alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from typing import Literal

Kind = Literal["varied", "identical", "encoded"]
COUNTER = "%N%"
"""Stands for a number that no earlier request of the run had, in a scenario's query and answer."""

# As Chromium sends it.
ACCEPT_ENCODING = "gzip, deflate, br, zstd"
AGENTS = 97
DRAWN = 20_000
"""Requests for popular pages, before the same pages come again in the same order."""

SCRIPT = """
local parts = {{ {parts} }}
local number, turns = {first}, {turns}
local target, encoding = "{target}", "{encoding}"
math.randomseed(number)
local function hex() return string.format("%08x", math.random(0, 2147483647)) end
local drawn = {{ {drawn} }}
local function body(n)
  return table.concat(parts, tostring(drawn[n % #drawn + 1] or turns > 0 and n % turns or n))
end
local function varied(n)
  local text = body(n)
  return string.format("POST %s HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\nuser-agent: bench/%d\\r\\n"
    .. "accept: application/json\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n"
    .. "traceparent: 00-%s%s%s%s-%s%s-00\\r\\nx-request-id: %s%s\\r\\nx-forwarded-for: 10.%d.%d.1\\r\\n%s\\r\\n%s",
    target, n % {agents}, #text, hex(), hex(), hex(), hex(), hex(), hex(), hex(), hex(), n % 250, n % 199, encoding, text)
end
local function plain(n)
  local text = body(n)
  return string.format("POST %s HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\naccept: application/json\\r\\n"
    .. "content-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n%s", target, #text, text)
end
local make = {make}
local always = make(number)
function request()
  if {is_constant} then return always end
  number = number + 1
  return make(number)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %.1f %.1f %.1f %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    e.connect + e.read + e.write + e.timeout + e.status))
end
"""


def varied_body(body: bytes) -> bytes:
    """A request's body with something that no other has: COUNTER stands in it."""
    return body[:-1] + b',"extensions":{"n":%b}}' % COUNTER.encode()


def wrk_script(
    body: bytes, target: str, kind: Kind, *, first: int, turns: int, pages: int = 0
) -> str:
    """What makes wrk send requests of a kind.

    Args:
        body: A JSON object, which may hold COUNTER.
        target: The path.
        kind: Of the traffic.
        first: The first number for COUNTER; every request has the next one.
        turns: COUNTER goes round below it; 0 lets it grow.
        pages: COUNTER is drawn from so many numbers by Zipf's law; 0 for none.
    """
    text = (body if kind == "identical" else varied_body(body)).decode()
    return SCRIPT.format(
        parts=", ".join(f"[==[{part}]==]" for part in text.split(COUNTER)),
        first=first,
        turns=turns,
        drawn=", ".join(map(str, popular_pages(pages))) if pages else "",
        target=target,
        encoding=f"accept-encoding: {ACCEPT_ENCODING}\\r\\n" if kind == "encoded" else "",
        agents=AGENTS,
        make="plain" if kind == "identical" else "varied",
        is_constant="true" if kind == "identical" and COUNTER not in text else "false",
    )


def popular_pages(pages: int) -> list[int]:
    """Which page each of many requests is for, by Zipf's law; the same each time."""
    weights = [1 / rank for rank in range(1, pages + 1)]
    return random.Random("pages").choices(range(1, pages + 1), weights, k=DRAWN)


def varied_requests(body: bytes, target: str, host: str) -> Iterator[bytes]:
    """Requests without end, each with bytes of its own."""
    text, counter = varied_body(body), COUNTER.encode()
    chance = random.Random(1)
    head = (
        f"POST {target} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        "accept: application/json\r\nuser-agent: bench/%d\r\ntraceparent: 00-%032x-%016x-00\r\n"
        "x-request-id: %016x\r\nx-forwarded-for: 10.%d.%d.1\r\ncontent-length: %d\r\n\r\n"
    ).encode()
    for number in count(1):
        sent = text.replace(counter, b"%d" % number)
        bits = chance.getrandbits(128)
        ids = bits, bits >> 64 or 1, bits & (2**64 - 1)
        yield head % (number % AGENTS, *ids, number % 250, number % 199, len(sent)) + sent
