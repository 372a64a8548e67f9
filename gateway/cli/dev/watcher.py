"""Watches the files of a project, in a process of its own: the parent, which starts the others, has one thread."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

SUFFIXES = (".graphql", ".graphqls", ".gql", ".toml", ".py", ".pem")
DEBOUNCE_MS = 150
"""Files that are saved together are one change."""
LOOK_MS = 500
"""How often it looks whether there still is a parent."""


class OurFiles(DefaultFilter):
    """Which files a version is made of."""

    def __call__(self, change: Change, path: str) -> bool:
        """Whether a change of this file is one of the version."""
        return path.endswith(SUFFIXES) and super().__call__(change, path)


def watch_files(
    folders: Sequence[Path], channel: Connection, not_ours: Sequence[Connection]
) -> None:
    """Send an empty list when it watches, then the paths of each change: what the process runs.

    Args:
        folders: To be watched.
        channel: To the parent; its end is the end.
        not_ours: The parent's own ends, which a fork has copied.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for connection in not_ours:
        connection.close()
    is_first = True
    changes = watch(
        *folders,
        watch_filter=OurFiles(),
        debounce=DEBOUNCE_MS,
        step=50,
        yield_on_timeout=True,
        rust_timeout=LOOK_MS,
        ignore_permission_denied=True,
    )
    try:
        for found in changes:
            if is_first or found:
                channel.send(sorted({path for _, path in found}))
                is_first = False
            if channel.poll():  # nothing is sent: it is the end
                return
    except (BrokenPipeError, EOFError):
        return
