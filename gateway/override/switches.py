"""Labels that are decided otherwise for now, whatever the configuration says: the kill switch.

They stand in a file that every worker looks at twice a second, so they hold in all of them and after a restart. A file
that cannot be used changes nothing, and is logged; one that is not there switches nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path

import msgspec
import orjson

from gateway.auth.watched import FilePlace, PlaceError, Version, Watched
from gateway.errors import ConfigError
from gateway.override.labels import EVERY_LABEL, check_label
from gateway.override.settings import OverrideRule, share_of_rule
from gateway.settings.whole_file import write_whole

NONE: Mapping[str, int] = {}


class SwitchFile(FilePlace):
    """The file; it need not exist."""

    async def state(self) -> Hashable:
        """As `FilePlace.state`."""
        return self._state()

    def version_now(self) -> Version:
        """As `FilePlace.version_now`."""
        return Version(None, b"{}") if self._state() is None else super().version_now()

    def _state(self) -> Hashable:
        try:
            return super()._state()
        except PlaceError as exc:
            if isinstance(exc.__cause__, FileNotFoundError):
                return None
            raise


class Switches:
    """The switches of one worker.

    Args:
        path: The file; None for none.

    Attributes:
        shares: By label, the share of the clients for whom it is on, 0 to 10,000.

    Errors: ConfigError for a file of no use: a switch that is not seen would switch nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.shares = NONE
        self._watched: Watched[Mapping[str, int]] | None = None
        if path is None:
            return
        place = SwitchFile(path)
        what = f"the file of switches {path}"
        self._watched = Watched(place, _shares, self._use, what, logger="gateway.override")
        try:
            self._watched.take(place.version_now())
        except (PlaceError, ValueError) as exc:
            raise ConfigError(str(exc), key="override.switches", file=str(path)) from exc

    def _use(self, shares: Mapping[str, int]) -> None:
        self.shares = shares

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
        found = msgspec.json.decode(text or b"{}", type=dict[str, OverrideRule])
    except msgspec.DecodeError as exc:
        raise ValueError(str(exc)) from exc
    for label, rule in found.items():
        if label != EVERY_LABEL:
            check_label(label)
        share_of_rule(rule)
    return found


def write_switch(path: Path, label: str, rule: OverrideRule | None) -> dict[str, OverrideRule]:
    """Set one switch, or take it out with None; what the file says then. It is written whole or not at all.

    Errors: ValueError for a file or rule of no use, OSError.
    """
    try:
        found = read_switches(path.read_bytes())
    except FileNotFoundError:
        found = {}
    if rule is None:
        found.pop(label, None)
    else:
        found[label] = rule
    text = orjson.dumps(found, option=orjson.OPT_INDENT_2)
    read_switches(text)
    write_whole(path, text)
    return found


def _shares(text: bytes) -> Mapping[str, int]:
    return {label: share_of_rule(rule) for label, rule in read_switches(text).items()}
