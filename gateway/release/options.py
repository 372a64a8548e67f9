"""Options as they are typed, to what they mean: shares, previews, image tags. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.release.model import ReleaseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where things are: the chart, targets.yaml where it is elsewhere, the audit log."""

    chart: Path
    targets: Path | None
    audit_log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What `plan` and `apply` are asked for, as it was typed.

    None is an option that was not given. An empty one was: by a variable of a pipeline that is not set.
    """

    env: Sequence[str]
    region: Sequence[str]
    then: Sequence[str]
    preview: str | None
    files: Sequence[Path]
    sets: Sequence[str]
    image_tag: str | None
    delete: Sequence[str]
    first_install: bool
    canary: str | None


def parse_percent(text: str | None) -> int | None:
    """`10%` → 10. Errors: ReleaseError outside 1 % to 50 %."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]?)%", text)
    if match is None or int(match[1]) > 50:
        raise ReleaseError(f"--canary {text!r}: write a share from 1% to 50%")
    return int(match[1])


def parse_preview(text: str | None) -> str:
    """ "" where none was asked for. Errors: ReleaseError unless it is the name of a preview."""
    if text is None:
        return ""
    if not re.fullmatch(r"pr-[1-9][0-9]{0,8}", text):
        raise ReleaseError(f"--preview {text!r}: write pr-123")
    return text


def parse_image_tag(text: str | None) -> list[str]:
    """The --set that it is short for. Errors: ReleaseError when it is empty."""
    if text is None:
        return []
    if not text.strip():
        raise ReleaseError("--image-tag is empty: which image?")
    return [f"image.tag={json.dumps(text)}"]
