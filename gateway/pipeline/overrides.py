"""Labels and flags, between plan and execution: those of a plan are decided for its client, and choose its variant.

The variant is a plan of its own: two clients share an execution only where the same labels are on for both. What flags
a variant's fields read is decided after it is chosen; two clients share an execution only where these are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from gateway.client.flags import DecidedFlags
from gateway.concurrency.awaitable import AwaitableOrValue, then
from gateway.context import Context
from gateway.flags.decide import Flags
from gateway.override.decide import LabelDecider
from gateway.pipeline.operation import Operation


class OverrideChoice:
    """Chooses variants, and decides flags.

    Args:
        decider: Decides labels.
        flags: Decides flags.
    """

    def __init__(self, decider: LabelDecider, flags: Flags) -> None:
        self._decider = decider
        self._flags = flags

    def asks_python(self, operation: Operation) -> bool:
        """Whether a context is needed to choose."""
        return self._decider.asks_python(operation.prepared.labels)

    def choose(self, operation: Operation, context: Context | None) -> AwaitableOrValue[Operation]:
        """Choose the variant of the plan for the operation's client.

        Args:
            operation: Planned; its plan has labels or flags.
            context: None where no function has to be asked.

        Errors: ClientError(BAD_REQUEST) for a header that cannot be read; ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        if not operation.prepared.labels:
            return self._decide_flags(operation)
        decided = self._decider.decide(operation.prepared.labels, operation.client, context)
        return then(decided, partial(self._use, operation))

    def _use(
        self, operation: Operation, decided: Mapping[str, bool]
    ) -> AwaitableOrValue[Operation]:
        labels = operation.prepared.labels
        on = tuple(label for label in labels if decided[label])
        operation.record.overrides = tuple(
            f"{label}={'on' if decided[label] else 'off'}" for label in labels
        )
        operation.prepared = operation.prepared.overridden(on, operation.client.client_key)
        operation.record.plan = operation.prepared.show
        return self._decide_flags(operation)

    def _decide_flags(self, operation: Operation) -> AwaitableOrValue[Operation]:
        if not operation.prepared.flags:
            return operation
        decided = self._flags.decide(operation.prepared.flags, operation.client)
        return then(decided, partial(self._note, operation))

    def _note(self, operation: Operation, decided: DecidedFlags) -> Operation:
        operation.record.flags = tuple(
            f"{name}={decided[name].variant}" for name in operation.prepared.flags
        )
        return operation
