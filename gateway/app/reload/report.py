"""What came of a reload, for whoever asked for it, the log and metrics. Plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from gateway.app.reload.effects import ConfigChange, Effect

Result = Literal["reloaded", "unchanged", "checked", "refused", "restarting", "waiting"]


@dataclass(slots=True)
class Report:
    """A reload.

    Attributes:
        result: `reloaded` serves the new; `unchanged` found nothing that is new; `checked` was asked to look only;
            `refused` goes on with the old, in every worker; `restarting` replaces one worker after another;
            `waiting` found nothing that a reload brings into effect, and keys that wait for a new server.
        digest: Of the files that were read; "" where they could not be.
        errors: What is wrong, each with its file and line.
        changes: The keys that changed, each with what it needs.
        waiting: The keys that do not hold before the server is started again.
        workers: How many serve the new.
        plans: How many were warm, of the worker that had the most.
        swap_ms: The longest time in which a worker did nothing else.
        took_s: From the files to the swap.
        moved, ending: Subscriptions that go on by the new schema, and that end because it has made them invalid.
    """

    result: Result
    digest: str = ""
    errors: list[str] = field(default_factory=list)
    changes: list[ConfigChange] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    workers: int = 0
    plans: int = 0
    swap_ms: float = 0.0
    took_s: float = 0.0
    moved: int = 0
    ending: int = 0

    def wait_for(self, *effects: Effect) -> None:
        """Note the changes that a reload does not bring into effect."""
        self.waiting = [change.key for change in self.changes if change.effect in effects]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        found = asdict(self)
        found["changes"] = [{"key": c.key, "needs": c.effect.value} for c in self.changes]
        return {**found, "line": self.line()}

    def line(self) -> str:
        """For people."""
        if self.result == "reloaded":
            ended = f", {self.ending} end" if self.ending else ""
            return (
                f"{self.digest} is served by {self.workers} workers after {self.took_s:.2f} s: {self.plans} plans warm, "
                f"the swap took {self.swap_ms:.2f} ms; {self.moved} subscriptions go on{ended}"
            )
        if self.result == "refused":
            return "the version before goes on"
        return {
            "unchanged": "nothing has changed",
            "checked": f"{self.digest} can be served",
            "waiting": f"for a new server, and nothing else has changed: {', '.join(self.waiting)}",
            "restarting": f"{self.digest} is served by new workers, one after the other",
        }[self.result]
