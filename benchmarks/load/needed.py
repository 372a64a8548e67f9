"""What a benchmark needs beside its own packages: programs, and extras of the gateway. Said before it measures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from importlib.util import find_spec

NGINX = "/usr/sbin/nginx"
"""Where it is for whoever is not root, whose path does not lead there."""
INSTALLS = "sh scripts/system-packages.sh nginx redis valgrind wrk"


def check_needed(*programs: str, extras: Collection[str] = ()) -> None:
    """Go on where everything is there.

    Args:
        programs: By their names.
        extras: Of the gateway's package; each brings a module of its name.

    Errors: SystemExit with all that is missing, and how it is installed.
    """
    told = []
    if missing := [name for name in programs if not _is_program(name)]:
        told.append(f"missing: {', '.join(missing)} ({INSTALLS})")
    if absent := [name for name in extras if find_spec(name) is None]:
        how = f"pip install 'compiled-graphql-gateway[{','.join(absent)}]'"
        told.append(f"not installed: {', '.join(absent)} ({how})")
    if told:
        raise SystemExit("\n".join(told))


def _is_program(name: str) -> bool:
    return shutil.which(name) is not None or (name == "nginx" and os.path.exists(NGINX))
