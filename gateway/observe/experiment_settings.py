"""What may be set for experiments. Plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gateway.settings.kinds import Bytes, Count, NewFile, Seconds

_GOAL = re.compile(r"Mutation\.[_A-Za-z][_0-9A-Za-z]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSettings:
    """`[experiments]`: who has met which variant of a flag, and what came of it.

    Attributes:
        file: Where exposures and goals are appended, a line of JSON each; nothing is noted without it.
        window_s: For how long one exposure of a client to a flag counts; then the next one is written again.
        ids: What stands for a client: "hashed" with `salt`, or "plain", its principal's or anonymous id as it is.
        salt: Goes into the hash. Without one, whoever knows an id can tell its lines.
        goals: Mutations that count as what an experiment is for: "Mutation.order". Python has `context.track`.
        max_remembered: How many exposures a worker remembers; one that is forgotten is written again.
        max_size_bytes: A larger file is renamed to `FILE.1` before it is appended to.
        max_files: How many renamed files are kept.
        interval_s: How often lines are written.
    """

    file: NewFile | None = None
    window_s: Seconds = 86_400.0
    ids: Literal["hashed", "plain"] = "hashed"
    salt: str = ""
    goals: tuple[str, ...] = ()
    max_remembered: Count = 100_000
    max_size_bytes: Bytes = 100_000_000
    max_files: Count = 10
    interval_s: Seconds = 1.0

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        for goal in self.goals:
            if not _GOAL.fullmatch(goal):
                raise ValueError(f"`goals`: {goal} is no field of Mutation: Mutation.order")
