"""What the upstreams answer: the public posts-and-users workload, 100 posts by 10 users, and larger bodies.

Deterministic; the texts have the lengths of the well-known public placeholder service, since decoding
costs by the byte.
"""

from __future__ import annotations

from typing import Any

WORDS = (  # noqa: SIM905 - prose reads better than a list of 39 strings
    "sunt aut facere repellat provident occaecati excepturi optio reprehenderit qui est esse ea "
    "molestias quasi exercitationem repellat eum et iusto sed quo iure nesciunt quas odio dolorem "
    "magnam facilis autem optio dolores ullam saepe omnis minima quia rerum tempore"
).split()


def _text(seed: int, words: int) -> str:
    return " ".join(WORDS[(seed * 7 + index * 11) % len(WORDS)] for index in range(words))


def posts() -> list[dict[str, Any]]:
    """100 posts: userId, id, title (about 40 characters), body (about 160)."""
    return [
        {
            "userId": (number - 1) // 10 + 1,
            "id": number,
            "title": _text(number, 6),
            "body": _text(number + 100, 25),
        }
        for number in range(1, 101)
    ]


def users() -> list[dict[str, Any]]:
    """10 users with address and company, of which a query asks three fields."""
    return [
        {
            "id": number,
            "name": f"User {_text(number, 2).title()}",
            "username": f"user{number}",
            "email": f"user{number}@example.org",
            "address": {
                "street": _text(number, 2),
                "suite": f"Apt. {number}",
                "city": _text(number, 1),
                "zipcode": f"{number:05d}",
                "geo": {"lat": f"-{number}.3159", "lng": f"{number}1.1496"},
            },
            "phone": f"1-770-736-{number:04d}",
            "website": f"user{number}.example.org",
            "company": {"name": _text(number, 2), "catchPhrase": _text(number, 4), "bs": "none"},
        }
        for number in range(1, 11)
    ]


def joined() -> dict[str, Any]:
    """What `{ posts { id userId title user { id name email } } }` answers; ids are Int in this schema."""
    by_id = {user["id"]: user for user in users()}
    return {
        "data": {
            "posts": [
                {
                    "id": post["id"],
                    "userId": post["userId"],
                    "title": post["title"],
                    "user": {key: by_id[post["userId"]][key] for key in ("id", "name", "email")},
                }
                for post in posts()
            ]
        }
    }


def titles() -> dict[str, Any]:
    """What `{ posts { title } }` answers."""
    return {"data": {"posts": [{"title": post["title"]} for post in posts()]}}


POSTS_AND_USERS = "{ posts { id userId title user { id name email } } }"
TITLES = "{ posts { title } }"
CONSTANT = "{ greeting }"
USER_IDS = range(1, 11)
USERS_PATH = "/users?" + "&".join(f"id={number}" for number in USER_IDS)


def stats() -> list[dict[str, int]]:
    """Numbers of each post, kept by a third service."""
    return [
        {"id": number, "views": number * 7919 % 10_007, "likes": number * 31 % 97, "shares": number}
        for number in range(1, 101)
    ]


ITEM_FIELDS = [f"{kind}{n}" for kind in "is" for n in range(5)]


def items(count: int = 10_000) -> list[dict[str, Any]]:
    """Objects of five integers and five texts."""
    return [
        {name: number if name[0] == "i" else f"text {number}" for name in ITEM_FIELDS}
        for number in range(count)
    ]


def node(depth: int, width: int, number: int = 1) -> dict[str, Any]:
    """A tree of `depth` levels with `width` children each; the last level has no `children`."""
    made: dict[str, Any] = {"id": number, "name": f"node {number}"}
    if depth > 1:
        made["children"] = [node(depth - 1, width, number * width + n) for n in range(width)]
    return made


def chains(depth: int, count: int = 64) -> dict[str, Any]:
    """A root with `count` children, below each one child a level, down to `depth` levels."""
    made: dict[str, Any] = {"id": 1, "name": "root"}
    if depth > 1:
        made["children"] = [node(depth - 1, 1, number) for number in range(count)]
    return made


def selection(depth: int) -> str:
    """The selection that asks for a whole tree."""
    return "id name" + (f" children {{ {selection(depth - 1)} }}" if depth > 1 else "")


def records() -> list[dict[str, str]]:
    """500 rows of 40 fields, about half a megabyte, of which a query asks three."""
    return [{f"field{n}": f"value {n} of row {row}" for n in range(40)} for row in range(500)]


COMMENT = {"id": 1, "postId": 1, "text": "Nice."}


def files() -> dict[str, object]:
    """What the upstream serves, by path."""
    return {
        "posts": posts(),
        "post": posts()[0],
        "users": users(),
        "stats": stats(),
        "items": items(),
        "tree": node(8, 2),
        "records": records(),
    }
