"""The scenarios as data: what is asked, what the answer must be, over which upstream, under how much load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.load import data
from benchmarks.load.traffic import COUNTER, Kind

EVERY_TRAFFIC: tuple[Kind, ...] = ("varied", "identical", "encoded")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question that is put to every server.

    Attributes:
        name: On the command line and in results.
        title: What it is, in a line.
        query: The document; may hold COUNTER.
        expected: The answer, a JSON value; may hold COUNTER.
        connections: Of the closed loop.
        passes: Of the whole suite's run.
        upstream: "fast" (nginx) or "slow" (the same answers, late).
        quick: Whether it stands in the quick run.
        paced: Also loaded at constant rates.
        traffic: What it is loaded with, the first for the table's figures.
        pages: COUNTER is one of so many numbers, by Zipf's law; 0 where no two requests have the same.
    """

    name: str
    title: str
    query: str
    expected: Any
    connections: int = 32
    passes: int = 3
    upstream: str = "fast"
    quick: bool = False
    paced: bool = False
    traffic: tuple[Kind, ...] = ("varied",)
    pages: int = 0

    @property
    def body(self) -> bytes:
        """The request's body, COUNTER included."""
        return orjson.dumps({"query": self.query})

    def answer(self, number: int) -> object:
        """What must come when COUNTER is `number`."""
        return orjson.loads(orjson.dumps(self.expected).replace(COUNTER.encode(), b"%d" % number))


def _joined(*, stats: bool = False) -> dict[str, Any]:
    users = {user["id"]: user for user in data.users()}
    rows = []
    for post, numbers in zip(data.posts(), data.stats(), strict=True):
        user = users[post["userId"]]
        row = {"id": post["id"], "userId": post["userId"], "title": post["title"]}
        row["user"] = {key: user[key] for key in ("id", "name", "email")}
        if stats:
            del row["userId"]
            row["stats"] = {key: numbers[key] for key in ("views", "likes")}
        rows.append(row)
    return {"data": {"posts": rows}}


THREE_SOURCES = "{ posts { id title user { id name email } stats { views likes } } }"
RECORD = ("field0", "field1", "field2")

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "posts-and-users",
            "100 posts, each with one of 10 users: two upstream calls",
            data.POSTS_AND_USERS,
            _joined(),
            passes=5,
            quick=True,
            paced=True,
            traffic=EVERY_TRAFFIC,
        ),
        Scenario(
            "titles",
            "one field of 100 posts: one upstream call",
            data.TITLES,
            {"data": {"posts": [{"title": post["title"]} for post in data.posts()]}},
            traffic=EVERY_TRAFFIC,
        ),
        Scenario("constant", "one field that needs no upstream", data.CONSTANT, {"data": {"greeting": "hello"}}, quick=True, traffic=EVERY_TRAFFIC),
        Scenario(
            "wide-list",
            "10,000 objects of ten leaves: one upstream call of 1.6 MB",
            f"{{ items {{ {' '.join(data.ITEM_FIELDS)} }} }}",
            {"data": {"items": data.items()}},
            connections=2,
        ),
        Scenario(
            "deep",
            "a tree of eight levels, 255 objects: one upstream call",
            f"{{ tree {{ {data.selection(8)} }} }}",
            {"data": {"tree": data.node(8, 2)}},
        ),
        Scenario(
            "three-sources",
            "100 posts with their users and numbers: three upstream calls",
            THREE_SOURCES,
            _joined(stats=True),
        ),
        Scenario(
            "cold-plans",
            "every request a small operation that was never seen: one upstream call",
            f"{{ post(id: 1) {{ id a{COUNTER}: title }} }}",
            {"data": {"post": {"id": 1, f"a{COUNTER}": data.posts()[0]["title"]}}},
        ),
        Scenario(
            "literals",
            "one operation, every request with another literal: one upstream call",
            f"{{ post(id: {COUNTER}) {{ id title }} }}",
            {"data": {"post": {"id": 1, "title": data.posts()[0]["title"]}}},
            quick=True,
        ),
        Scenario(
            "popular-pages",
            "1,000 pages, asked for by Zipf's law: one upstream call",
            f"{{ post(id: {COUNTER}) {{ id title body }} }}",
            {"data": {"post": {key: data.posts()[0][key] for key in ("id", "title", "body")}}},
            pages=1000,
        ),
        Scenario(
            "mutation",
            "one mutation: one POST upstream",
            'mutation { addComment(postId: 1, text: "Nice.") { id postId text } }',
            {"data": {"addComment": data.COMMENT}},
        ),
        Scenario(
            "large-body",
            "3 of 40 fields of 500 rows: one upstream call of 0.5 MB",
            f"{{ records {{ {' '.join(RECORD)} }} }}",
            {"data": {"records": [{key: row[key] for key in RECORD} for row in data.records()]}},
            connections=8,
        ),
        Scenario(
            "slow-backends",
            "as three-sources, over backends that take 5, 20 and 50 ms",
            THREE_SOURCES,
            _joined(stats=True),
            upstream="slow",
            connections=32,
            paced=True,
        ),
    )
}  # fmt: skip

DEMO_QUERY = (
    "{ videos(first: 50) { edges { node { id title channel { name verified } stats { views } "
    "topic { name } } } } }"
)
