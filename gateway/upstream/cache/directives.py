"""What headers say about caching, as values: `Cache-Control`, `Age`, dates. What cannot be read counts against reuse.

It must not decide anything: `freshness` does.

Source: RFC 9111 §5, RFC 9110 §5.6.7, RFC 9213.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import http_sf

from gateway.upstream.transport import Header, Headers

MOST_S = 2**31
"""An age or lifetime beyond it is this: RFC 9111 §1.2.2."""
Directives = dict[str, str | None]

_DIRECTIVE = re.compile(
    r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=("(?:[^"\\]|\\.)*"|[^\s,;"]*))?([^,]*)(?:,|$)"""
)
_SECONDS = re.compile(r"[0-9]+")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_DATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:mon|tue|wed|thu|fri|sat|sun), (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} gmt",
        rf"(?:mon|tues|wednes|thurs|fri|satur|sun)day, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} gmt",
        rf"(?:mon|tue|wed|thu|fri|sat|sun) {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
]
_TARGETED = "cdn-cache-control"


def values_of(headers: Sequence[Header], name: str) -> list[str]:
    """All values of a lower-case header name, in order."""
    if isinstance(headers, Headers):
        return headers.all(name)
    return [value for key, value in headers if key == name]


def cache_control(headers: Sequence[Header]) -> tuple[Directives, bool]:
    """The directives for a shared cache, and whether they are from the field for such caches alone (RFC 9213).

    That field, where it is there and can be read, is the only one that counts: `Expires` does not either.
    """
    targeted = values_of(headers, _TARGETED)
    if targeted and (found := _structured(", ".join(targeted))):
        return found, True
    plain = values_of(headers, "cache-control")
    return (parse_directives(", ".join(plain)) if plain else {}), False


def is_private(headers: Sequence[Header]) -> bool:
    """Whether an answer is for one user alone, the whole of it. RFC 9111 §5.2.2.7"""
    says, _ = cache_control(headers)
    return "private" in says and says["private"] is None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[tuple[str, str | None], ...]:
    found: Directives = {}
    for match in _DIRECTIVE.finditer(text):
        name, value = match[1].lower(), match[2]
        if value is not None:
            if value.startswith('"'):
                value = re.sub(r"\\(.)", r"\1", value[1:-1])
            if match[3].strip():
                value = ""  # something that is no value
        if name in found and value is not None and (known := found[name]) is not None:
            # Given twice, the one that allows less counts. RFC 9111 §4.2.1
            value = min(known, value, key=lambda text: seconds_of(text) or 0)
        found[name] = value
    return tuple(found.items())


def parse_directives(text: str) -> Directives:
    """`Cache-Control`'s directives in lower case, with their values without quotes. RFC 9111 §5.2"""
    return dict(_parsed(text))


def _structured(text: str) -> Directives:
    """A dictionary of RFC 9651; {} where it is none, or a value is of the wrong kind."""
    try:
        members: Any = http_sf.parse(text.encode("latin-1"), tltype="dictionary")
    except (ValueError, UnicodeEncodeError):
        return {}
    found: Directives = {}
    for name, member in members.items():
        value = member[0] if isinstance(member, tuple) else member
        if value is True:
            found[name] = None
        elif name in _NUMBERS and (value is False or not isinstance(value, int)):
            return {}
        elif value is not False:
            found[name] = str(value)
    return found


_NUMBERS = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})


def groups_of(headers: Sequence[Header], name: str) -> list[str]:
    """The members of a list of RFC 9875, whose parameters mean nothing; none where it cannot be read."""
    values = values_of(headers, name)
    if not values:
        return []
    try:
        members: Any = http_sf.parse(", ".join(values).encode("latin-1"), tltype="list")
    except (ValueError, UnicodeEncodeError):
        return []
    found = (member[0] if isinstance(member, tuple) else member for member in members)
    return [str(value) for value in found if not isinstance(value, list)]


def seconds_of(text: str | None) -> int | None:
    """A delta of seconds; None where the text is none. RFC 9111 §1.2.2"""
    if text is None or not _SECONDS.fullmatch(text):
        return None
    return min(int(text[:20]), MOST_S) if len(text) <= 20 else MOST_S


def seconds_in(directives: Directives, name: str) -> int | None:
    """What a directive says; None without it, and 0 where it says nothing that can be read."""
    if name not in directives:
        return None
    return seconds_of(directives[name]) or 0


def age_of(headers: Sequence[Header]) -> int:
    """The `Age` that an answer came with: its first value, 0 where that is no number. RFC 9111 §5.1"""
    values = values_of(headers, "age")
    return (seconds_of(values[0].split(",")[0].strip()) or 0) if values else 0


@lru_cache(maxsize=1024)
def date_of(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date; None where it is none of the three forms. RFC 9110 §5.6.7"""
    for pattern in _DATES:
        match = pattern.fullmatch(text)
        if match is not None:
            break
    else:
        return None
    part = {name: match[name] for name in ("day", "hour", "minute", "second", "year")}
    day, hour, minute, second, year = map(int, part.values())
    if len(match["year"]) == 2:  # at most 50 years ahead
        year += 2000 if year < 70 else 1900
    if not (year and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    month = _MONTHS.index(match["month"].lower()) + 1
    return float(timegm((year, month, day, hour, minute, second)))
