"""The audit log of releases: one JSON line for each thing done or refused. No line, no action.

It is a chain (`gateway/telemetry/chain.py`): what was changed in it is found.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.release.model import ReleaseError, Target
from gateway.telemetry.chain import BrokenChainError, ChainedFile, parsed_lines, verify_chain


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

    def write(self, action: str, target: Target | str, outcome: str, **detail: Any) -> str:
        """Append one line; its digest.

        Errors: ReleaseError when it cannot be written, so that nothing is done unseen.
        """
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
            file = ChainedFile(self.path)
            try:
                return file.append(line, is_durable=True)
            finally:
                file.close()
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
        return any(item.get("approval") == approval for item in parsed_lines(text.splitlines()))


def verify(path: Path, head: str | None = None) -> tuple[int, str]:
    """Follow the chain; the number of lines, and the digest of the last one, to be kept elsewhere.

    Args:
        path: The audit log.
        head: A digest that an earlier call gave: that line has to be in the chain still.

    Errors: ReleaseError naming the first line that does not follow the one before it; also where the file is empty,
        since it is made with its first line.
    """
    try:
        count, last = verify_chain(path, head)
    except BrokenChainError as exc:
        raise ReleaseError(str(exc)) from exc
    except OSError as exc:
        raise ReleaseError(f"the audit log {path} cannot be read ({exc.strerror})") from exc
    if count == 0:
        raise ReleaseError(f"{path} is empty: a log begins with its first line, so it was emptied")
    return count, last


def open_audit(path: Path, env: Mapping[str, str]) -> Audit:
    """The audit log for whoever runs this."""
    actor = env.get("GATEWAY_RELEASE_ACTOR") or getpass.getuser()
    return Audit(path, actor, env.get("GATEWAY_RELEASE_APPROVER") or None)
