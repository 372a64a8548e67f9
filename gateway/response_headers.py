"""The headers of one operation's answer: what its backends' answers and its resolvers add to those of the gateway.

`[headers]` says what is taken of a backend's answer, each header with the algorithm by which several answers make
one; what a resolver sets stands above them. An operation that has any is answered for its own client alone
(`sharing`). It knows no connection.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from gateway.settings.headers import check_answer_name, check_value

Header = tuple[str, str]
Algorithm = Literal["first", "last", "append", "most_restrictive_cache_control"]
SET_COOKIE, CACHE_CONTROL = "set-cookie", "cache-control"
NO_STORE = "no-store"
# Directives with a number of seconds: the smallest is the most restrictive.
_AGES = ("max-age", "s-maxage")
# Those that allow more are left out where one answer does not have them; the others are kept where one has them.
_ALLOWING = frozenset(("public", "immutable", "stale-while-revalidate", "stale-if-error", *_AGES))
# RFC 9110 §5.6: a list of directives, each with a token or a quotation, which may hold commas.
_ONE = r'[\w!#$%&\'*+.^`|~-]+(?:\s*=\s*(?:[^\s",;]+|"(?:[^"\\]|\\.)*"))?'
_LIST = re.compile(rf"[\s,]*(?:{_ONE}\s*(?:,[\s,]*|$))*")
_DIRECTIVE = re.compile(r'([\w!#$%&\'*+.^`|~-]+)(?:\s*=\s*(?:([^\s",;]+)|("(?:[^"\\]|\\.)*")))?')
_ESCAPED = re.compile(r"\\(.)")
logger = logging.getLogger("gateway.headers")
# All headers that are added to one answer; what a request may have as shipped. Proxies take less: nginx 4 or 8 KB.
MOST_BYTES = 16_384
_told: set[str] = set()  # few: names of rules and of resolvers, not of clients


class Passed(NamedTuple):
    """A header that one backend's answer gives.

    Attributes:
        name: In lower case.
        value: As sent.
        algorithm: How it meets those of other answers.
    """

    name: str
    value: str
    algorithm: Algorithm


class ResponseHeaders:
    """`context.response.headers`: names in any case, values as text.

    A header that a resolver sets takes the place of those that backends give, now or later; what it appends stands
    beside them. Errors: ValueError for a name that is not a resolver's to set, and for a value that no header can have.
    """

    __slots__ = ("_added", "_own", "_parts")

    def __init__(self) -> None:
        self._parts: list[list[Passed]] = []
        self._own: dict[str, list[str]] = {}
        self._added: dict[str, list[str]] = {}

    def __repr__(self) -> str:
        return f"ResponseHeaders({self.lines()!r})"

    def __contains__(self, name: str) -> bool:
        return any(known == name.lower() for known, _ in self.lines())

    def __getitem__(self, name: str) -> list[str]:
        """The values that a header has so far. A backend's may still change."""
        return [value for known, value in self.lines() if known == name.lower()]

    def __setitem__(self, name: str, value: str) -> None:
        self._check(name, value)
        self._own[name.lower()] = [value]
        self._added.pop(name.lower(), None)

    def __delitem__(self, name: str) -> None:
        """Send none of this name, whatever backends give."""
        self._own[name.lower()] = []
        self._added.pop(name.lower(), None)

    def append(self, name: str, value: str) -> None:
        """One more of this name: what `Set-Cookie` needs."""
        self._check(name, value)
        self._added.setdefault(name.lower(), []).append(value)

    def begin_call(self) -> list[Passed]:
        """Where the headers of a call's answer go. Answers meet in the order in which their calls began."""
        part: list[Passed] = []
        self._parts.append(part)
        return part

    def lines(self) -> list[Header]:
        """The headers as they are sent."""
        merged = merge(self._parts)
        merged.update(self._own)
        for name, values in self._added.items():
            together = [*merged.get(name, ()), *values]
            merged[name] = last_cookies(together) if name == SET_COOKIE else together
        return [(name, value) for name, values in merged.items() for value in values]

    def _check(self, name: str, value: str) -> None:
        check_answer_name(name)
        check_value(value)


class ResponseState:
    """`context.response`: what an operation tells its client beside the answer.

    Attributes:
        headers: More headers of the HTTP answer. What has no head of its own any more (a WebSocket, an event stream,
            the event of a subscription) does not get them, and the log says so.
    """

    __slots__ = ("headers",)

    def __init__(self) -> None:
        self.headers = ResponseHeaders()


