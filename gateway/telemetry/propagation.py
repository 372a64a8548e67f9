"""The parent of a request's trace, as other systems write it into headers."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.telemetry.trace import Parent

ODD = "13579bdfBDF"
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16


def parse_w3c(headers: Mapping[str, str]) -> Parent | None:
    """`traceparent`: trace id, parent id, whether it is sampled; None for none that is valid."""
    value = headers.get("traceparent")
    if value is None:
        return None
    parts = value.strip().split("-")
    if len(parts) < 4 or parts[0] == "ff":
        return None
    version, trace, span, flags = parts[:4]
    if len(version) != 2 or len(trace) != 32 or len(span) != 16 or len(flags) != 2:
        return None
    return _parent_of(trace, span, flags)


def parse_b3(headers: Mapping[str, str]) -> Parent | None:
    """`b3`, single: `{trace}-{span}-{flag}`; or the older `x-b3-…` headers."""
    single = headers.get("b3", "").strip().split("-")
    if len(single) >= 2:
        flag = single[2] if len(single) > 2 else "0"
        return _parent(single[0], single[1], "1" if flag in ("1", "d") else "0")
    flag = headers.get("x-b3-sampled", "0")
    found = headers.get("x-b3-traceid", ""), headers.get("x-b3-spanid", "")
    return _parent(*found, "1" if flag in ("1", "true") else "0")


def parse_jaeger(headers: Mapping[str, str]) -> Parent | None:
    """`uber-trace-id`: `{trace}:{span}:{parent}:{flags}`."""
    parts = headers.get("uber-trace-id", "").replace("%3A", ":").strip().split(":")
    return _parent(parts[0], parts[1], parts[3]) if len(parts) == 4 else None


def _parent(trace: str, span: str, flags: str) -> Parent | None:
    """By ids that may be short."""
    if not (0 < len(trace) <= 32 and 0 < len(span) <= 16 and 0 < len(flags) <= 2):
        return None
    return _parent_of(trace.zfill(32), span.zfill(16), flags.zfill(2))


def _parent_of(trace: str, span: str, flags: str) -> Parent | None:
    try:
        size = len(bytes.fromhex(trace + span + flags))
    except ValueError:
        return None
    if size != 25 or trace == NO_TRACE or span == NO_SPAN:
        return None  # a blank is no digit, but is passed over
    return trace.lower(), span, flags[1] in ODD


PARSERS = {"w3c": parse_w3c, "b3": parse_b3, "jaeger": parse_jaeger}
