"""Who is under which quota, where it is counted, and what the client is told.

A quota belongs to somebody who has shown who it is, or to an address: names that clients give themselves count for
nothing.

Source of the headers: draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.errors import ClientError
from gateway.quotas.local import LocalWindows
from gateway.quotas.redis_windows import RedisWindows, StoreAwayError
from gateway.quotas.settings import DEFAULT, QuotaPolicy, QuotaSettings
from gateway.quotas.windows import Verdict, Window, windows_of
from gateway.telemetry.catalogue import QUOTA_CLIENTS, QUOTA_DECISIONS, QUOTA_STORE_FAILURES
from gateway.telemetry.metrics import Sample


@dataclass(frozen=True, slots=True, eq=False)
class CountedPolicy:
    """One policy as it is counted.

    Attributes:
        name: Its name.
        settings: As configured.
        windows: Of all workers together.
        shares: Those of one worker.
        told: The headers that say what they are and what is left, with gaps for that.
    """

    name: str
    settings: QuotaPolicy
    windows: tuple[Window, ...]
    shares: tuple[Window, ...]
    told: bytes


class Taken(NamedTuple):
    """What was taken of a quota.

    Attributes:
        policy: Which.
        key: Whose.
        store: Where it is counted; None where it is counted nowhere.
        windows: Those that were counted.
        cost: That was taken.
        verdict: What became of it; None where nobody could say.
    """

    policy: CountedPolicy
    key: str
    store: LocalWindows | RedisWindows | None
    windows: tuple[Window, ...]
    cost: float
    verdict: Verdict | None


class Quotas:
    """The quotas of one worker's clients.

    Args:
        settings: As configured.
        workers: How many share what is counted locally.
        shared: Redis; None where each worker counts its share.
    """

    def __init__(
        self, settings: QuotaSettings, workers: int, shared: RedisWindows | None = None
    ) -> None:
        self._settings = settings
        self._local = LocalWindows(settings.max_clients)
        self._shared = shared
        self._policies = {
            name: CountedPolicy(
                name,
                policy,
                windows_of(policy),
                windows_of(policy, workers),
                header_lines(policy),
            )
            for name, policy in settings.policies.items()
        }
        self._decisions: Counter[tuple[str, str]] = Counter()

    def samples(self) -> Iterator[Sample]:
        """What was counted, for metrics."""
        for (policy, decision), count in self._decisions.items():
            yield QUOTA_DECISIONS, (policy, decision), count
        yield QUOTA_CLIENTS, (), len(self._local)
        if self._shared is not None:
            yield QUOTA_STORE_FAILURES, (), self._shared.failures

    async def aclose(self) -> None:
        """End what is under way with Redis."""
        if self._shared is not None:
            await self._shared.aclose()

    def policy_of(self, principal: Principal, named: str | None) -> CountedPolicy | None:
        """The policy that holds for a client: the one that its key names, `named`, or the default."""
        return self._policies.get(principal.limits or named or DEFAULT)

    def take(
        self, client: ClientRequest, requests: float, cost: float, named: str | None = None
    ) -> AwaitableOrValue[Taken] | None:
        """Take what is demanded of a client's quota; None where it has none.

        Args:
            client: Whose.
            requests, cost: What is demanded.
            named: The policy of its application, where the configuration names one.
        """
        policy = self.policy_of(client.principal, named)
        if policy is None or not policy.windows:
            return None
        key = f"{policy.name}:{subject_of(client, policy.settings.per)}"
        if self._shared is not None:
            return self._take_shared(self._shared, policy, key, requests, cost)
        return self._take_local(policy, key, requests, cost)

    def _take_local(self, policy: CountedPolicy, key: str, requests: float, cost: float) -> Taken:
        verdict = self._local.take(key, policy.shares, requests, cost)
        return self._taken(policy, key, self._local, policy.shares, cost, verdict)

    async def _take_shared(
        self, shared: RedisWindows, policy: CountedPolicy, key: str, requests: float, cost: float
    ) -> Taken:
        try:
            verdict = await shared.take(key, policy.windows, requests, cost)
        except StoreAwayError:
            if self._settings.on_unavailable == "local":
                return self._take_local(policy, key, requests, cost)
            return self._taken(policy, key, None, (), cost, None)
        return self._taken(policy, key, shared, policy.windows, cost, verdict)

    def _taken(
        self,
        policy: CountedPolicy,
        key: str,
        store: LocalWindows | RedisWindows | None,
        windows: tuple[Window, ...],
        cost: float,
        verdict: Verdict | None,
    ) -> Taken:
        taken = Taken(policy, key, store, windows, cost, verdict)
        decision = "admitted" if self._is_admitted(taken) else "refused"
        if decision == "refused" and policy.settings.mode == "measure":
            decision = "measured"
        self._decisions[policy.name, decision] += 1
        return taken

    def _is_admitted(self, taken: Taken) -> bool:
        if taken.verdict is None:
            return self._settings.on_unavailable != "closed"
        return taken.verdict.is_admitted

    def check(self, taken: Taken) -> None:
        """Errors: ClientError(RATE_LIMIT_EXCEEDED) where the quota has no room, and is not only measured."""
        if taken.policy.settings.mode == "measure" or self._is_admitted(taken):
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
        if math.isinf(tightest.wait_s):
            raise ClientError(
                f"The operation costs {taken.cost:g}, more than the whole quota: {limit}.",
                code="RATE_LIMIT_EXCEEDED",
                extensions=extensions,
            )
        raise ClientError(
            f"The quota is used up: {limit}.",
            code="RATE_LIMIT_EXCEEDED",
            extensions=extensions,
            retry_after_s=max(1, math.ceil(tightest.wait_s)),
        )

    def settle(self, taken: Taken, cost: float) -> None:
        """Give back what was taken beyond what it has really cost; or take what it has cost more."""
        is_counted = taken.verdict is not None and taken.verdict.is_admitted
        if is_counted and taken.store is not None and cost != taken.cost:
            taken.store.give_back(taken.key, taken.windows, taken.cost - cost)

    def headers(self, taken: Taken) -> bytes:
        """The lines of an answer's head that say what is left; none where they are switched off."""
        if not self._settings.headers or taken.verdict is None:
            return b""
        left: list[int] = []
        for window, ahead_s in zip(taken.verdict.windows, taken.verdict.ahead_s, strict=True):
            left += (window.left(ahead_s), math.ceil(ahead_s))
        return taken.policy.told % tuple(left)


def header_lines(policy: QuotaPolicy) -> bytes:
    """`RateLimit-Policy` and `RateLimit`, this with two gaps for each window. No name has a `%`."""
    windows = (f'"{w.title}";q={w.quota};w={math.ceil(w.seconds)}' for w in policy.windows)
    left = (f'"{w.title}";r=%d;t=%d' for w in policy.windows)
    return f"ratelimit-policy: {', '.join(windows)}\r\nratelimit: {', '.join(left)}\r\n".encode()


def subject_of(client: ClientRequest, per: str) -> str:
    """Whose quota it is: as short as the longest name is not, and with no name that can be read."""
    principal = client.principal
    if per == "principal" and principal.id is not None:
        return "p" + _digest(f"{principal.issuer or ''} {principal.id}")
    if per != "address" and principal.client is not None:
        return "c" + _digest(principal.client)
    return "a" + client.client_key


@lru_cache(10_000)
def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
