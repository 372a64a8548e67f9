"""Log lines for people: the same lines as in JSON, with what somebody at a terminal looks for.

It knows the members of the lines and nothing of where they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

APART = ("time", "level", "event", "message", "traceback", "extra", "request_id", "trace_id")
"""Members that stand elsewhere in a line for people, or that say nothing to them."""


def pretty(line: Mapping[str, Any]) -> bytes:
    """A line of the log, its time without the date; a traceback stands below it."""
    clock = str(line["time"])[11:].rstrip("Z")
    event = line["event"]
    if event == "request":
        text = _request(line)
    elif "message" in line:
        text = f"{line['level']} {event}: {line['message']}{_members(line)}"
    else:
        text = f"{line['level']} {event}:{_members(line)}"
    below = f"\n{line['traceback']}" if line.get("traceback") else ""
    return f"{clock} {text}{below}\n".encode()


def _members(line: Mapping[str, Any]) -> str:
    """` path=posts.0.url code=GATEWAY_TIMEOUT`: what has a value."""
    told = {**line, **line.get("extra", {})}
    return "".join(
        f" {key}={value}" for key, value in told.items() if key not in APART and value is not None
    )


def _request(line: Mapping[str, Any]) -> str:
    """`200 query Posts 12.6 ms, 4 calls 20.2 ms, NOT_FOUND`."""
    kind = line.get("operation_type") or "request"
    named = " ".join(filter(None, (str(kind), line.get("operation_name"))))
    parts = [f"{line.get('status')} {named} {line.get('duration_ms')} ms"]
    if calls := line.get("upstream_calls"):
        parts.append(f"{calls} call{'s' if calls > 1 else ''} {line.get('upstream_ms')} ms")
    if line.get("shared"):
        parts.append("shared")
    if line.get("executor") == "fallback":
        parts.append("not compiled")
    parts += line.get("error_codes") or ()
    return ", ".join(parts)
