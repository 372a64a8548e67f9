"""Decides labels of `@override` for one request, each once, and only those that are asked.

What decides a label, the first that says something:

1. a switch that is off for all: that of every label, then its own;
2. the request's own `x-gateway-override`, where its client may;
3. a switch;
4. `[override.labels]`, a Python function, or the flag of `flag:NAME`; `percent(x)` says it itself.

A function that fails leaves its label off: the source that had the field answers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gateway.client.flags import DecidedFlags
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.concurrency.awaitable import AwaitableOrValue, is_awaitable, then
from gateway.concurrency.patience import Patience
from gateway.concurrency.tasks import NoAnswerError, within
from gateway.context import Context
from gateway.errors import ConfigError
from gateway.flags.decide import Flags
from gateway.flags.names import FlagLabel, flag_of_label
from gateway.override.buckets import bucket_of, prefix_of
from gateway.override.gates import is_step
from gateway.override.labels import ALL, PERCENT, share_of
from gateway.override.settings import OverrideSettings, share_of_label
from gateway.override.switches import Switches, switched_share
from gateway.override.testers import Testers
from gateway.telemetry.catalogue import OVERRIDE_DECISIONS
from gateway.telemetry.metrics import Sample

Decide = Callable[[Context], Any]
"""A user's function: whether a label is on for a request, now or later."""
logger = logging.getLogger("gateway.override")


