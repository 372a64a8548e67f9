"""Decides flags for one request, each once, and only those that are asked.

Nothing of it is ever an error to a client. What a flag is that cannot be decided, the first that there is:

1. what it was for an equal client before, where the provider is away;
2. its default.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from gateway.client.flags import DecidedFlag, DecidedFlags
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.concurrency.patience import Patience
from gateway.concurrency.tasks import NoAnswerError, within
from gateway.flags.asked import FlagContext, FlagContexts
from gateway.flags.port import FlagAnswer, FlagPort
from gateway.flags.said_once import shortened
from gateway.flags.settings import FlagSettings
from gateway.telemetry.catalogue import FLAG_ERRORS, FLAG_EVALUATIONS
from gateway.telemetry.metrics import OTHER, Sample

logger = logging.getLogger("gateway.flags")
OF_THE_FLAG = frozenset({
    "FLAG_NOT_FOUND", "TYPE_MISMATCH", "PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT",
})  # fmt: skip
"""What is wrong with a flag or the context, as long as nobody mends it: what it was before is of no use."""
MAX_VARIANTS = 50
"""Of one flag, in metrics; the others are one."""


class _Asked:
    """For which client flags are asked: what is remembered goes by `id`, and a context is only made where one is asked.

    Args:
        contexts: Makes it.
        client: Whose.
    """

    __slots__ = ("_client", "_context", "_contexts", "id")

    def __init__(self, contexts: FlagContexts, client: ClientRequest) -> None:
        self.id = contexts.id_of(client)
        self._contexts, self._client = contexts, client
        self._context: FlagContext | None = None

    def context(self) -> FlagContext:
        """What a provider is told."""
        if self._context is None:
            self._context = self._contexts.of(self._client)
        return self._context


class Flags:
    """The flags of one worker.

    Args:
        settings: As configured.
        keys: Gives targeting keys.
        port: Decides them; None where every flag has its default.
        clock: Seconds.
    """

    def __init__(
        self,
        settings: FlagSettings,
        keys: TargetingKeys,
        port: FlagPort | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._defaults = settings.defaults
        self._timeout_s = settings.timeout_ms / 1000
        self._max_remembered = settings.max_remembered
        self.contexts = FlagContexts(settings.context, keys)
        self.port = port
        self._patience = Patience(clock)
        self._remembered: OrderedDict[Hashable, DecidedFlag] = OrderedDict()
        self._changes = 0
        self._failing: dict[str, str] = {}
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._errors: Counter[tuple[str, str]] = Counter()
        self._variants: dict[str, set[str]] = {}

    def samples(self) -> Iterator[Sample]:
        """What was decided, for metrics."""
        for labels, count in self.counts.items():
            yield FLAG_EVALUATIONS, labels, count
        for name_and_error, count in self._errors.items():
            yield FLAG_ERRORS, name_and_error, count

    def variant_label(self, name: str, variant: str) -> str:
        """A variant as metrics call it: a provider may make up as many as it likes."""
        known = self._variants.get(name)
        if known is None:
            known = self._variants[name] = set()
        if variant not in known:
            if len(known) >= MAX_VARIANTS:
                return OTHER
            known.add(variant)
        return variant

    def default_of(self, name: str) -> Any:
        """What a flag is where nobody decides it."""
        return self._defaults.get(name, False)

    def decide(self, names: Sequence[str], client: ClientRequest) -> AwaitableOrValue[DecidedFlags]:
        """What each of the flags is. They are kept with the client's request, for which each is decided once."""
        decided = client.flags
        if decided is None:
            decided = client.flags = {}
        missing = [name for name in names if name not in decided]
        if not missing:
            return decided
        asked = _Asked(self.contexts, client)
        waiting: list[tuple[str, Awaitable[FlagAnswer]]] = []
        for name in missing:
            found = self._found(name, asked)
            if isinstance(found, DecidedFlag):
                self._keep(decided, name, found)
            else:
                waiting.append((name, found))
        return self._wait(waiting, decided, asked) if waiting else decided

    def _keep(self, decided: dict[str, DecidedFlag], name: str, found: DecidedFlag) -> None:
        if name not in decided:  # another operation of the request may have been faster
            decided[name] = found
            self.counts[name, self.variant_label(name, found.variant), found.reason] += 1

    def _found(self, name: str, asked: _Asked) -> DecidedFlag | Awaitable[FlagAnswer]:
        """What a flag is, or what has to be awaited for it."""
        port = self.port
        if port is None:
            return _without(self.default_of(name), "DEFAULT")
        if port.changes != self._changes:
            self._changes = port.changes
            self._remembered.clear()
        if port.holds(name):
            known = self._remembered.get((name, asked.id))
            if known is not None:
                return known
        return self._from_port(port, name, asked)

    def _from_port(
        self, port: FlagPort, name: str, asked: _Asked
    ) -> DecidedFlag | Awaitable[FlagAnswer]:
        default = self.default_of(name)
        if self._patience.is_over:
            return self._instead(name, asked, default)
        try:
            answer = port.ask(name, default, asked.context())
        except Exception as exc:  # a provider's own
            return self._failed(name, asked, default, type(exc).__name__, str(exc))
        return (
            self._understood(name, asked, default, answer)
            if isinstance(answer, FlagAnswer)
            else answer
        )

    async def _wait(
        self,
        waiting: list[tuple[str, Awaitable[FlagAnswer]]],
        decided: dict[str, DecidedFlag],
        asked: _Asked,
    ) -> DecidedFlags:
        found = await asyncio.gather(*(self._awaited(n, coming, asked) for n, coming in waiting))
        for (name, _), flag in zip(waiting, found, strict=True):
            self._keep(decided, name, flag)
        return decided

    async def _awaited(
        self, name: str, coming: Awaitable[FlagAnswer], asked: _Asked
    ) -> DecidedFlag:
        default, began = self.default_of(name), self._patience.begin()
        try:
            answer = await within(coming, self._timeout_s)
        except NoAnswerError as exc:
            self._patience.missed(began)
            return self._failed(name, asked, default, "TIMEOUT", str(exc))
        except Exception as exc:
            self._patience.answered()
            return self._failed(name, asked, default, type(exc).__name__, str(exc))
        self._patience.answered()
        return self._understood(name, asked, default, answer)

    def _understood(
        self, name: str, asked: _Asked, default: Any, answer: FlagAnswer
    ) -> DecidedFlag:
        if answer.error is not None:
            return self._failed(name, asked, default, answer.error, answer.detail)
        if self._failing and self._failing.pop(name, None) is not None:
            logger.info("the flag %s is decided again", name)
        found = DecidedFlag(
            answer.value,
            variant if isinstance(variant := answer.variant, str) else text_of(answer.value),
            answer.reason,
        )
        self._remembered[name, asked.id] = found
        if len(self._remembered) > self._max_remembered:
            self._remembered.popitem(last=False)
        return found

    def _failed(
        self, name: str, asked: _Asked, default: Any, error: str, detail: str
    ) -> DecidedFlag:
        """What a flag is that was not decided; the first failure of its kind is told."""
        self._errors[name, error] += 1
        if self._failing.get(name) != error:
            self._failing[name] = error
            logger.error("the flag %s is not decided: %s: %s", name, error, shortened(detail))
        if error in OF_THE_FLAG:
            return _without(default, "ERROR")
        return self._instead(name, asked, default)

    def _instead(self, name: str, asked: _Asked, default: Any) -> DecidedFlag:
        known = self._remembered.get((name, asked.id))
        return known._replace(reason="STALE") if known is not None else _without(default, "ERROR")

    def track(
        self, client: ClientRequest, event: str, value: float | None, attributes: Mapping[str, Any]
    ) -> None:
        """Tell the provider what a client has done. One that fails is told in the log."""
        if self.port is None:
            return
        try:
            self.port.track(event, self.contexts.of(client), value, attributes)
        except (Exception, asyncio.CancelledError):  # nothing is awaited: it is the provider's own
            logger.exception("the provider of flags takes no event %s", event)


def _without(default: Any, reason: str) -> DecidedFlag:
    return DecidedFlag(default, text_of(default), reason)


def text_of(value: Any) -> str:
    """What stands for a variant that has no name."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if isinstance(value, (str, int, float)) else "object"
