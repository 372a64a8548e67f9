"""The chat: what is said reaches those in the room."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from gateway.testing import GatewayClient

CONFIG = Path(__file__).resolve().parent.parent / "gateway.toml"
SAY = 'mutation ($room: String!) { say(room: $room, who: "Ada", text: "Hello") { text } }'


def test_a_generator_of_its_own(gateway_client):
    results = list(gateway_client().subscribe("subscription { countdown(from: 3) }"))
    assert [result.data for result in results] == [
        {"countdown": 3},
        {"countdown": 2},
        {"countdown": 1},
    ]


def test_what_is_said_reaches_its_room_alone():
    async def conversation():
        async with (
            GatewayClient(CONFIG) as client,
            aclosing(
                client.subscribe('subscription { said(room: "lobby") { who text } }')
            ) as heard,
        ):
            first = asyncio.ensure_future(anext(heard))
            while not first.done():  # until the subscription is open, nobody hears
                await client.execute(SAY, {"room": "kitchen"})
                await client.execute(SAY, {"room": "lobby"})
            return (await first).data

    assert asyncio.run(conversation()) == {"said": {"who": "Ada", "text": "Hello"}}


def test_a_room_that_is_not_there(gateway_client):
    result = gateway_client().execute(SAY, {"room": "attic"})
    assert [error["extensions"]["code"] for error in result.errors] == ["NO_SUCH_ROOM"]