class LabelDecider:
    """Decides the labels of one schema.

    Args:
        settings: As configured.
        functions: Of the user's Python, by label.
        known: Every label of the schema.
        switches: Of the worker.
        testers: Who may decide for a request of its own.
        flags: Decides flags.
        clock: Seconds.

    Attributes:
        known: As given.
        counts: How often each label was on, and off.

    Errors: ConfigError for a label that nothing decides.
    """

    def __init__(
        self,
        settings: OverrideSettings,
        functions: Mapping[str, Decide],
        known: Sequence[str],
        switches: Switches,
        testers: Testers,
        flags: Flags,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout_s = settings.timeout_ms / 1000
        self._failing: dict[str, type[Exception]] = {}
        self._keys = TargetingKeys(settings.anonymous_id)
        self._switches = switches
        self._functions = {label: functions[label] for label in known if label in functions}
        self._patience = {label: Patience(clock) for label in self._functions}
        self._shares: dict[str, int] = {}
        self._prefixes: dict[str, bytes] = {}
        self._flags = flags
        self._flag_labels: dict[str, FlagLabel] = {}
        for label in known:
            share = share_of_label(label, settings.labels)
            flag = flag_of_label(label)
            if share is None and flag is not None and label not in functions:
                self._flag_labels[label] = flag
            elif share is None and label not in functions:
                raise ConfigError(
                    f"nothing decides the label `{label}` of @override",
                    key="override.labels",
                    hint=f'set "{label}" = false, or decorate a function with @override_label("{label}")',
                )
            if share is not None:
                self._shares[label] = share
            is_percent = share_of(label) is not None
            self._prefixes[label] = prefix_of(settings.salt, PERCENT if is_percent else label)
        self._testers = testers
        self.known = known
        self.counts: Counter[tuple[str, bool]] = Counter()

    def samples(self) -> Iterator[Sample]:
        """What was decided, for metrics."""
        for (label, is_on), count in self.counts.items():
            yield OVERRIDE_DECISIONS, (label, "on" if is_on else "off"), count

    def asks_python(self, labels: Sequence[str]) -> bool:
        """Whether a function may have to be called: it needs a context."""
        return any(label in self._functions for label in labels)

    def on_for_all(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Those of the labels that are on for every client: their variant is made before anybody asks."""
        return tuple(label for label in labels if self.share_now(label) == ALL)

    def decide(
        self, labels: Sequence[str], client: ClientRequest, context: Context | None
    ) -> AwaitableOrValue[Mapping[str, bool]]:
        """Whether each of the labels is on. They are kept with the client's request, which is decided once.

        Args:
            labels: Those of a plan.
            client: The client's request.
            context: What functions get; None where none may have to be called.

        Errors: ClientError(BAD_REQUEST) for a header that cannot be read.
        """
        decided = client.overrides
        if decided is None:
            decided = client.overrides = {}
        asked = self._testers.asked(client) if self._testers.is_open else None
        waiting: list[str] = []
        flags: list[str] = []
        for label in labels:
            if label in decided:
                continue
            known = self._known(label, asked, client)
            if known is not None:
                self._keep(decided, label, known)
            elif label in self._flag_labels:
                flags.append(label)
            else:
                waiting.append(label)
        if not flags:
            return self._ask(waiting, decided, client, context) if waiting else decided
        names = [self._flag_labels[label].name for label in flags]

        def use(found: DecidedFlags) -> AwaitableOrValue[Mapping[str, bool]]:
            for label in flags:
                self._keep(decided, label, self._is_on(label, found))
            return self._ask(waiting, decided, client, context) if waiting else decided

        return then(self._flags.decide(names, client), use)

    def _is_on(self, label: str, found: DecidedFlags) -> bool:
        """Whether what a flag is puts its label on."""
        flag = self._flag_labels[label]
        if flag.variant:
            return found[flag.name].variant == flag.variant
        return found[flag.name].value is True

    def _keep(self, decided: dict[str, bool], label: str, is_on: bool) -> None:
        decided[label] = is_on
        self.counts[label, is_on] += 1

    def _known(
        self, label: str, asked: Mapping[str, bool] | None, client: ClientRequest
    ) -> bool | None:
        """What is decided without Python; None where a function or a flag decides."""
        share = self.share_now(label)
        shares = self._switches.shares
        if share == 0 and shares and switched_share(label, shares) == 0:
            return False
        if asked is not None and label in asked:
            return asked[label]
        if share is None:
            return None
        if share == 0 or share == ALL:
            return share == ALL
        return bucket_of(self._prefixes[label], self._keys.of(client)) < share

    def share_now(self, label: str) -> int | None:
        """The share of the clients for whom a label is on; None where a function or a flag decides."""
        shares = self._switches.shares
        switched = switched_share(label, shares) if shares else None
        return self._shares.get(label) if switched is None else switched

    def stepped(self, before: LabelDecider) -> set[str]:
        """The labels that are on for other clients than another schema's configuration has them."""
        both = set(self.known).intersection(before.known)
        return {label for label in both if is_step(before.share_now(label), self.share_now(label))}

    async def _ask(
        self,
        labels: Sequence[str],
        decided: dict[str, bool],
        client: ClientRequest,
        context: Context | None,
    ) -> Mapping[str, bool]:
        assert context is not None
        if client.asking is None:
            client.asking = {}
        for label in labels:
            task = client.asking.get(label)
            if task is None:
                task = client.asking[label] = asyncio.create_task(self._said(label, context))
            is_on = await asyncio.shield(
                task
            )  # another operation of the request may wait for it too
            if label not in decided:
                self._keep(decided, label, is_on)
        return decided

    async def _said(self, label: str, context: Context) -> bool:
        """What a function says of its label: off where it fails, or does not answer. The first failure is told."""
        patience = self._patience[label]
        if patience.is_over:
            return False
        began = patience.begin()
        try:
            found = self._functions[label](context)
            is_on = (await within(found, self._timeout_s) if is_awaitable(found) else found) is True
        except Exception as exc:
            if isinstance(exc, NoAnswerError):
                patience.missed(began)
            else:
                patience.answered()
            if self._failing.get(label) is not type(exc):
                self._failing[label] = type(exc)
                logger.exception("the function of the label %s fails; it is off", label)
            return False
        patience.answered()
        if self._failing.pop(label, None) is not None:
            logger.info("the function of the label %s decides again", label)
        return is_on
