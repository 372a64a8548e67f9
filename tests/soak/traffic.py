"""The traffic of the soak, and what of an answer is right: the expected data, less what a documented error took."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import aiohttp

# INTERNAL_SERVER_ERROR is what the demo's own resolvers make of a backend's 5xx or garbage; `__main__` looks
# into the log that it is nothing else.
CODES = frozenset(
    {
        "HTTP_CLIENT_ERROR",
        "GATEWAY_TIMEOUT",
        "CONNECTOR_FETCH",
        "CONNECTOR_RESPONSE_INVALID",
        "RESPONSE_TOO_LARGE",
        "CIRCUIT_BREAKER_OPEN",
        "UPSTREAM_OVERLOADED",
        "INTERNAL_SERVER_ERROR",
    }
)
NULL_ERROR = "Cannot return null for non-nullable field"
EVENTS = 'subscription { commentAdded(videoId: "v1") { text video { title channel { name } } } }'
COMMENT = """mutation ($text: String!) {
  addComment(input: {videoId: "v1", authorId: "u1", text: $text}) { comment { text author { name } } }
}"""


def operations() -> list[dict[str, Any]]:
    """Requests whose answers are known: queries of every kind, and what must be refused."""
    found: list[dict[str, Any]] = []
    for number in range(1, 9):
        variables = {"video": f"v{number}", "channel": f"c{number}", "collection": f"k{number}"}
        found += [
            {"query": "query ($video: ID!) { video(id: $video) { title related { id title } } }", "variables": {"video": f"v{number}"}},
            {"query": f'{{ video(id: "v{number}") {{ title stats {{ views }} channel {{ name owner {{ name }} }} }} }}'},
            {"query": "query ($collection: ID!) { collection(id: $collection) { title curator { name } videos { title topic { name } stats { likes } } } }", "variables": {"collection": variables["collection"]}},
            {"query": "query ($channel: ID!) { channel(id: $channel) { name verified links { name } videos(first: 3) { edges { node { title } } } } }", "variables": {"channel": variables["channel"]}},
            {"query": f"{{ videos(first: {number * 3}) {{ edges {{ node {{ id title channel {{ name }} stats {{ views }} topic {{ name }} }} }} }} }}"},
        ]  # fmt: skip
    found += [
        {"query": f'{{ search(query: "{word}", first: 5) {{ totalCount edges {{ score node {{ __typename ... on Video {{ title }} ... on Channel {{ name }} }} }} }} }}'}
        for word in ("music", "chess", "grün")
    ]  # fmt: skip
    found += [
        {"query": "{ topics { name slug code } }"},
        {"query": "{ nothing }"},
        {"query": "{ video("},
        {"query": "query ($id: ID!) { video(id: $id) { title } }"},
    ]
    return found


def fault_in(answer: Any, expected: Any) -> str | None:
    """What is wrong with an answer; None when it is right, or partial for a documented reason."""
    if answer == expected:
        return None
    if "data" not in expected:
        return "a refusal differs"
    errors = answer.get("errors", [])
    for error in errors:
        code = error.get("extensions", {}).get("code")
        if code not in CODES and not error["message"].startswith(NULL_ERROR):
            return f"an error of an unknown kind: {error}"
    if not errors:
        return "other data, and no error"
    return None if is_part(answer["data"], expected["data"]) else "wrong data beside errors"


def is_part(value: Any, whole: Any) -> bool:
    """Whether a value is the whole one, but for nulls."""
    if value is None:
        return True
    if isinstance(whole, dict):
        return (
            isinstance(value, dict)
            and value.keys() == whole.keys()
            and all(is_part(value[name], whole[name]) for name in whole)
        )
    if isinstance(whole, list):
        return (
            isinstance(value, list)
            and len(value) == len(whole)
            and all(is_part(*pair) for pair in zip(value, whole, strict=True))
        )
    return bool(value == whole)


class Traffic:
    """Clients of all kinds against one gateway.

    Args:
        url: The endpoint.
        session: Sends.
        rng: Chance.

    Attributes:
        seen: Answers by kind: `whole`, `partial`, `refused`, `left` (the client went away), `event`.
        wrong: What must not have been.
    """

    def __init__(self, url: str, session: aiohttp.ClientSession, rng: Random) -> None:
        self.url = url
        self.session = session
        self.rng = rng
        self.operations = operations()
        self.expected: list[Any] = []
        self.users: dict[str, Any] = {}
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.is_over = False

    async def learn(self) -> None:
        """Ask everything once, while all is well."""
        for operation in self.operations:
            self.expected.append(await self._post(operation))
        for number in range(1, 9):
            answer = await self._post({"query": "{ viewer { id name } }"}, f"u{number}")
            self.users[f"u{number}"] = answer
            assert answer["data"]["viewer"]["id"] == f"u{number}"
        for answer in self.expected:
            assert "data" not in answer or "errors" not in answer, answer

    async def client(self) -> None:
        """One client: one thing after another, until it is over."""
        ways = (self._read, self._read, self._read, self._view, self._write, self._leave)
        while not self.is_over:
            try:
                async with asyncio.timeout(15):
                    await self.rng.choice(ways)()
            except (aiohttp.ClientError, TimeoutError) as exc:
                self.wrong.append(f"no answer: {exc!r}")
            await asyncio.sleep(self.rng.random() * 0.04)

    async def subscriber(self) -> None:
        """One that listens for a while, goes away, and comes again."""
        while not self.is_over:
            async with self.session.ws_connect(
                self.url, protocols=["graphql-transport-ws"]
            ) as socket:
                await socket.send_json({"type": "connection_init"})
                await socket.receive_json()
                await socket.send_json(
                    {"id": "1", "type": "subscribe", "payload": {"query": EVENTS}}
                )
                await self._listen(socket, 1 + self.rng.random() * 10)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, time_s: float) -> None:
        whole = {"text": "soak", "video": self._video_of_events()}
        try:
            async with asyncio.timeout(time_s):
                async for message in socket:
                    answer = message.json()
                    self.seen["event"] += 1
                    if answer["type"] != "next":
                        self.wrong.append(f"a message of an event stream: {answer}")
                        return
                    expected = {"data": {"commentAdded": whole}}
                    if fault := fault_in(answer["payload"], expected):
                        self.wrong.append(f"{fault}: event {answer}")
        except TimeoutError:
            return  # it has heard enough

    def _video_of_events(self) -> Any:
        for operation, expected in zip(self.operations, self.expected, strict=True):
            if operation["query"].startswith('{ video(id: "v1")'):
                video = expected["data"]["video"]
                return {"title": video["title"], "channel": {"name": video["channel"]["name"]}}
        raise AssertionError

    async def _read(self) -> None:
        number = self.rng.randrange(len(self.operations))
        answer = await self._post(self.operations[number])
        self._check(answer, self.expected[number], self.operations[number])

    async def _view(self) -> None:
        """Several users ask the same at the same time."""
        users = self.rng.sample(sorted(self.users), 4) * 2
        query = {"query": "{ viewer { id name } }"}
        answers = await asyncio.gather(*(self._post(query, user) for user in users))
        for user, answer in zip(users, answers, strict=True):
            self._check(answer, self.users[user], {"viewer": user})

    async def _write(self) -> None:
        answer = await self._post({"query": COMMENT, "variables": {"text": "soak"}})
        author = self.users["u1"]["data"]["viewer"]["name"]
        comment = {"comment": {"text": "soak", "author": {"name": author}}}
        self._check(answer, {"data": {"addComment": comment}}, "a comment")

    async def _leave(self) -> None:
        """Ask, and go away before the answer is there, or just then."""
        operation = self.rng.choice(self.operations)
        task = asyncio.ensure_future(self._post(operation))
        await asyncio.wait({task}, timeout=self.rng.random() * 0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.seen["left"] += 1

    def _check(self, answer: Any, expected: Any, what: Any) -> None:
        if fault := fault_in(answer, expected):
            self.wrong.append(f"{fault}: {what}: {str(answer)[:600]}")
        is_whole = answer == expected
        self.seen["refused" if "data" not in expected else "whole" if is_whole else "partial"] += 1

    async def _post(self, operation: dict[str, Any], user: str = "") -> Any:
        headers = {"x-demo-user": user} if user else {}
        async with self.session.post(self.url, json=operation, headers=headers) as answer:
            return await answer.json()
