"""Names the images of a release by digest: what was looked up, verified and approved is what every pod runs.

A tag may be another image a moment later, and a pod that starts next month asks for it again. It reads the chart's
defaults and asks registries; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gateway.release.images import ImageRegistry
from gateway.release.model import ReleaseError
from gateway.release.values import chart_defaults, merge

# Tables of the values that name an image → the table that has its repository.
TABLES = {
    "image": "image",
    "canary.image": "image",
    "demo.image": "demo.image",
    "redis.image": "redis.image",
}


def by_digest(
    registry: ImageRegistry, chart: Path, values: Mapping[str, Any], names: Collection[str]
) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Values that name these images by digest, and the digest of each name.

    A name whose digest is not known stays: `guards.images_exist` and `guards.images_stay` say so.
    """
    defaults, version = chart_defaults(chart)
    whole = merge(defaults, values)
    found: dict[str, str] = {}
    for path, owner in TABLES.items():
        table = _at(whole, path)
        name = f"{_at(whole, owner).get('repository')}:{table.get('tag') or version}"
        if name not in names or table.get("digest"):
            continue
        try:
            found[name] = registry.digest_of(name)
        except ReleaseError:
            continue
        more: dict[str, Any] = {"digest": found[name]}
        for part in reversed(path.split(".")):
            more = {part: more}
        values = merge(values, more)
    return values, found


def _at(values: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    found: Any = values
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
