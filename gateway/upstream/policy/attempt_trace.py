"""An attempt and its timing: what the backend is told of it and of the time that is left, and how it ended.

It must not read the client's headers: what of these goes on is decided before a call meets the policies.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gateway.telemetry.trace import Timing, Trace, clock
from gateway.upstream.transport import Header, UpstreamRequest


def add_headers(
    request: UpstreamRequest,
    left_s: float,
    deadline_header: str | None,
    trace: Trace | None,
    timing: Timing | None,
) -> None:
    """Add what the gateway itself tells the backend: the trace, and the time that is left."""
    if request.on_send is not None:
        request.on_send()
    added: Sequence[Header] = ()
    if trace is not None and timing is not None and trace.propagation:
        added = trace.headers(timing)
        if request.headers:
            own = [name for name, _ in added]
            request.headers = [each for each in request.headers if each[0].lower() not in own]
    if deadline_header:
        left_ms = int(left_s * 1000)
        added = (*added, (deadline_header, str(left_ms) if left_ms > 0 else "1"))
    request.added = added


def finish_timing(timing: Timing) -> None:
    """A call has ended; one that has no answer has failed."""
    timing.end_ns = clock()
    if timing.answer is None:
        error = sys.exception()
        timing.error = str(getattr(error, "code", type(error).__name__))
    elif timing.answer[2] >= 500:
        timing.error = str(timing.answer[2])
