"""Who is under which quota, where it is counted, and what the client is told.

A quota belongs to somebody who has shown who it is, or to an address: names that clients give themselves count for
nothing.

Source of the headers: draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from math import ceil, isinf
from typing import NamedTuple

from gateway.auth.principal import Principal
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.errors import ClientError, InternalError
from gateway.quotas.compiled import Take, Tell, compile_windows
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
        take, tell: What each request does with them: see `CompiledWindows`.
        admitted, refused, measured: How many requests were, so far.
    """

    name: str
    settings: QuotaPolicy
    windows: tuple[Window, ...]
    shares: tuple[Window, ...]
    take: Take
    tell: Tell
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


class Taken:
    """What was demanded of a quota; mostly there was room for it.

    Attributes:
        policy: Which.
        key: Whose.
        cost: That was demanded.
        store: Where it is counted; None where it is counted nowhere.
        back_at_s: When all of each window will have come back; None where nobody could say.
        at_s: When, on the quotas' clock.
        is_admitted: Whether there was room for it.
        verdict: What became of it, where it was not simply admitted.
    """

    __slots__ = ("at_s", "back_at_s", "cost", "is_admitted", "key", "policy", "store", "verdict")

    def __init__(
        self,
        policy: CountedPolicy,
        key: str,
        cost: float,
        store: LocalWindows | RedisWindows | None,
        back_at_s: Sequence[float] | None,
        at_s: float,
    ) -> None:
        self.policy = policy
        self.key = key
        self.cost = cost
        self.store = store
        self.back_at_s = back_at_s
        self.at_s = at_s
        self.is_admitted = True
        self.verdict: Verdict | None = None


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
            name: counted_policy(name, policy, workers, has_headers=settings.headers)
            for name, policy in settings.policies.items()
            if policy.windows
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

        Errors: InternalError where a hook has given the principal a policy that there is not: no policy would be none.
        """
        if principal.limits is not None and principal.limits not in self._settings.policies:
            raise InternalError(f"there is no policy {principal.limits!r} in [quotas.policies]")
        policy = self._policies.get(principal.limits or named or DEFAULT)
        if policy is None:
            return None
        name = subject_name(principal, policy.settings.per)
        return QuotaSubject(policy, f"{policy.name}:{name or 'a'}", name is None)

    def take(self, subject: QuotaSubject, client_key: str, cost: float) -> AwaitableOrValue[Taken]:
        """Take one request of a quota.

        Args:
            subject: Whose.
            client_key: The client's address.
            cost: Of the request.
        """
        policy = subject.policy
        key = subject.key + client_key if subject.is_by_address else subject.key
        if self._shared is not None:
            return self._take_shared(self._shared, policy, key, cost)
        return self._take_local(policy, key, cost)

    def _take_local(self, policy: CountedPolicy, key: str, cost: float) -> Taken:
        store, now = self._local, self._clock()
        moved = policy.take(store.back_at, key, cost, now)
        if moved is not None:
            policy.admitted += 1
            return Taken(policy, key, cost, store, moved, now)
        return self._decided(policy, key, cost, store, store.take(key, policy.shares, 1, cost))

    async def _take_shared(
        self, shared: RedisWindows, policy: CountedPolicy, key: str, cost: float
    ) -> Taken:
        try:
            verdict = await shared.take(key, policy.windows, 1, cost)
        except StoreAwayError:
            if self._settings.on_unavailable == "local":
                return self._take_local(policy, key, cost)
            return self._decided(policy, key, cost, None, None)
        return self._decided(policy, key, cost, shared, verdict)

    def _decided(
        self,
        policy: CountedPolicy,
        key: str,
        cost: float,
        store: LocalWindows | RedisWindows | None,
        verdict: Verdict | None,
    ) -> Taken:
        """Note what became of a demand."""
        taken = Taken(policy, key, cost, store, None, self._clock())
        taken.verdict = verdict
        if verdict is None:
            taken.is_admitted = self._settings.on_unavailable != "closed"
        else:
            taken.is_admitted = verdict.is_admitted
            taken.back_at_s = [taken.at_s + ahead for ahead in verdict.ahead_s]
        if taken.is_admitted:
            policy.admitted += 1
        elif policy.settings.mode == "measure":
            policy.measured += 1
        else:
            policy.refused += 1
        return taken

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
        policy = taken.policy
        windows = policy.shares if store is self._local else policy.windows
        since_s = self._clock() - taken.at_s + store.delay_s
        back_s = refunds_s(windows, taken.cost, cost, since_s)
        if any(back_s):
            store.give_back(taken.key, windows, back_s)


def counted_policy(
    name: str, policy: QuotaPolicy, workers: int, *, has_headers: bool
) -> CountedPolicy:
    """A policy as it is counted by one of several workers."""
    windows, shares = windows_of(policy), windows_of(policy, workers)
    compiled = compile_windows(shares, header_lines(policy), name)
    return CountedPolicy(
        name, policy, windows, shares, compiled.take, compiled.tell if has_headers else say_nothing
    )


def say_nothing(_back_at_s: Sequence[float], _now: float) -> bytes:
    """What clients are told where headers are switched off."""
    return b""


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


@lru_cache(10_000)
def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
