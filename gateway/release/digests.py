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


def other_tags(registry: ImageRegistry, chart: Path, values: Mapping[str, Any]) -> dict[str, str]:
    """Images whose tag is another one than the digest beside it says → the tag's digest.

    The digest is what is released: the plan says that the tag is not. A tag that is not known says nothing.
    """
    defaults, _ = chart_defaults(chart)
    whole = merge(defaults, values)
    found: dict[str, str] = {}
    for path, owner in TABLES.items():
        table = _at(whole, path)
        if not (table.get("tag") and table.get("digest")):
            continue
        name = f"{_at(whole, owner).get('repository')}:{table['tag']}"
        try:
            digest = registry.digest_of(name)
        except ReleaseError:
            continue
        if digest != table["digest"]:
            found[name] = digest
    return found


def _at(values: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    found: Any = values
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
