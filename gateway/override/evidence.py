"""What was found when the answers of two sources were compared: counts that stay small, and can be added up.

Everything is bounded: coordinates of a move, kinds of difference, examples of each. No values but those that the
configuration lets be shown.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_COORDINATES = 200
"""Of one move; what differs at others is counted at the move itself."""
COUNTERS = (
    "errors", "compared", "differing", "noise", "kinds", "left_out", "lacking", "lacking_noise",
)  # fmt: skip
WINDOW_S = 60.0
"""What a source did before that says nothing of how it is now."""
MOST_BLAMED = 10_000
GROWTH = 1.2
FIRST_S = 0.001
BUCKETS = 64
"""From 1 ms in steps of 20 % to 97 seconds."""


class Latencies:
    """How long something took, in buckets that grow by 20 %."""

    def __init__(self, counts: Sequence[int] = ()) -> None:
        self.counts = list(counts) or [0] * BUCKETS

    def add(self, took_s: float) -> None:
        """Count one."""
        at = math.ceil(math.log(took_s / FIRST_S, GROWTH)) if took_s > FIRST_S else 0
        self.counts[min(at, BUCKETS - 1)] += 1

    def percentile_s(self, percent: float) -> float | None:
        """The upper end of the bucket that a percentile is in; None of nothing."""
        left = math.ceil(sum(self.counts) * percent / 100)
        for at, count in enumerate(self.counts):
            left -= count
            if count and left <= 0:
                return float(FIRST_S * GROWTH**at)
        return None


@dataclass(slots=True)
class MoveEvidence:
    """The comparisons of one move.

    Attributes:
        calls: Answers that were compared, or that the new source failed to give.
        matches: Those without any difference.
        errors: Those that the new source failed to give, by code.
        live: Those that clients got of the new source, and that the old one was asked for afterwards.
        seconds: How often the source that answered was asked a second time.
        compared: By coordinate, the answers that were compared there.
        differing: Those of them that differ.
        noise: Those where the source that answered differs from itself.
        lacking, lacking_noise: Those of both where more than a value differs: null, or another type.
        kinds: Values that differ, by coordinate and kind.
        examples: The last ones, by coordinate and kind.
        before, after: Latencies of the old source and of the new one.
        left_out: Comparisons that were begun and say nothing, by reason.
    """

    calls: int = 0
    matches: int = 0
    live: int = 0
    seconds: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)
    noise: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    before: Latencies = field(default_factory=Latencies)
    after: Latencies = field(default_factory=Latencies)
    left_out: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    lacking_noise: Counter[str] = field(default_factory=Counter)

    def add(self, other: MoveEvidence, samples: int) -> None:
        """Count what another has counted."""
        self.calls += other.calls
        self.matches += other.matches
        self.live += other.live
        self.seconds += other.seconds
        for name in COUNTERS:
            getattr(self, name).update(getattr(other, name))
        for key, examples in other.examples.items():
            if samples:
                self.examples[key] = [*self.examples.get(key, ()), *examples][-samples:]
        for mine, theirs in ((self.before, other.before), (self.after, other.after)):
            mine.counts = [a + b for a, b in zip(mine.counts, theirs.counts, strict=True)]

    def as_json(self) -> dict[str, Any]:
        """For another worker."""
        return {
            "calls": self.calls,
            "matches": self.matches,
            "live": self.live,
            "seconds": self.seconds,
            "errors": dict(self.errors),
            "compared": dict(self.compared),
            "differing": dict(self.differing),
            "noise": dict(self.noise),
            "kinds": [[*key, count] for key, count in self.kinds.items()],
            "examples": [[*key, examples] for key, examples in self.examples.items()],
            "before": self.before.counts,
            "after": self.after.counts,
            "left_out": dict(self.left_out),
            "lacking": dict(self.lacking),
            "lacking_noise": dict(self.lacking_noise),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> MoveEvidence:
        """What another worker said."""
        return cls(
            found["calls"],
            found["matches"],
            found["live"],
            found["seconds"],
            Counter(found["errors"]),
            Counter(found["compared"]),
            Counter(found["differing"]),
            Counter(found["noise"]),
            Counter({(at, kind): count for at, kind, count in found["kinds"]}),
            {(at, kind): examples for at, kind, examples in found["examples"]},
            Latencies(found["before"]),
            Latencies(found["after"]),
            *(Counter(found[name]) for name in ("left_out", "lacking", "lacking_noise")),
        )

    def differing_at(self, coordinate: str) -> int:
        """The answers that differ there, less those in which the old source differs from itself."""
        lacking, lacking_noise = self.lacking[coordinate], self.lacking_noise[coordinate]
        others = self.differing[coordinate] - lacking
        return max(0, lacking - lacking_noise) + max(
            0, others - (self.noise[coordinate] - lacking_noise)
        )

    def unstable(self) -> list[str]:
        """Where the old source differs from itself in half of its second calls: its values are not compared there."""
        return sorted(at for at, count in self.noise.items() if 2 * count >= self.seconds)

    def is_turn(self, ratio: float) -> bool:
        """Whether it is time for a second call: for its part of all comparisons."""
        return self.seconds < (self.calls + 1) * ratio

    def worst(self) -> tuple[int, int]:
        """The answers that match, and those that were compared, where the most differ. Errors differ everywhere."""
        failed = sum(self.errors.values())
        pairs = [(self.compared[c] - self.differing_at(c), self.compared[c]) for c in self.compared]
        matching, compared = min(pairs, key=lambda pair: pair[0] / pair[1], default=(0, 0))
        return matching, compared + failed


class Evidence:
    """Of one move: all of it, and that of the last minutes.

    Args:
        coordinate: Of the move, `Query.stats` or `Video`.
        fingerprint: Of its connectors: evidence of other ones says nothing.

    Attributes:
        whole: Since it began, or was begun again.
    """

    def __init__(self, coordinate: str, fingerprint: str) -> None:
        self.coordinate = coordinate
        self.fingerprint = fingerprint
        self.begin_again()

    def begin_again(self) -> None:
        """Forget all of it."""
        self.whole = MoveEvidence()
        self._halves = (MoveEvidence(), MoveEvidence())
        self._turns_at = 0.0
        self._blamed: set[str] = set()

    def take(self, before: Evidence) -> None:
        """Go on from what was found of the same connectors."""
        self.whole, self._halves = before.whole, before._halves
        self._turns_at = before._turns_at

    def note(
        self, found: MoveEvidence, samples: int, now: float, blamed: str | None = None
    ) -> None:
        """Count one comparison.

        Args:
            found: Of it.
            samples: Examples that are kept.
            now: Seconds on any clock that does not go back.
            blamed: The client whose value it was that failed; of such, each client has one in a window: nobody
                switches a move off alone.
        """
        _bound(found, self.whole, self.coordinate)
        self.whole.add(found, samples)
        self._turn(now)
        if blamed is None or blamed not in self._blamed:
            self._halves[1].add(found, 0)
        if blamed is not None and len(self._blamed) < MOST_BLAMED:
            self._blamed.add(blamed)

    def recent(self, now: float) -> MoveEvidence:
        """What was found in the last window, or at least in the last half of one."""
        self._turn(now)
        both = MoveEvidence()
        for half in self._halves:
            both.add(half, 0)
        return both

    def _turn(self, now: float) -> None:
        half_s = WINDOW_S / 2
        if now >= self._turns_at + half_s:
            self._halves = (MoveEvidence(), MoveEvidence())
        elif now >= self._turns_at:
            self._halves = (self._halves[1], MoveEvidence())
        else:
            return
        self._turns_at = now + half_s
        self._blamed.clear()


def _bound(found: MoveEvidence, whole: MoveEvidence, coordinate: str) -> None:
    """Count at the move itself what is at a coordinate too many."""
    if len(whole.compared) + len(found.compared) <= MOST_COORDINATES:
        return
    known = whole.compared.keys() | {coordinate}
    for counts in (
        found.compared,
        found.differing,
        found.noise,
        found.lacking,
        found.lacking_noise,
    ):
        for name in counts.keys() - known:
            counts[coordinate] = max(counts[coordinate], counts.pop(name))
    for at, kind in found.kinds.keys() - {key for key in found.kinds if key[0] in known}:
        found.kinds[coordinate, kind] += found.kinds.pop((at, kind))
        examples = found.examples.pop((at, kind), [])
        found.examples.setdefault((coordinate, kind), []).extend(examples)


def added(found: Iterable[MoveEvidence], samples: int) -> MoveEvidence:
    """The evidence of several workers."""
    whole = MoveEvidence()
    for one in found:
        whole.add(one, samples)
    return whole
