"""The arithmetic of quotas: the generic cell rate algorithm, over several windows at once. Pure: no clock, no store.

One number is kept for each window: when all that was used will have come back. What is asked moves it on by its part of
the window; it may be at most the window's length ahead of now. So a client may use a whole quota at once, and then as
much as comes back.

Source: ITU-T I.371 annex A; Brandur Leach, "Rate Limiting, Cells, and GCRA".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.quotas.settings import QuotaPolicy, WindowSettings


@dataclass(frozen=True, slots=True)
class Window:
    """One window as it is counted.

    Attributes:
        title: Its name.
        quota: How much, in each window.
        most: How much one demand may be: the whole quota, where this is a worker's share of it. Such a one is admitted
            once all that was used has come back.
        seconds: How long.
        is_cost: Whether it is of cost; else of requests.
        each_s: How long one unit takes to come back.
        full_s: How far ahead it may be: its length, and a rounding.
        per_s: How many units of the whole quota come back in a second, of all workers.
    """

    title: str
    quota: float
    most: float
    seconds: float
    is_cost: bool
    each_s: float
    full_s: float
    per_s: float

    def takes_s(self, requests: float, cost: float) -> float:
        """By how much a demand moves it on."""
        return (cost if self.is_cost else requests) * self.each_s

    def room_s(self, takes_s: float) -> float:
        """How far ahead it may be for a demand to be admitted; below 0 where it never is."""
        if takes_s <= self.seconds:
            return self.full_s - takes_s
        return 0.0 if takes_s <= self.most * self.each_s else -1.0

    def left(self, ahead_s: float) -> int:
        """How many units are left of the whole quota where it is so far ahead."""
        return max(0, int(self.most - ahead_s * self.per_s + 1e-6))


class WindowState(NamedTuple):
    """A window after a demand.

    Attributes:
        window: Which.
        ahead_s: How far it is ahead of now, seconds: until all of it is there again.
        wait_s: How long until what was refused would be admitted; 0 where it was not refused, infinite for never.
    """

    window: Window
    ahead_s: float
    wait_s: float


class Verdict(NamedTuple):
    """What became of a demand.

    Attributes:
        is_admitted: Whether every window has room for it; then all have been moved on.
        windows: Which hold.
        ahead_s: How far each of them is ahead of now.
        rooms: How far it might have been, where it is refused.
    """

    is_admitted: bool
    windows: Sequence[Window]
    ahead_s: Sequence[float]
    rooms: Sequence[float] = ()

    @property
    def states(self) -> list[WindowState]:
        """What is known of each window."""
        if self.is_admitted:
            waits = [0.0] * len(self.windows)
        else:
            waits = [
                math.inf if room < 0 else max(0.0, ahead - room)
                for ahead, room in zip(self.ahead_s, self.rooms, strict=True)
            ]
        return list(map(WindowState, self.windows, self.ahead_s, waits))

    @property
    def tightest(self) -> WindowState:
        """The window that refuses for longest; else the one of which the least part is left."""
        return max(
            self.states, key=lambda state: (state.wait_s, state.ahead_s / state.window.seconds)
        )


def window_of(settings: WindowSettings, share: float = 1.0) -> Window:
    """A window, or a worker's share of one."""
    whole, seconds = settings.quota, settings.seconds
    quota = whole * share
    # What has come back little by little must not miss by a rounding.
    full_s = seconds * (1 + 1e-9)
    is_cost = settings.unit == "cost"
    each_s, per_s = seconds / quota, whole / seconds
    return Window(settings.title, quota, whole, seconds, is_cost, each_s, full_s, per_s)


def windows_of(policy: QuotaPolicy, workers: int = 1) -> tuple[Window, ...]:
    """The windows of a policy; of one of several workers its share."""
    return tuple(window_of(window, 1 / workers) for window in policy.windows)


def takes_and_rooms(
    windows: Sequence[Window], requests: float, cost: float
) -> tuple[list[float], list[float]]:
    """By how much a demand moves each window on, and how far ahead each may be for it."""
    takes = [window.takes_s(requests, cost) for window in windows]
    return takes, [window.room_s(taken) for window, taken in zip(windows, takes, strict=True)]


def decide(
    windows: Sequence[Window], ahead_s: Sequence[float], requests: float, cost: float
) -> Verdict:
    """Admit a demand, or refuse it whole.

    Args:
        windows: All that hold.
        ahead_s: How far each of them is ahead of now; not below 0.
        requests, cost: What is demanded.
    """
    takes, rooms = takes_and_rooms(windows, requests, cost)
    is_admitted = all(ahead <= room for ahead, room in zip(ahead_s, rooms, strict=True))
    if is_admitted:
        ahead_s = [ahead + taken for ahead, taken in zip(ahead_s, takes, strict=True)]
    return Verdict(is_admitted, windows, ahead_s, rooms)


def refunds_s(
    windows: Sequence[Window], reserved: float, cost: float, since_s: float
) -> list[float]:
    """How far each window goes back where a demand has cost something else than was reserved; below 0: forward.

    What was reserved has come back since then as everything does, and is not there to be given back once more: else
    whoever holds slow operations would get a quota for each.

    Args:
        windows: Which hold.
        reserved: What the demand was taken to cost.
        cost: What it has cost.
        since_s: How long ago it was reserved.
    """
    found = []
    for window in windows:
        back = window.takes_s(0, reserved - cost)
        stands = max(0.0, window.takes_s(0, reserved) - since_s)
        found.append(min(back, stands))
    return found
