"""The audit log of releases: one JSON line for each thing done or refused. No line, no action.

Each line holds the digest of the line before it, so a line that was changed, taken out or put in is found. A file
that is cut at its end, or written anew as a whole, is found by a head that somebody has kept elsewhere.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from gateway.release.model import ReleaseError, Target

START = "0" * 64  # what the first line follows


@dataclass(frozen=True, slots=True)
class Audit:
    """Appends to `path`; a line that announces an action is on disk before the action begins.

    Attributes:
        path: The file; its folder is made.
        actor: Who acts: GATEWAY_RELEASE_ACTOR of a pipeline, otherwise the login name.
        approver: Who approved, where a pipeline says so.
    """

    path: Path
    actor: str
    approver: str | None = None

    def write(self, action: str, target: Target | str, outcome: str, **detail: Any) -> None:
        """Append one line. Errors: ReleaseError when it cannot be written, so that nothing is done unseen."""
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "actor": self.actor,
            **({"approver": self.approver} if self.approver else {}),
            "action": action,
            "target": str(target),
            "outcome": outcome,
            **detail,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # two releases at once would both follow one line
                last = _last_line(file)
                line["previous"] = digest_of_line(last) if last else START
                file.write(json.dumps(line).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise ReleaseError(
                f"the audit log {self.path} cannot be written ({exc.strerror}); nothing is done without it"
            ) from exc

    def write_after(
        self, say: Callable[[str], None], action: str, target: Target, outcome: str, **detail: Any
    ) -> None:
        """Append what came of an action; when that fails say it, since what follows must not be held up."""
        try:
            self.write(action, target, outcome, **detail)
        except ReleaseError as exc:
            say(f"{target}: {action} {outcome} is NOT in the audit log: {exc}")

    def is_noted(self, approval: str) -> bool:
        """Whether a line says that an approval was used. Errors: ReleaseError when the log cannot be read."""
        try:
            text = self.path.read_bytes() if self.path.exists() else b""
        except OSError as exc:
            raise ReleaseError(
                f"the audit log {self.path} cannot be read ({exc.strerror})"
            ) from exc
        return any(item.get("approval") == approval for item in _parsed(text.splitlines()))


def _parsed(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _last_line(file: BinaryIO) -> bytes:
    """The last line of a file, without its end; a line that was cut off is one too."""
    size = file.seek(0, os.SEEK_END)
    step = 4096
    while True:
        file.seek(max(0, size - step))
        lines = file.read().splitlines()
        if len(lines) > 1 or step >= size:
            if lines:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            return lines[-1] if lines else b""
        step *= 2


def digest_of_line(line: bytes) -> str:
    """What the next line says of this one."""
    return hashlib.sha256(line).hexdigest()


def verify(path: Path, head: str | None = None) -> tuple[int, str]:
    """Follow the chain; the number of lines, and the digest of the last one, to be kept elsewhere.

    Args:
        path: The audit log.
        head: A digest that an earlier call gave: that line has to be in the chain still.

    Errors: ReleaseError naming the first line that does not follow the one before it.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise ReleaseError(f"the audit log {path} cannot be read ({exc.strerror})") from exc
    previous, seen = START, {START}
    for number, line in enumerate(lines, 1):
        entry = next(_parsed([line]), None)
        if entry is None:
            raise ReleaseError(f"{path}:{number}: not a line of the audit log")
        if entry.get("previous") != previous:
            raise ReleaseError(
                f"{path}:{number}: does not follow the line before it: one of them was changed, taken out or put in"
            )
        previous = digest_of_line(line)
        seen.add(previous)
    if head is not None and head not in seen:
        raise ReleaseError(f"{path}: the line {head} is not in it: it was cut or written anew")
    return len(lines), previous


def open_audit(path: Path, env: Mapping[str, str]) -> Audit:
    """The audit log for whoever runs this."""
    actor = env.get("GATEWAY_RELEASE_ACTOR") or getpass.getuser()
    return Audit(path, actor, env.get("GATEWAY_RELEASE_APPROVER") or None)
