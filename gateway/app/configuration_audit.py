"""What a worker goes by from now on, as lines of the audit log: its configuration (at its start and after each reload),
and its API keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version

from gateway.auth.key_ring import KeyChanges
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.process import REVISION


def audit_configuration(log: AccessLog, digest: str, changed: Iterable[str] | None = None) -> None:
    """Write the line.

    Args:
        log: Where to.
        digest: Of the files that are served; "" where they are no files.
        changed: The settings that are other than before; None at the start. Their values are not written.
    """
    log.write_audit(
        "configuration",
        {
            "cause": "start" if changed is None else "reload",
            "digest": digest,
            "changed": sorted(changed or ()),
            "version": _version(),
            "revision": os.environ.get(REVISION, ""),
            "worker": os.getpid(),
        },
    )


MOST_IDS = 100


@cache
def _version() -> str:
    return version("compiled-graphql-gateway")


def audit_keys(log: AccessLog, changes: KeyChanges) -> None:
    """Write the line of API keys that are others than before, whoever has changed their store.

    Args:
        log: Where to.
        changes: Their ids.
    """
    ids = {name: sorted(found)[:MOST_IDS] for name, found in changes._asdict().items()}
    count = sum(map(len, changes))
    log.write_audit("api_keys", {**ids, "count": count, "worker": os.getpid()})
