"""Labels that are decided otherwise for now, whatever the configuration says: the kill switch.

They stand in a file that every worker looks at twice a second, so they hold in all of them and after a restart. A file
that cannot be used changes nothing, and is logged, one that is empty or gone too; only `{}` ends what it said. One that
was never there switches nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec
import orjson

from gateway.auth.watched import FilePlace, PlaceError, Version, Watched
from gateway.errors import ConfigError
from gateway.override.labels import EVERY_LABEL, check_label
from gateway.override.settings import OverrideRule, share_of_rule
from gateway.settings.whole_file import alone, write_whole

NONE: Mapping[str, int] = {}
Changed = Callable[[Mapping[str, int], Mapping[str, int]], None]
logger = logging.getLogger("gateway.override")


class SwitchedMeanwhileError(Exception):
    """What was decided by switches that are others by now is not written."""


class SwitchFile(FilePlace):
    """The file; it need not exist. One that was there and is gone says nothing: what it said last is in use."""

    _was_there = _said = False

    async def state(self) -> Hashable:
        """As `FilePlace.state`."""
        return self._state()

    def version_now(self) -> Version:
        """As `FilePlace.version_now`."""
        if self._state() is None:
            return Version(None, b"{}")
        found = super().version_now()
        if not self._said and not found.text.strip():
            return found._replace(
                text=b"{}"
            )  # as deploys make it; one that has said something is written just now
        self._said = True
        return found

    def _state(self) -> Hashable:
        try:
            state = super()._state()
        except PlaceError as exc:
            if isinstance(exc.__cause__, FileNotFoundError) and not self._was_there:
                return None
            raise
        self._was_there = True
        return state


class Switches:
    """The switches of one worker.

    Args:
        path: The file; None for none.

    Attributes:
        rules: By label, what is in use.
        shares: By label, the share of the clients for whom it is on, 0 to 10,000.
        changed: Told the shares before and after each change.

    Errors: ConfigError for a file of no use: a switch that is not seen would switch nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.shares = NONE
        self.rules: Mapping[str, OverrideRule] = {}
        self.changed: Changed = lambda _before, _after: None
        self._watched: Watched[Mapping[str, OverrideRule]] | None = None
        if path is None:
            return
        place = SwitchFile(path)
        what = f"the file of switches {path}"
        self._watched = Watched(place, read_switches, self._use, what, logger="gateway.override")
        try:
            self._watched.take(place.version_now())
        except (PlaceError, ValueError) as exc:
            raise ConfigError(str(exc), key="override.switches", file=str(path)) from exc

    def _use(self, rules: Mapping[str, OverrideRule]) -> None:
        before = self.shares
        self.rules, self.shares = rules, shares_of(rules)
        self.changed(before, self.shares)

    def watch(self) -> None:
        """Look at the file from now on."""
        if self._watched is not None:
            self._watched.watch()

    async def look(self) -> None:
        """Look at once."""
        if self._watched is not None:
            await self._watched.look()

    async def aclose(self) -> None:
        """Look no more."""
        if self._watched is not None:
            await self._watched.stop()


def read_switches(text: bytes) -> dict[str, OverrideRule]:
    """What a file says. Errors: ValueError."""
    try:
        found = msgspec.json.decode(text, type=dict[str, OverrideRule])
    except msgspec.DecodeError as exc:
        raise ValueError(str(exc)) from exc
    for label, rule in found.items():
        if label != EVERY_LABEL:
            check_label(label)
        share_of_rule(rule)
    return found


def write_switch(
    path: Path,
    label: str,
    rule: OverrideRule | None,
    in_use: Mapping[str, OverrideRule] | None = None,
    seen: Mapping[str, OverrideRule] | None = None,
) -> dict[str, OverrideRule]:
    """Set one switch, or take it out with None; what the file says then. It is written whole or not at all.

    A file of no use stops no switch off: it is replaced by what is in use, with that. Nor does a lock that another
    process keeps.

    Args:
        path: The file.
        label, rule: The switch.
        in_use: What is in use.
        seen: By what it was decided; None for a decision that holds whatever the file says.

    Errors: ValueError for a file or rule of no use, OSError, SwitchedMeanwhileError.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(alone(path))
        except BlockingIOError as exc:
            if rule is not False:
                raise
            logger.warning("%s is switched off without it: %s", label, exc.strerror)
        found = _switched(path, label, rule, in_use, seen)
        text = orjson.dumps(found, option=orjson.OPT_INDENT_2)
        read_switches(text)
        write_whole(path, text)
    return found


def _switched(
    path: Path,
    label: str,
    rule: OverrideRule | None,
    in_use: Mapping[str, OverrideRule] | None,
    seen: Mapping[str, OverrideRule] | None,
) -> dict[str, OverrideRule]:
    """What the file says with one switch more or less. Errors: as of `write_switch`."""
    try:
        text = path.read_bytes()
        found = read_switches(text) if text.strip() else dict(in_use or {})
    except FileNotFoundError:
        found = dict(in_use or {})
    except ValueError as exc:
        if rule is not False:
            raise ValueError(f"{path}: {exc}") from exc
        found = dict(in_use or {})
        logger.warning("the file of switches %s was of no use and is replaced: %s", path, exc)
    if seen is not None and any(found.get(at) != seen.get(at) for at in (label, EVERY_LABEL)):
        raise SwitchedMeanwhileError(label)
    if rule is None:
        found.pop(label, None)
    else:
        found[label] = rule
    return found


def switched_share(label: str, shares: Mapping[str, int]) -> int | None:
    """The share that switches give a label; None where they say nothing of it.

    Off for every label comes first, then the label's own switch, then what every other label has.
    """
    of_every = shares.get(EVERY_LABEL)
    return 0 if of_every == 0 else shares.get(label, of_every)


def shares_of(rules: Mapping[str, OverrideRule]) -> Mapping[str, int]:
    """By label, the share of the clients for whom it is on. Errors: ValueError."""
    return {label: share_of_rule(rule) for label, rule in rules.items()}
