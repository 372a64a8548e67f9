"""Dates as MySQL and PHP write them, to what RFC 3339 has: `2026-11-29 10:00:00`, and PHP's DateTime objects.

A time without a zone is one of the source's `time_zone`. What is no certain point in time stays as it is, and
the scalar refuses it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

# MySQL's DATETIME, PHP's DATE_ATOM, DATE_ISO8601 and `Y-m-d H:i:sP`.
_TEXT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))? ?([Zz]|UTC|[+-]\d\d:?\d\d)?", re.ASCII
)
_ZERO = re.compile(r"0000-00-00(?:[ Tt]00:00:00.*)?", re.ASCII)
_SECONDS = re.compile(r"-?\d{1,11}", re.ASCII)
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_UTC_NAMES = frozenset({"UTC", "GMT", "Z"})


def date_time(time_zone: str) -> Callable[[Any], Any]:
    """What makes a value of DateTime of one of PHP's.

    Args:
        time_zone: Of times that have none.
    """
    local: dt.tzinfo = dt.UTC if time_zone == "UTC" else ZoneInfo(time_zone)

    def convert(value: Any) -> Any:
        kind = value.__class__
        if kind is str:
            return _from_text(value, local)
        if kind is dict:
            return _from_object(value)
        return value

    return convert


def day(value: Any) -> Any:
    """A value of a scalar `Date`: the day of an object of PHP, else as `zero_date`."""
    if value.__class__ is dict and _is_object(value):
        return value["date"][:10]
    return zero_date(value)


def zero_date(value: Any) -> Any:
    """A value of another scalar for dates: MySQL's zero date and an empty text are null."""
    is_none = value.__class__ is str and (not value or _ZERO.fullmatch(value))
    return None if is_none else value


def _from_text(text: str, local: dt.tzinfo) -> Any:
    if not text or _ZERO.fullmatch(text):
        return None
    if _SECONDS.fullmatch(text):
        return int(text)
    found = _TEXT.fullmatch(text)
    if found is None:
        return text
    date, time, fraction, zone = found.groups()
    if zone is not None:
        if zone not in _UTC_NAMES and zone not in "zZ":
            zone = zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
        else:
            zone = "Z"
        return f"{date}T{time}{_fraction(fraction)}{zone}"
    return _in_zone(date, time, fraction, local) or text


def _from_object(value: dict[str, Any]) -> Any:
    """`{"date": …, "timezone_type": 3, "timezone": "Europe/Berlin"}`: a DateTime by json_encode()."""
    if not _is_object(value):
        return value
    found = _TEXT.fullmatch(value["date"])
    zone = value.get("timezone")
    if found is None or found.group(4) is not None or zone.__class__ is not str:
        return value
    date, time, fraction, _ = found.groups()
    if _OFFSET.fullmatch(zone):
        return f"{date}T{time}{_fraction(fraction)}{zone}"
    if zone in _UTC_NAMES:
        return f"{date}T{time}{_fraction(fraction)}Z"
    if value.get("timezone_type") != 3:
        return value  # an abbreviation, which several zones have
    try:
        return _in_zone(date, time, fraction, ZoneInfo(zone)) or value
    except (ValueError, LookupError, OSError):
        return value


def _is_object(value: dict[str, Any]) -> bool:
    return value.get("date").__class__ is str and "timezone_type" in value


def _in_zone(date: str, time: str, fraction: str | None, zone: dt.tzinfo) -> str | None:
    """A local time with its offset; None where there is no such time."""
    try:
        local = dt.datetime.fromisoformat(f"{date}T{time}").replace(tzinfo=zone)
        offset = local.isoformat()[19:]
    except ValueError:
        return None
    return f"{date}T{time}{_fraction(fraction)}{'Z' if offset == '+00:00' else offset}"


def _fraction(digits: str | None) -> str:
    """A fraction of a second; MySQL and PHP write one of zeros where there is none."""
    return f".{digits}" if digits and digits.strip("0") else ""
