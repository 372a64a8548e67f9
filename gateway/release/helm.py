"""Helm: the port that a release works through, and the `helm` binary behind it.

The binary where it is on PATH (it has the operator's plugins and login), the SDK of `helm_sdk`
otherwise. Nothing here decides whether something may be done.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from gateway.release.manifests import parse_manifest
from gateway.release.model import RELEASE, ChartError, DeployedRelease, Object, ReleaseError, Target

HISTORY_KEPT = 20
# `- at '/domain': 'a b' does not match pattern …`; Helm escapes line breaks within the value.
_GIVEN = re.compile(r"(?m)^(.*?at '[^']*': )'.*' (?=does not match|is not valid)")


class Helm(Protocol):
    """What a release needs of Helm, for one target at a time."""

    def render(self, chart: Path, target: Target, values: Mapping[str, Any]) -> tuple[Object, ...]:
        """Render offline, values checked by the chart's schema. Errors: ChartError."""
        ...

    def running(self, target: Target, revision: int | None = None) -> DeployedRelease | None:
        """The newest revision, whatever its status, or the one given; None where there is none."""
        ...

    def elsewhere(self, target: Target) -> tuple[str, ...]:
        """Namespaces of this cluster with a release of our name, previews left out."""
        ...

    def history(self, target: Target) -> list[dict[str, Any]]:
        """Revisions, oldest first: revision, status, updated, description."""
        ...

    def apply(self, chart: Path, target: Target, values: Mapping[str, Any], note: str) -> int:
        """Install or upgrade without waiting; the new revision."""
        ...

    def rollback(self, target: Target, revision: int) -> None:
        """Make a new revision out of an old one."""
        ...

    def uninstall(self, target: Target) -> None:
        """Delete the release with all that it made."""
        ...


class HelmCli:
    """The `helm` binary, version 3.15 or later: older ones render for a Kubernetes that the chart refuses."""

    def __init__(self, binary: str) -> None:
        self._binary = binary

    def __repr__(self) -> str:
        return f"HelmCli({self._binary!r})"

    def render(self, chart: Path, target: Target, values: Mapping[str, Any]) -> tuple[Object, ...]:
        try:
            text = self._run(
                "template", RELEASE, str(chart), "--namespace", target.namespace, "--values", "-",
                stdin=json.dumps(values),
            )  # fmt: skip
        except ReleaseError as exc:
            raise ChartError(without_values(str(exc))) from None
        return parse_manifest(text)

    def running(self, target: Target, revision: int | None = None) -> DeployedRelease | None:
        revisions = [item["revision"] for item in self.history(target)]
        if not revisions or (revision is not None and revision not in revisions):
            return None
        wanted = str(revision or revisions[-1])
        found = json.loads(
            self._at(target, "status", RELEASE, "--revision", wanted, "--output", "json")
        )
        return DeployedRelease(
            revision=found["version"],
            status=found["info"]["status"],
            objects=parse_manifest(found["manifest"], is_stored=True),
            values=found.get("config") or {},
        )

    def elsewhere(self, target: Target) -> tuple[str, ...]:
        found = json.loads(
            self._at(
                target,
                "list",
                "--all-namespaces",
                "--filter",
                f"^{RELEASE}$",
                "--output",
                "json",
            )
        )
        return other_namespaces(target, (item["namespace"] for item in found))

    def history(self, target: Target) -> list[dict[str, Any]]:
        try:
            text = self._at(
                target, "history", RELEASE, "--max", str(HISTORY_KEPT), "--output", "json"
            )
        except ReleaseError as exc:
            if "not found" in str(exc):
                return []
            raise
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def apply(self, chart: Path, target: Target, values: Mapping[str, Any], note: str) -> int:
        text = self._at(
            target, "upgrade", RELEASE, str(chart), "--install", "--create-namespace", "--values", "-",
            "--history-max", str(HISTORY_KEPT), "--description", note, "--output", "json",
            stdin=json.dumps(values),
        )  # fmt: skip
        return int(json.loads(text)["version"])

    def rollback(self, target: Target, revision: int) -> None:
        self._at(target, "rollback", RELEASE, str(revision))

    def uninstall(self, target: Target) -> None:
        self._at(target, "uninstall", RELEASE)

    def _at(self, target: Target, *args: str, stdin: str = "") -> str:
        return self._run(
            *args, "--kube-context", target.context, "--namespace", target.namespace, stdin=stdin
        )

    def _run(self, *args: str, stdin: str = "") -> str:
        done = subprocess.run(  # noqa: S603 -- no shell, and the names were checked
            [self._binary, *args], input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ReleaseError(f"helm {args[0]}: {done.stderr.strip() or done.returncode}")
        return done.stdout


def without_values(text: str) -> str:
    """What Helm says of values that the chart's schema refuses, without repeating them: they may be secrets."""
    return _GIVEN.sub(r"\1", text)


def other_namespaces(target: Target, found: Any) -> tuple[str, ...]:
    """Namespaces of a cluster's releases that are neither the target's nor a preview's."""
    return tuple(
        sorted(
            name
            for name in set(found)
            if name != target.namespace
            and not name.startswith("gateway-pr-")
            and not target.preview
        )
    )


def find_helm() -> Helm:
    """The binary on PATH, or the SDK. Errors: ReleaseError when there is neither."""
    binary = shutil.which("helm")
    if binary:
        return HelmCli(binary)
    try:
        from gateway.release.helm_sdk import HelmSdk
    except ImportError as exc:
        raise ReleaseError(
            "neither the helm binary nor helm-python-sdk is here: install one of them"
        ) from exc
    return HelmSdk(os.environ.get("KUBECONFIG"))