def merge(parts: Iterable[Sequence[Passed]]) -> dict[str, list[str]]:
    """The headers of several answers as those of one, by name."""
    merged: dict[str, list[str]] = {}
    for part in parts:
        names = dict.fromkeys(passed.name for passed in part)
        for name in names:
            of_name = [passed for passed in part if passed.name == name]
            values, before = [passed.value for passed in of_name], merged.get(name)
            match of_name[-1].algorithm:
                case "append":
                    merged[name] = [*(before or ()), *values]
                case "first" if before is not None:
                    pass
                case "most_restrictive_cache_control":
                    merged[name] = [most_restrictive([*(before or ()), *values])]
                case _:
                    merged[name] = values
    if SET_COOKIE in merged:
        merged[SET_COOKIE] = last_cookies(merged[SET_COOKIE])
    return merged


def last_cookies(values: Iterable[str]) -> list[str]:
    """Each cookie once, as it was set last: a client keeps no other (RFC 6265 §4.1.1, §5.3)."""
    cookies: dict[tuple[str, ...], str] = {}
    for value in values:
        name, *attributes = (part.strip() for part in value.split(";"))
        places = sorted(a.lower() for a in attributes if a.lower().startswith(("domain=", "path=")))
        key = (name.partition("=")[0], *places)
        cookies.pop(key, None)
        cookies[key] = value
    return list(cookies.values())


def most_restrictive(values: Sequence[str]) -> str:
    """One Cache-Control that allows no more than each of several does (RFC 9111 §5.2.2)."""
    read = [_directives(value) for value in values]
    together: dict[str, str | None] = {}
    for name in dict.fromkeys(name for directives in read for name in directives):
        given = [directives[name] for directives in read if name in directives]
        if name in _ALLOWING and len(given) < len(read):
            continue
        together[name] = min(given, key=_seconds) if name in _ALLOWING else _widest(given)
    if NO_STORE in together:
        return NO_STORE
    if "private" in together:
        together.pop("public", None)
        together.pop("s-maxage", None)
    found = [name if text is None else f"{name}={text}" for name, text in together.items()]
    return ", ".join(found) or NO_STORE


def restricted(lines: Sequence[Header], *, is_of_client: bool) -> list[Header]:
    """The same headers, with a Cache-Control by which no cache gives the answer to somebody else.

    Args:
        lines: Of an answer.
        is_of_client: Whether the answer depends on the client.
    """
    sets_cookie = any(name == SET_COOKIE for name, _ in lines)
    if not (sets_cookie or is_of_client):
        return list(lines)
    return [
        (name, value)
        if name != CACHE_CONTROL
        else (name, NO_STORE if sets_cookie else made_private(value))
        for name, value in lines
    ]


def made_private(cache_control: str) -> str:
    """The same for the client's own cache alone."""
    return most_restrictive([cache_control, f"{cache_control}, private"])


def within_bounds(lines: Iterable[Header]) -> list[Header]:
    """The headers that fit into an answer. Those beyond are left out whole, and told: a proxy would lose the answer."""
    kept: list[Header] = []
    size = 0
    for name, value in lines:
        length = len(name) + len(value) + 4
        if size + length <= MOST_BYTES:
            kept.append((name, value))
            size += length
        elif name not in _told:
            _told.add(name)
            logger.warning(
                "the header %s is dropped: an answer has at most %d bytes of them", name, MOST_BYTES
            )
    return kept


def merged_lines(answers: Iterable[Sequence[Header] | None]) -> list[Header]:
    """The headers of the answers of one batch."""
    parts = [
        [Passed(name, value, algorithm_of(name)) for name, value in lines]
        for lines in answers
        if lines
    ]
    merged = merge(parts)
    return within_bounds((name, value) for name, values in merged.items() for value in values)


def algorithm_of(name: str) -> Algorithm:
    """How several answers' headers of a name are one, where no rule says it."""
    if name == SET_COOKIE:
        return "append"
    return "most_restrictive_cache_control" if name == CACHE_CONTROL else "last"


def tell_dropped(lines: Sequence[Header] | None, where: str) -> None:
    """Tell once of each header that has no answer to stand in. Its value may be secret."""
    for name in dict.fromkeys(name for name, _ in lines or ()):
        if name != CACHE_CONTROL and name not in _told:
            _told.add(name)
            logger.warning("the header %s is dropped: %s has none", name, where)


def _directives(value: str) -> dict[str, str | None]:
    """A Cache-Control's directives. What is no list of them, such as a quotation without an end, allows nothing."""
    if not _LIST.fullmatch(value):
        return {NO_STORE: None}
    found: dict[str, str | None] = {}
    for name, token, quoted in _DIRECTIVE.findall(value):
        found[name.lower()] = (token or None) if not quoted else _ESCAPED.sub(r"\1", quoted[1:-1])
    return found


def _seconds(text: str | None) -> float:
    """What is no number counts as none: it allows nothing. One may have any number of digits."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else 0.0


def _widest(given: Sequence[str | None]) -> str | None:
    """`private` and `no-cache` without field names are about all of the answer; the names of several are one list."""
    texts = [text for text in given if text is not None]
    if len(texts) < len(given):
        return None
    return _quoted(", ".join(dict.fromkeys(texts)))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
