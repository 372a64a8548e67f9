"""When a move may go on, and when it goes back: by what was found in comparisons. Pure.

A share is believed by its 95 % interval: a move goes on where even the lower end is good enough, and goes back where
even the upper end is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.override.evidence import MoveEvidence
from gateway.override.interval import least_more, wilson
from gateway.settings.kinds import CountOrZero, Growth, Percent, Ratio

MOST_MATCHES = 0.9999
"""Of what a gate may ask for: 38,411 comparisons show it, and none shows 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteSettings:
    """`[override.promote_when]`: when a label with a `@shadow` may be on for more clients. All of its moves have to.

    Attributes:
        calls: Comparisons that it needs since its last step; 0 for no gate.
        matches: The part of them that has to be equal, noise taken off; at most 0.9999. 0.999 takes 3,838 of them
            at least.
        p99_ratio: What the 99th percentile of the new source's time may be of that of the old one; 0 for any.
        steps: The shares, in percent.
        auto: Take the next step where the gate is open. Without, `gateway migrate status` proposes it.
    """

    calls: CountOrZero = 0
    matches: Ratio = 0.999
    p99_ratio: Growth = 1.2
    steps: tuple[Percent, ...] = (1, 5, 20, 50, 100)
    auto: bool = False

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if not self.steps or list(self.steps) != sorted(set(self.steps)):
            raise ValueError("`steps` grow from one to the next")
        if self.matches > MOST_MATCHES:
            raise ValueError(
                f"`matches` is at most {MOST_MATCHES}: no number of comparisons shows that all of them match"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackSettings:
    """`[override.rollback_when]`: when a label is switched off for all by itself, by the last minute.

    Attributes:
        calls: Comparisons that it needs; 0 for no gate.
        matches: Fewer that are equal, noise taken off, switch it off.
        errors: More that the new source fails switch it off.
        p99_ratio: A 99th percentile of the new source's time of more than so often that of the old one switches it
            off; 0 for never.
    """

    calls: CountOrZero = 0
    matches: Ratio = 0.98
    errors: Ratio = 0.05
    p99_ratio: Growth = 0.0


def p99_ratio(found: MoveEvidence) -> float | None:
    """The new source's 99th percentile by that of the old one; None without both."""
    before, after = found.before.percentile_s(99), found.after.percentile_s(99)
    return after / before if before and after else None


def why_not_on(found: MoveEvidence, rule: PromoteSettings) -> str | None:
    """What a move still lacks; None where it may go on."""
    if found.calls < rule.calls:
        return f"{found.calls} of {rule.calls} comparisons"
    matching, compared = found.worst()
    low = wilson(matching, compared)[0]
    if low < rule.matches:
        more = least_more(matching, compared, rule.matches)
        return (
            f"at least {100 * low:.2f} % match, {100 * rule.matches:g} % are needed: "
            f"{more} more that match, and nothing else"
        )
    ratio = p99_ratio(found)
    if rule.p99_ratio and ratio is not None and ratio > rule.p99_ratio:
        return f"p99 is {ratio:.2f} times that of the old source, {rule.p99_ratio:g} may be"
    return None


def why_back(found: MoveEvidence, rule: RollbackSettings) -> str | None:
    """Why a move goes back; None where it does not."""
    if not rule.calls or found.calls < rule.calls:
        return None
    errors = wilson(sum(found.errors.values()), found.calls)[0]
    if errors > rule.errors:
        return f"at least {100 * errors:.2f} % fail, {100 * rule.errors:g} % may"
    high = wilson(*found.worst())[1]
    if high < rule.matches:
        return f"at most {100 * high:.2f} % match, {100 * rule.matches:g} % are needed"
    ratio = p99_ratio(found)
    if rule.p99_ratio and ratio is not None and ratio > rule.p99_ratio:
        return f"p99 is {ratio:.2f} times that of the old source, {rule.p99_ratio:g} may be"
    return None


def is_step(before: int | None, after: int | None) -> bool:
    """Whether a label is on for other clients than before, so that it needs evidence of its own.

    What was switched off has none: why it was is still to be seen.
    """
    return after not in (before, 0)


def next_step(share: int, rule: PromoteSettings) -> int | None:
    """The next share, in percent; None where there is none. Units: `share` in hundredths of a percent."""
    return next((step for step in rule.steps if step * 100 > share), None)


def summary(found: MoveEvidence) -> dict[str, Any]:
    """What people and pages are told of a move."""
    matching, compared = found.worst()
    low, high = wilson(matching, compared)
    kinds: dict[str, dict[str, int]] = {}
    for (at, kind), count in sorted(found.kinds.items()):
        kinds.setdefault(at, {})[kind] = count
    return {
        "calls": found.calls,
        "live": found.live,
        "match": matching / compared if compared else None,
        "interval": [low, high],
        "errors": dict(found.errors),
        "left_out": dict(found.left_out),
        "differences": kinds,
        "noise": dict(found.noise),
        "unstable": found.unstable(),
        "second_calls": found.seconds,
        "examples": [
            {"coordinate": at, "kind": kind, **example}
            for (at, kind), examples in sorted(found.examples.items())
            for example in examples
        ],
        "before_p50_s": found.before.percentile_s(50),
        "before_p99_s": found.before.percentile_s(99),
        "after_p50_s": found.after.percentile_s(50),
        "after_p99_s": found.after.percentile_s(99),
    }
