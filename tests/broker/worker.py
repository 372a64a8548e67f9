"""One worker process of the broker's tests: it takes commands on standard input and answers in JSON lines."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from gateway.broker.mailbox import Mailbox, SlowConsumerError
from gateway.broker.settings import BrokerSettings
from gateway.broker.unix import UnixBroker


def say(**event: Any) -> None:
    """One line."""
    print(json.dumps(event), flush=True)


async def listen(mailbox: Mailbox[Any], topic: str) -> None:
    """Tell every event."""
    try:
        async for payload in mailbox:
            say(topic=topic, payload=payload)
    except SlowConsumerError:
        say(topic=topic, lost=True)


async def main(directory: str) -> None:
    """Until standard input ends."""
    broker = UnixBroker(BrokerSettings(link_timeout_s=0.5, max_queue=100_000), directory)
    await broker.connect()
    say(started=broker.name.decode())
    reader = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = []
    while line := await reader.readline():
        command = json.loads(line)
        if "listen" in command:
            topic = command["listen"]
            tasks.append(asyncio.create_task(listen(broker.subscribe(topic), topic)))
            say(listening=topic)
        elif "peers" in command:
            say(peers=sorted(name.decode() for name in broker.peers))
        else:
            for payload in command["payloads"]:
                await broker.publish(command["topic"], payload)
            say(published=len(command["payloads"]))
    await broker.aclose()
    await asyncio.gather(*tasks)
    say(ended=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
