"""Each case means what its RFC says: what is answered, what is executed, and what becomes of the connection."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.transport.wire import connections, framing, heads, requests, upgrades
from tests.transport.wire.case import Case, post
from tests.transport.wire.client import Answer, Client, connected
from tests.transport.wire.conftest import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRAMING = [*upgrades.CASES, *framing.CASES, *heads.CASES, *connections.CASES]
MEANING = requests.CASES
SETTLE_S = 0.005


def said(answer: Answer) -> list[str]:
    """What the resolvers of an answer with 200 have said."""
    found: Any = answer.json
    batch = found if isinstance(found, list) else [found]
    return [each["data"]["echo"] for each in batch if "data" in each]


async def exchange(client: Client, case: Case) -> list[Answer]:
    """Send a case; its answers."""
    await client.send(*case.sent)
    return [
        await client.answer(case.method if number == 0 else "POST")
        for number in range(len(case.answers))
    ]


async def check_end(client: Client, case: Case) -> None:
    """What becomes of the connection is what the case says."""
    if case.then == "closed":
        assert await client.rest() == b""
    elif case.then == "waits":
        await asyncio.sleep(SETTLE_S)
        assert (client.buffer, client.is_over) == (b"", False)
    elif case.then == "open":
        await client.send(post("probe"))
        answer = await client.answer()
        assert (answer.status, said(answer)) == (200, ["probe"])
        assert client.buffer == b""


async def check(wire: Wire, case: Case) -> None:
    """A case on a connection of its own."""
    wire.begin()
    async with connected(wire.port) as client:
        answers = await exchange(client, case)
        for answer, expected in zip(answers, case.answers, strict=True):
            allowed = expected if isinstance(expected, tuple) else (expected,)
            assert answer.status in allowed, [each.status for each in answers]
        if case.interim is not None:
            assert answers[0].interim == case.interim
        await asyncio.sleep(0)
        assert wire.state["ran"] == list(case.ran)
        if case.method != "HEAD":
            told = [text for answer in answers if answer.status == 200 for text in said(answer)]
            assert told == list(case.ran)
        await check_end(client, case)


async def test_each_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in (*FRAMING, *MEANING)]
    assert len(names) == len(set(names))
    assert all(case.rule for case in (*FRAMING, *MEANING))


@pytest.mark.parametrize("case", FRAMING, ids=str)
async def test_framing(protocol: Wire, case: Case) -> None:
    await check(protocol, case)


@pytest.mark.parametrize("case", MEANING, ids=str)
async def test_meaning(any_server: Wire, case: Case) -> None:
    if not any_server.is_own:  # what becomes of its connection is the other server's to say
        case = replace(case, then="any" if case.then == "closed" else case.then)
    await check(any_server, case)
