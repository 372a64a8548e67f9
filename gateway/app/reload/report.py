"""What came of a reload, for whoever asked for it, the log and metrics. Plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from gateway.app.reload.effects import ConfigChange, Effect
from gateway.broker.calls import Answers

Result = Literal[
    "reloaded",
    "unchanged",
    "checked",
    "refused",
    "restarting",
    "waiting",
    "trying",
    "promoted",
    "returned",
    "withdrawn",
]
MOST_WARNINGS = 20


@dataclass(slots=True)
class Report:
    """A reload.

    Attributes:
        result: `reloaded` serves the new; `unchanged` found nothing that is new; `checked` was asked to look only;
            `refused` goes on with the old, in every worker; `restarting` replaces one worker after another;
            `waiting` found nothing that a reload brings into effect, and keys that wait for a new server; `trying`
            serves the new to some of the clients; `promoted` has ended that, and serves it to all; `withdrawn` has
            ended it, and serves the old to all; so has `returned`, of itself, because there were too many errors.
        digest: Of the files that were read; "" where they could not be.
        errors: What is wrong, each with its file and line.
        warnings: What the new does not do any more that the old did, and is served without: trusted documents.
        may_pass: Whether the same files may be served the next time: a worker has not answered, a disk hung.
        changes: The keys that changed, each with what it needs.
        waiting: The keys that do not hold before the server is started again.
        workers: How many serve the new.
        percent: Of a hundred clients, how many are to be served the new first; 0 for all at once.
        plans: How many were warm, of the worker that had the most.
        swap_ms: The longest time in which a worker did nothing else.
        took_s: From the files to the swap.
        moved, ending: Subscriptions that go on by the new schema, and that end because it has made them invalid.
    """

    result: Result
    digest: str = ""
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    may_pass: bool = False
    changes: list[ConfigChange] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    workers: int = 0
    percent: float = 0.0
    plans: int = 0
    swap_ms: float = 0.0
    took_s: float = 0.0
    moved: int = 0
    ending: int = 0

    def wait_for(self, *effects: Effect) -> None:
        """Note the changes that a reload does not bring into effect."""
        self.waiting = [change.key for change in self.changes if change.effect in effects]

    @property
    def needs_workers(self) -> bool:
        """Whether a change takes new workers."""
        return any(change.effect is Effect.WORKERS for change in self.changes)

    def note_lacking(self, told: Iterable[Iterable[str]]) -> None:
        """Note what workers do not do before others have taken their place: each a change."""
        known = {change.key for change in self.changes}
        lacking = dict.fromkeys(key for keys in told for key in keys if key not in known)
        self.changes += [ConfigChange(key, Effect.WORKERS) for key in lacking]

    def note_warnings(self, told: Iterable[Iterable[str]]) -> None:
        """Note what workers warn of: each once, the first `MOST_WARNINGS` of them in words."""
        found = list(dict.fromkeys(line for lines in told for line in lines))
        more = len(found) - MOST_WARNINGS
        self.warnings = found[:MOST_WARNINGS] + ([f"and {more} more"] if more > 0 else [])

    def refuse_canary(self) -> None:
        """Say that what is new cannot be served beside the old."""
        keys = [change.key for change in self.changes if change.effect is Effect.WORKERS]
        self.result = "refused"
        self.errors = [
            f"no canary: {', '.join(keys)} take new workers, which serve one schema. --canary 0 serves it to all"
        ]

    def note_swaps(self, answers: Answers) -> None:
        """Note what came of the swap in each worker; None is said by one that serves nobody yet."""
        swapped = [said for said in answers.said.values() if said is not None]
        self.workers = len(swapped)
        self.swap_ms = max((said["swap_ms"] for said in swapped), default=0.0)
        self.moved = sum(said["moved"] for said in swapped)
        self.ending = sum(said["ending"] for said in swapped)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        found = asdict(self)
        found["changes"] = [{"key": c.key, "needs": c.effect.value} for c in self.changes]
        return {**found, "line": self.line()}

    def line(self) -> str:
        """For people."""
        if self.result in ("reloaded", "promoted"):
            ended = f", {self.ending} end" if self.ending else ""
            return (
                f"{self.digest} is served by {self.workers} workers after {self.took_s:.2f} s: {self.plans} plans warm, "
                f"the swap took {self.swap_ms:.2f} ms; {self.moved} subscriptions go on{ended}"
            )
        if self.result == "refused":
            return "the version before goes on"
        return {
            "unchanged": "nothing has changed",
            "trying": f"{self.digest} is served to {self.percent:g} % of the clients first",
            "withdrawn": "the canary has ended, and the version before goes on",
            "checked": f"{self.digest} can be served",
            "waiting": f"for a new server, and nothing else has changed: {', '.join(self.waiting)}",
            "restarting": f"{self.digest} is served by new workers, one after the other",
        }[self.result]
