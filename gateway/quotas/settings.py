"""What may be set about quotas. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from gateway.settings.kinds import Count, Seconds, TextForm

WindowName = Annotated[
    str, TextForm(r"[A-Za-z][A-Za-z0-9_-]{0,31}", "a word of letters, digits, - and _")
]
DEFAULT = "default"
"""The policy of clients for whom no other one is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """One of `[[quotas.policies.NAME.windows]]`: so much in so many seconds.

    Attributes:
        requests: Operations and events of subscriptions; exactly one of `requests` and `cost` is given.
        cost: Their cost, by the estimate before an operation and what it really was after it. It needs `[cost]`.
        seconds: How long the window is. What was used comes back little by little, not at its end.
        name: As the headers name it; by default `requests-10` or `cost-3600`.
    """

    seconds: Seconds
    requests: Count | None = None
    cost: Count | None = None
    name: WindowName | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if (self.requests is None) == (self.cost is None):
            raise ValueError("a window has either `requests` or `cost`")

    @property
    def unit(self) -> Literal["requests", "cost"]:
        """What is counted."""
        return "requests" if self.requests is not None else "cost"

    @property
    def quota(self) -> int:
        """How much of it."""
        return self.requests or self.cost or 0

    @property
    def title(self) -> str:
        """Its name."""
        return self.name or f"{self.unit}-{self.seconds:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaPolicy:
    """`[quotas.policies.NAME]`: what each client may ask.

    Attributes:
        mode: `measure` counts and refuses nothing; `enforce` answers 429 to what is over a window.
        per: Who has a quota of its own: each `principal` (else its client, else its address); each `client`, all its
            users together (else the address); or each `address`, an IPv6 network of /64.
        windows: All of them hold. A policy without any exempts its clients; `default` has to have one.
    """

    mode: Literal["measure", "enforce"] = "enforce"
    per: Literal["principal", "client", "address"] = "principal"
    windows: tuple[WindowSettings, ...] = ()

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        titles = [window.title for window in self.windows]
        if len(set(titles)) != len(titles):
            raise ValueError("two windows have one name: give each a `name` of its own")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressGate:
    """`[quotas.address]`: how often one address may ask at all, whoever it says it is.

    It stands before authentication, so that keys and tokens that nobody has issued cost little. It is counted in each
    worker.

    Attributes:
        requests: Requests and handshakes of one address, or /64 network, in `seconds`; no gate by default.
        seconds: How long the window is.
    """

    requests: Count | None = None
    seconds: Seconds = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaSettings:
    """`[quotas]`: how much each client may ask in a time.

    Attributes:
        store: Where it is counted: `local`, each worker its share of every quota; `redis`, the server of `[redis]` for
            all workers and pods.
        on_unavailable: What holds while Redis does not answer: each worker's `local` share, all is let in (`open`), or
            all is refused (`closed`).
        timeout_s: How long a request waits for Redis at most; after that Redis is left alone for a while.
        headers: Answer with `RateLimit-Policy` and `RateLimit` (an IETF draft).
        max_clients: How many clients a worker knows at most; the one that has asked nothing for longest goes first.
        address: The gate before authentication.
        policies: By name; an API key names one, `[clients.NAME]` does, and `default` is that of all others.
    """

    store: Literal["local", "redis"] = "local"
    on_unavailable: Literal["local", "open", "closed"] = "local"
    timeout_s: Seconds = 0.1
    headers: bool = True
    max_clients: Count = 10_000
    address: AddressGate = field(default_factory=AddressGate)
    policies: dict[str, QuotaPolicy] = field(default_factory=dict)

    @property
    def uses_redis(self) -> bool:
        """Whether Redis is asked."""
        return self.store == "redis" and bool(self.policies)

    @property
    def counts_cost(self) -> bool:
        """Whether a window is of cost."""
        return any(
            window.unit == "cost" for policy in self.policies.values() for window in policy.windows
        )
