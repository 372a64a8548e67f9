"""Plausible leaf values for a schema without backends: by type, by the field's name, and always the same.

A value is a pure function of a seed and of where it stands. Nothing here knows objects, lists or requests.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

from graphql import GraphQLEnumType, GraphQLScalarType

EPOCH: Final = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
WORDS: Final = ("amber", "birch", "cedar", "delta", "ember", "flint", "grove", "harbor", "iris", "juniper")  # fmt: skip


def number_of(seed: str) -> int:
    """A number of 32 bits that is the same in every process."""
    text = seed.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big")


def leaf_value(kind: GraphQLScalarType | GraphQLEnumType, name: str, seed: str, owner: str) -> Any:
    """One value.

    Args:
        kind: The named type; an enum gives a value's internal form.
        name: The field's name, which often says what a string holds.
        seed: What the value follows from.
        owner: The type of the object, which its ids name.
    """
    number = number_of(seed)
    if isinstance(kind, GraphQLEnumType):
        values = [value for value in kind.values.values() if not value.deprecation_reason]
        values = values or list(kind.values.values())
        return values[number % len(values)].value
    make = _SPECIFIED.get(kind.name)
    if make is not None:
        return make(name, number, owner)
    for pattern, custom in _CUSTOM:
        if pattern.search(kind.name):
            return custom(number)
    return f"{kind.name}-{number % 1000}"


def words_of(name: str) -> str:
    """`createdByName` as "Created by name"."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
    return " ".join(parts).capitalize() or name


def _moment(number: int) -> str:
    return (EPOCH + dt.timedelta(seconds=number % 31_536_000)).isoformat().replace("+00:00", "Z")


def _day(number: int) -> str:
    return _moment(number)[:10]


def _url(number: int) -> str:
    return f"https://example.com/{WORDS[number % 10]}/{number % 1000}"


def _uuid(number: int) -> str:
    digits = f"{number:08x}" * 4
    return f"{digits[:8]}-{digits[:4]}-4{digits[:3]}-8{digits[:3]}-{digits[:12]}"


def _color(number: int) -> str:
    return f"#{number % 0x1000000:06x}"


def _email(number: int) -> str:
    return f"{WORDS[number % 10]}{number % 100}@example.com"


def _phone(number: int) -> str:
    return f"+1 555 01{number % 100:02}"


_TEXTS: Final[tuple[tuple[re.Pattern[str], Callable[[int], str]], ...]] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"(?i)e-?mail$", _email),
        (r"(?i)phone|mobile$|fax$", _phone),
        (r"(?i)ur[il]$|href$|link$|website$|avatar$|image$|thumbnail$", _url),
        (r"At$|_at$|(?i:datetime|timestamp)$", _moment),
        (r"Date$|_date$|^date$|On$|_on$|(?i:birthday)$", _day),
        (r"(?i)colou?r$", _color),
        (r"(?i)uuid$|guid$", _uuid),
        (r"(?i)cursor$", lambda number: f"cursor-{number:08x}"),
        (r"(?i)currency(code)?$", lambda number: ("EUR", "USD", "GBP", "JPY")[number % 4]),
        (r"(?i)country(code)?$", lambda number: ("DE", "FR", "US", "JP")[number % 4]),
        (
            r"(?i)(locale|language)(code)?$",
            lambda number: ("en", "de", "fr", "ja")[number % 4],
        ),
        (
            r"(?i)first_?name$",
            lambda number: ("Ada", "Alan", "Grace", "Edsger", "Barbara")[number % 5],
        ),
        (
            r"(?i)(last|sur|family)_?name$",
            lambda number: ("Lovelace", "Turing", "Hopper", "Dijkstra", "Liskov")[number % 5],
        ),
        (r"(?i)slug$|login$|user_?name$|handle$", lambda n: f"{WORDS[n % 10]}-{n % 100}"),
        (r"(?i)body$|description$|text$|content$|summary$|bio$", lambda number: _sentence(number)),
    )
)


def _sentence(number: int) -> str:
    chosen = [WORDS[(number >> shift) % 10] for shift in (0, 4, 8, 12, 16)]
    return f"{' '.join(chosen).capitalize()}."


def _string(name: str, number: int, _: str) -> str:
    for pattern, make in _TEXTS:
        if pattern.search(name):
            return make(number)
    return f"{words_of(name)} {number % 100}"


def _id(name: str, number: int, owner: str) -> str:
    if name.lower() == "id":
        return f"{owner}-{number:08x}"
    return f"{re.sub(r'_?(?:id|Id|ID)s?$', '', name) or owner}-{number:08x}"


_SPECIFIED: Final[dict[str, Callable[[str, int, str], Any]]] = {
    "String": _string,
    "ID": _id,
    "Int": lambda name, number, _: 2025 if name.lower() == "year" else number % 100,
    "Float": lambda _name, number, _owner: number % 10_000 / 100,
    # What pages asks for the next one until this says no.
    "Boolean": lambda name, number, _: not name.lower().startswith("has") and number % 2 == 0,
}
_CUSTOM: Final[tuple[tuple[re.Pattern[str], Callable[[int], Any]], ...]] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"(?i)date_?time|timestamp|instant", _moment),
        (r"(?i)date$|^day$", _day),
        (r"(?i)time$", lambda number: _moment(number)[11:19]),
        (r"(?i)duration|interval|period", lambda number: f"PT{number % 60}M"),
        (r"(?i)ur[il]$", _url),
        (r"(?i)uuid|guid", _uuid),
        (r"(?i)json|^any$|map$|object$|metadata$|record$|dict", lambda n: {"key": WORDS[n % 10]}),
        (r"(?i)decimal|money|price|amount", lambda number: f"{number % 10_000 / 100:.2f}"),
        (r"(?i)float|double|number", lambda number: number % 10_000 / 100),
        (r"(?i)int(?:\d+)?$|integer|long$|short$|^byte$|count$", lambda number: number % 1000),
        (r"(?i)bool", lambda number: number % 2 == 0),
        (r"(?i)e-?mail", _email),
        (r"(?i)phone", _phone),
        (r"(?i)html|xml|svg", lambda number: f"<p>{_sentence(number)}</p>"),
        (r"(?i)colou?r|hex", _color),
        (r"(?i)currency", lambda number: ("EUR", "USD", "GBP", "JPY")[number % 4]),
        (r"(?i)country", lambda number: ("DE", "FR", "US", "JP")[number % 4]),
        (r"(?i)base64", lambda number: "bW9jaw=="),  # noqa: ARG005 - one for all
        (r"(?i)void|^null$", lambda number: None),  # noqa: ARG005 - has no other
    )
)
