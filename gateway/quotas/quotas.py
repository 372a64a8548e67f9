"""Who is under which quota, where it is counted, and what the client is told.

A quota belongs to somebody who has shown who it is, or to an address: names that clients give themselves count for
nothing.

Source of the headers: draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil, isinf
from typing import NamedTuple

from gateway.auth.principal import Principal
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.errors import ClientError
from gateway.quotas.local import LocalWindows
from gateway.quotas.redis_windows import RedisWindows, StoreAwayError
from gateway.quotas.settings import DEFAULT, QuotaPolicy, QuotaSettings
from gateway.quotas.windows import Verdict, Window, refunds_s, windows_of
from gateway.telemetry.catalogue import QUOTA_CLIENTS, QUOTA_DECISIONS, QUOTA_STORE_FAILURES
from gateway.telemetry.metrics import Sample


@dataclass(slots=True, eq=False)
class CountedPolicy:
    """One policy as it is counted.

    Attributes:
        name: Its name.
        settings: As configured.
        windows: Of all workers together.
        shares: Those of one worker.
        told: The headers that say what they are and what is left, with gaps for that; None where nobody is told.
        admitted, refused, measured: How many demands were, so far.
    """

    name: str
    settings: QuotaPolicy
    windows: tuple[Window, ...]
    shares: tuple[Window, ...]
    told: bytes | None
    admitted: int = 0
    refused: int = 0
    measured: int = 0


class QuotaSubject(NamedTuple):
    """Who has a quota.

    Attributes:
        policy: Which.
        key: Whose; without the address, where each address has a quota of its own.
        is_by_address: Whether each has.
    """

    policy: CountedPolicy
    key: str
    is_by_address: bool


@dataclass(slots=True, eq=False)
class Taken:
    """What was demanded of a quota.

    Attributes:
        policy: Which.
        key: Whose.
        cost: That was demanded.
        store: Where it is counted; None where it is counted nowhere.
        windows: Those that were counted.
        is_admitted: Whether there was room for it.
        back_at_s: When all of each window will have come back; None where nobody could say.
        verdict: What became of it, where it was not simply admitted.
        at_s: When, on the quotas' clock.
    """

    policy: CountedPolicy
    key: str
    cost: float
    store: LocalWindows | RedisWindows | None
    windows: tuple[Window, ...]
    is_admitted: bool
    back_at_s: Sequence[float] | None
    verdict: Verdict | None
    at_s: float


class Quotas:
    """The quotas of one worker's clients.

    Args:
        settings: As configured.
        workers: How many share what is counted locally.
        shared: Redis; None where each worker counts its share.
        clock: Seconds.

    Attributes:
        counts_cost: Whether a window is of cost.
    """

    def __init__(
        self,
        settings: QuotaSettings,
        workers: int,
        shared: RedisWindows | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts_cost = settings.counts_cost
        self._settings = settings
        self._clock = clock
        self._local = LocalWindows(settings.max_clients, clock)
        self._shared = shared
        self._policies = {
            name: CountedPolicy(
                name,
                policy,
                windows_of(policy),
                windows_of(policy, workers),
                header_lines(policy) if settings.headers else None,
            )
            for name, policy in settings.policies.items()
        }

    def samples(self) -> Iterator[Sample]:
        """What was counted, for metrics."""
        for name, policy in self._policies.items():
            for decision in ("admitted", "refused", "measured"):
                if count := getattr(policy, decision):
                    yield QUOTA_DECISIONS, (name, decision), count
        yield QUOTA_CLIENTS, (), len(self._local)
        if self._shared is not None:
            yield QUOTA_STORE_FAILURES, (), self._shared.failures

    async def aclose(self) -> None:
        """End what is under way with Redis."""
        if self._shared is not None:
            await self._shared.aclose()

    def subject_of(self, principal: Principal, named: str | None) -> QuotaSubject | None:
        """Who has the quota that holds for a principal; None where none does.

        Args:
            principal: Its key names the policy, else `named` is it, else the default.
            named: The policy of its application, where the configuration names one.
        """
        policy = self._policies.get(principal.limits or named or DEFAULT)
        if policy is None or not policy.windows:
            return None
        name = subject_name(principal, policy.settings.per)
        return QuotaSubject(policy, f"{policy.name}:{name or 'a'}", name is None)

    def take(
        self, subject: QuotaSubject, client_key: str, requests: float, cost: float
    ) -> AwaitableOrValue[Taken]:
        """Take what is demanded of a quota.

        Args:
            subject: Whose.
            client_key: The client's address.
            requests, cost: What is demanded.
        """
        policy = subject.policy
        key = subject.key + client_key if subject.is_by_address else subject.key
        if self._shared is not None:
            return self._take_shared(self._shared, policy, key, requests, cost)
        return self._take_local(policy, key, requests, cost)

    def _take_local(self, policy: CountedPolicy, key: str, requests: float, cost: float) -> Taken:
        store, windows, now = self._local, policy.shares, self._clock()
        moved = store.try_take(key, windows, requests, cost, now)
        if moved is not None:
            policy.admitted += 1
            return Taken(policy, key, cost, store, windows, True, moved, None, now)
        verdict = store.take(key, windows, requests, cost)
        return self._decided(policy, key, cost, store, windows, verdict)

    async def _take_shared(
        self, shared: RedisWindows, policy: CountedPolicy, key: str, requests: float, cost: float
    ) -> Taken:
        try:
            verdict = await shared.take(key, policy.windows, requests, cost)
        except StoreAwayError:
            if self._settings.on_unavailable == "local":
                return self._take_local(policy, key, requests, cost)
            return self._decided(policy, key, cost, None, (), None)
        return self._decided(policy, key, cost, shared, policy.windows, verdict)

    def _decided(
        self,
        policy: CountedPolicy,
        key: str,
        cost: float,
        store: LocalWindows | RedisWindows | None,
        windows: tuple[Window, ...],
        verdict: Verdict | None,
    ) -> Taken:
        """Note what became of a demand."""
        now, back_at_s = self._clock(), None
        if verdict is None:
            is_admitted = self._settings.on_unavailable != "closed"
        else:
            is_admitted = verdict.is_admitted
            back_at_s = [now + ahead for ahead in verdict.ahead_s]
        if is_admitted:
            policy.admitted += 1
        elif policy.settings.mode == "measure":
            policy.measured += 1
        else:
            policy.refused += 1
        return Taken(policy, key, cost, store, windows, is_admitted, back_at_s, verdict, now)

    def check(self, taken: Taken) -> None:
        """Errors: ClientError(RATE_LIMIT_EXCEEDED) where the quota has no room, and is not only measured."""
        if taken.is_admitted or taken.policy.settings.mode == "measure":
            return
        if taken.verdict is None:
            raise ClientError(
                "The quotas cannot be looked up.", code="RATE_LIMIT_EXCEEDED", retry_after_s=1
            )
        tightest = taken.verdict.tightest
        window = tightest.window
        unit = "cost" if window.is_cost else "requests"
        limit = f"{window.most:g} {unit} in {window.seconds:g} seconds"
        extensions = {"quota": taken.policy.name, "window": window.title}
        if isinf(tightest.wait_s):
            raise ClientError(
                f"The operation costs {taken.cost:g}, more than the whole quota: {limit}.",
                code="RATE_LIMIT_EXCEEDED",
                extensions=extensions,
            )
        raise ClientError(
            f"The quota is used up: {limit}.",
            code="RATE_LIMIT_EXCEEDED",
            extensions=extensions,
            retry_after_s=max(1, ceil(tightest.wait_s)),
        )

    def settle(self, taken: Taken, cost: float) -> None:
        """Give back what was taken beyond what it has really cost; or take what it has cost more."""
        store = taken.store
        if store is None or not taken.is_admitted or cost == taken.cost:
            return
        since_s = self._clock() - taken.at_s + store.delay_s
        back_s = refunds_s(taken.windows, taken.cost, cost, since_s)
        if any(back_s):
            store.give_back(taken.key, taken.windows, back_s)

    def headers(self, taken: Taken) -> bytes:
        """The lines of an answer's head that say what is left; none where they are switched off."""
        told, back_at_s = taken.policy.told, taken.back_at_s
        if told is None or back_at_s is None:
            return b""
        figures: list[int] = []
        now = taken.at_s
        for window, at in zip(taken.windows, back_at_s):  # noqa: B905 - as `try_take`
            ahead = at - now
            left = int(window.most - ahead * window.per_s + 1e-6)
            figures.append(left if left > 0 else 0)
            figures.append(ceil(ahead))
        return told % tuple(figures)


def header_lines(policy: QuotaPolicy) -> bytes:
    """`RateLimit-Policy` and `RateLimit`, this with two gaps for each window. No name has a `%`."""
    windows = (f'"{w.title}";q={w.quota};w={ceil(w.seconds)}' for w in policy.windows)
    left = (f'"{w.title}";r=%d;t=%d' for w in policy.windows)
    return f"ratelimit-policy: {', '.join(windows)}\r\nratelimit: {', '.join(left)}\r\n".encode()


def subject_name(principal: Principal, per: str) -> str | None:
    """Whose quota it is: short, however long its names are, and none of them can be read. None: its address'."""
    if per == "principal" and principal.id is not None:
        return "p" + _digest(f"{principal.issuer or ''} {principal.id}")
    if per != "address" and principal.client is not None:
        return "c" + _digest(principal.client)
    return None


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
