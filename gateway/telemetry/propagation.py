"""The parent of a request's trace, as other systems write it into headers."""

from __future__ import annotations

import re
from collections.abc import Mapping

Parent = tuple[int, int, bool]
HEX = re.compile(r"[0-9a-fA-F]+")


def parse_w3c(headers: Mapping[str, str]) -> Parent | None:
    """`traceparent`: trace id, parent id, whether it is sampled; None for none that is valid."""
    value = headers.get("traceparent")
    if value is None:
        return None
    parts = value.strip().split("-")
    if len(parts) < 4 or len(parts[0]) != 2 or parts[0] == "ff" or len(parts[3]) != 2:
        return None
    return _parent(parts[1], parts[2], parts[3], widths=(32, 16))


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


def _parent(
    trace: str, span: str, flags: str, widths: tuple[int, int] | None = None
) -> Parent | None:
    if widths is not None and (len(trace), len(span)) != widths:
        return None
    if not (len(trace) <= 32 and len(span) <= 16 and len(flags) <= 2):
        return None
    if not HEX.fullmatch(trace + span + flags) or not (trace and span and flags):
        return None  # `int` would also take a sign, an underscore and a space
    trace_id, span_id, flag = int(trace, 16), int(span, 16), int(flags, 16)
    return (trace_id, span_id, bool(flag & 1)) if trace_id and span_id else None


PARSERS = {"w3c": parse_w3c, "b3": parse_b3, "jaeger": parse_jaeger}
