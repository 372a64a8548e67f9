"""Cases that are broken at random, in random pieces: whatever comes, each whole request has one answer, in order."""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tests.fuzz.reading import read
from tests.fuzz.test_reader import PIECES
from tests.transport.wire import connections, framing, heads, requests, upgrades
from tests.transport.wire.client import Client, connected
from tests.transport.wire.conftest import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUNDS = 800
LARGEST = 1_900  # smaller than any limit: what is read does not depend on them
OTHER = re.compile(rb"gzip|x-a: c")  # what their resolvers are asked does not stand there
SEEDS = [
    b"".join(case.sent)
    for module in (upgrades, framing, heads, connections, requests)
    for case in module.CASES
    if 0 < sum(map(len, case.sent)) < LARGEST and not OTHER.search(b"".join(case.sent))
]


def mutated(rng: Random) -> bytes:
    """A case with some bytes in other places."""
    sent = rng.choice(SEEDS)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(sent) + 1)
        sent = sent[:at] + rng.choice(PIECES) + sent[at + rng.choice((0, 0, 1, 2, 8)) :]
    return sent


async def finals(client: Client, methods: list[bytes]) -> int:
    """How many final answers come, each of them whole; the client has ended its side."""
    count = 0
    while True:
        method = methods[count].decode() if count < len(methods) else "POST"
        try:
            answer = await client.answer(method)
        except EOFError:
            assert client.buffer == b""  # no part of an answer
            return count
        assert answer.status != 500
        count += 1


@pytest.mark.parametrize("seed", range(4))
async def test_each_request_has_one_answer(protocol: Wire, seed: int) -> None:
    rng = Random(seed)
    failures: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: failures.append(context))
    for _ in range(ROUNDS // 4):
        protocol.begin()
        protocol.state["gate"].set()
        sent = mutated(rng)
        read_by_itself = read([sent])
        cut = rng.choice((0, rng.randrange(len(sent) + 1)))
        async with connected(protocol.port) as client:
            await client.send(*(piece for piece in (sent[:cut], sent[cut:]) if piece))
            client.shut()
            methods = [message.method for message in read_by_itself.messages]
            if b"websocket" in sent:
                continue
            count = await finals(client, methods)
        whole = len(read_by_itself.messages)
        # What is broken has an answer too, and so has a head whose body nobody wants: then it is the last.
        assert count <= whole + 1, (sent, cut)
        assert count >= whole or cut, sent
        texts = [text for message in read_by_itself.messages for text in asked(message)]
        assert all(text in texts for text in protocol.state["ran"]), (sent, cut)
    assert not failures
    loop.set_exception_handler(None)


def asked(message: Any) -> list[str]:
    """The texts that a request may ask for, and the values that it may ask to be said."""
    sent = unquote_plus(message.target.decode("latin-1")) + message.body.decode("latin-1")
    found = re.findall(r'text:[ \t]*\\?"(.*?)\\?"', sent)
    return [*found, "nothing", *(v.decode("latin-1") for _, v in message.headers)]  # fmt: skip
