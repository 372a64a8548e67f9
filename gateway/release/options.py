"""Options as they are typed, to what they mean: targets, shares, previews, images. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.release.guards import check_names
from gateway.release.model import Refusal, ReleaseError, Target
from gateway.release.values import Targets


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
    image_digest: str | None
    delete: Sequence[str]
    first_install: bool
    canary: str | None


class Refused(Exception):  # noqa: N818 -- an outcome, not an error
    """Carries refusals that were not shown yet out of a command."""

    def __init__(self, refusals: Sequence[Refusal] = ()) -> None:
        super().__init__("; ".join(map(str, refusals)))
        self.refusals = refusals


def resolve(
    known: Targets, env: Sequence[str], regions: Sequence[str], then: Sequence[str]
) -> list[Target]:
    """The targets that the options name. Errors: Refused unless one environment and regions one by one."""
    found = [*check_names("environment", env, known.environments)]
    if len(env) > 1:
        found.append(
            Refusal(
                "EnvironmentMany",
                f"{len(env)} environments at once: {', '.join(env)}",
                "changed them together",
            )
        )
    if not found:
        places = known.regions(env[0])
        found += check_names("region", [*regions, *then] if regions else [], places)
    if len(regions) > 1:
        found.append(
            Refusal(
                "RegionMany",
                f"{len(regions)} regions at once: {', '.join(regions)}; write --region {regions[0]} --then {regions[1]}",
                "changed all of them before the first could be seen to fail",
            )
        )
    if not found:
        found += _in_order([*regions, *then], known.regions(env[0]))
    if found:
        raise Refused(found)
    return [known.targets[env[0], name] for name in (*regions, *then)]


def _in_order(given: Sequence[str], order: Sequence[str]) -> list[Refusal]:
    """Regions of one release follow `order` of targets.yaml; one may be left out."""
    wanted = [name for name in order if name in given]
    if list(given) == wanted:
        return []
    return [
        Refusal(
            "RegionOrder",
            f"{', '.join(given)} is not the order of targets.yaml, which has the region with the least traffic first; "
            f"write --region {wanted[0]} --then {' --then '.join(wanted[1:])}",
            "shown what is wrong with it to the most clients first",
        )
    ]


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


def parse_image(tag: str | None, digest: str | None) -> list[str]:
    """The --set that --image-tag and --image-digest are short for; a tag alone is no digest of the values' files.

    Errors: ReleaseError when one is empty, or the digest is none.
    """
    sets = []
    if tag is not None:
        if not tag.strip():
            raise ReleaseError("--image-tag is empty: which image?")
        sets += [f"image.tag={json.dumps(tag)}", 'image.digest=""']
    if digest is not None:
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise ReleaseError(f"--image-digest {digest!r}: write sha256: and 64 hex digits")
        sets.append(f"image.digest={digest}")
    return sets
