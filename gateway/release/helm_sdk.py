"""Helm's SDK as a library, for machines without the binary. Importing this needs helm-python-sdk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helm_python import (
    Chart,
    Config,
    HelmError,
    HelmNotFoundError,
    HelmRenderError,
    HelmValuesError,
)

from gateway.release.helm import HISTORY_KEPT, other_namespaces, without_values
from gateway.release.manifests import parse_manifest
from gateway.release.model import RELEASE, ChartError, DeployedRelease, Object, ReleaseError, Target


class HelmSdk:
    """The SDK, with the kubeconfig that `kubectl` would use."""

    def __init__(self, kubeconfig: str | None = None) -> None:
        self._kubeconfig = kubeconfig

    def __repr__(self) -> str:
        return "HelmSdk()"

    def render(self, chart: Path, target: Target, values: Mapping[str, Any]) -> tuple[Object, ...]:
        try:
            with Chart.load(chart) as loaded:
                loaded.validate_schema(dict(values))
                files = loaded.render(dict(values), name=RELEASE, namespace=target.namespace)
        except (HelmValuesError, HelmRenderError) as exc:
            raise ChartError(without_values(f"helm template: {exc.detail}")) from None
        except HelmError as exc:
            raise ReleaseError(f"helm template: {exc.detail}") from exc
        texts = [text for name, text in sorted(files.items()) if name.endswith((".yaml", ".yml"))]
        return parse_manifest("\n---\n".join(texts))

    def running(self, target: Target, revision: int | None = None) -> DeployedRelease | None:
        try:
            with self._config(target) as config:
                found = config.status(RELEASE, revision=revision)
                values = config.get_values(RELEASE, revision=revision)
        except HelmNotFoundError:
            return None
        except HelmError as exc:
            raise ReleaseError(f"helm status: {exc.detail}") from exc
        return DeployedRelease(
            found["revision"],
            found["status"],
            parse_manifest(found["manifest"], is_stored=True),
            values,
        )

    def elsewhere(self, target: Target) -> tuple[str, ...]:
        try:
            with self._config(target) as config:
                found = config.list(
                    all_states=True, all_namespaces=True, name_filter=f"^{RELEASE}$"
                )
        except HelmError as exc:
            raise ReleaseError(f"helm list: {exc.detail}") from exc
        return other_namespaces(target, (item["namespace"] for item in found))

    def history(self, target: Target) -> list[dict[str, Any]]:
        try:
            with self._config(target) as config:
                return [
                    {
                        "revision": item["revision"],
                        "status": item["status"],
                        "updated": item["deployed_at"],
                        "description": config.get_all(RELEASE, revision=item["revision"])[
                            "info"
                        ].get("description", ""),
                    }
                    for item in config.history(RELEASE, max_revisions=HISTORY_KEPT)
                ]
        except HelmNotFoundError:
            return []
        except HelmError as exc:
            raise ReleaseError(f"helm history: {exc.detail}") from exc

    def apply(self, chart: Path, target: Target, values: Mapping[str, Any], note: str) -> int:
        installed = bool(self.history(target))
        try:
            with self._config(target) as config:
                if installed:
                    found = config.upgrade(
                        chart, RELEASE, dict(values), description=note, max_history=HISTORY_KEPT
                    )
                else:
                    found = config.install(
                        chart, RELEASE, dict(values), description=note, create_namespace=True
                    )
        except HelmError as exc:
            raise ReleaseError(f"helm upgrade: {exc.detail}") from exc
        return int(found["revision"])

    def rollback(self, target: Target, revision: int) -> None:
        try:
            with self._config(target) as config:
                config.rollback(RELEASE, version=revision)
        except HelmError as exc:
            raise ReleaseError(f"helm rollback: {exc.detail}") from exc

    def uninstall(self, target: Target) -> None:
        try:
            with self._config(target) as config:
                config.uninstall(RELEASE)
        except HelmError as exc:
            raise ReleaseError(f"helm uninstall: {exc.detail}") from exc

    def _config(self, target: Target) -> Config:
        # The burst is the helm binary's own; the SDK's default makes an upgrade wait for itself.
        return Config(
            kubeconfig_path=self._kubeconfig,
            kube_context=target.context,
            namespace=target.namespace,
            burst_limit=100,
            qps=50,
        )
