"""The end of previews: which have had their time, and how one is taken away.

It must touch nothing but previews.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.release.cluster import Preview
from gateway.release.model import ReleaseError, Target
from gateway.release.tools import Tools


def expired(previews: Iterable[Preview], now_s: float) -> list[Preview]:
    """The previews whose time to live is over."""
    return [
        preview
        for preview in previews
        if now_s >= preview.created.timestamp() + preview.ttl_hours * 3600
    ]


def delete_preview(tools: Tools, target: Target) -> None:
    """Uninstall a preview and delete its namespace. Errors: ReleaseError; nothing else can be named here."""
    if not target.preview:
        raise ReleaseError(f"{target} is not a preview")
    tools.audit.write("cleanup", target, "started", namespace=target.namespace)
    if tools.helm.running(target) is not None:
        tools.helm.uninstall(target)
    tools.cluster.delete_namespace(target)
    tools.note("cleanup", target, "deleted", namespace=target.namespace)
    tools.say(f"{target}: deleted with its namespace {target.namespace}")
