"""What a client may learn of how its own request is answered: the plan, the timings, and what it costs.

`x-gateway-plan`, `x-gateway-trace` and `x-gateway-cost` ask for them, and get nothing, not even an error, where they
are not allowed. Plans and timings name what they do, whatever of it a client's view hides: who has a view is shown
neither, unless the operator has signed the request. It reads headers; what is shown is made elsewhere (`plan.show`,
`telemetry.report`, `pipeline.demand`).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from gateway.errors import ConfigError
from gateway.settings.kinds import Seconds, VariableName

TRACE_HEADER = "x-gateway-trace"
COST_HEADER = "x-gateway-cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSettings:
    """`[explain]`: plans and timings in responses, for debugging.

    Attributes:
        plan_header: Answer `x-gateway-plan: true | dry-run` with the plan in `extensions`, to clients that see the
            whole schema.
        cost_header: Answer `x-gateway-cost: true` with what the operation costs in `extensions`, where `[cost]`
            counts.
        trace_header: Who may send `x-gateway-trace` and get the timings of its request in `extensions`:
            "always" takes `true` from clients that see the whole schema; "signed" takes what `gateway profile` makes
            of the secret, for `trace_max_age_s`; "never" nothing.
        trace_secret_env: The environment variable that holds the secret.
        trace_max_age_s: How old a signature may be, seconds.
    """

    plan_header: bool = False
    cost_header: bool = False
    trace_header: Literal["never", "signed", "always"] = "never"
    trace_secret_env: VariableName = "GATEWAY_TRACE_SECRET"  # noqa: S105 - its name, not the secret
    trace_max_age_s: Seconds = 60.0


class Explain:
    """Who is shown what.

    Args:
        settings: As configured.
        env: Holds the secret.
        now: The wall clock, seconds.

    Attributes:
        is_open: Whether anybody is shown anything.

    Errors: ConfigError when signatures are to be checked and there is no secret.
    """

    def __init__(
        self,
        settings: ExplainSettings,
        env: Mapping[str, str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._now = now
        self.is_open = (
            settings.plan_header or settings.cost_header or settings.trace_header != "never"
        )
        self._secret = env.get(settings.trace_secret_env, "")
        if settings.trace_header == "signed" and len(self._secret) < 16:
            raise ConfigError(
                f"{settings.trace_secret_env} holds no secret of 16 characters or more",
                key="explain.trace_header",
                hint=f"set the environment variable {settings.trace_secret_env}",
            )

    @property
    def shows_trace(self) -> bool:
        """Whether `x-gateway-trace: true` is enough."""
        return self._settings.trace_header == "always"

    def asks_plan(self, headers: Mapping[str, str], view: str | None = None) -> str | None:
        """What is asked of the plan, "true" or "dry-run"; None for nothing that is allowed."""
        is_allowed = self._settings.plan_header and view is None
        return headers.get("x-gateway-plan") if is_allowed else None

    def asks_cost(self, headers: Mapping[str, str]) -> bool:
        """Whether what the operation costs is asked for by somebody who may see it."""
        return self._settings.cost_header and headers.get(COST_HEADER, "").lower() == "true"

    def asks_trace(self, headers: Mapping[str, str], view: str | None = None) -> bool:
        """Whether the request's timings are asked for by somebody who may see them."""
        allowed = self._settings.trace_header
        given = headers.get(TRACE_HEADER) if allowed != "never" else None
        if given is None:
            return False
        if allowed == "always":
            return given.lower() == "true" and view is None
        return self._is_signed(given)

    def _is_signed(self, given: str) -> bool:
        stamp, _, _ = given.partition(".")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            return False
        if not hmac.compare_digest(given.encode(), signed(self._secret, int(stamp)).encode()):
            return False
        return abs(self._now() - int(stamp)) <= self._settings.trace_max_age_s


def signed(secret: str, stamp: int) -> str:
    """A value of `x-gateway-trace` that was signed at `stamp`, seconds since 1970."""
    text = f"{TRACE_HEADER}:{stamp}".encode()
    return f"{stamp}.{hmac.new(secret.encode(), text, sha256).hexdigest()}"
