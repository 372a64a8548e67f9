"""The schema and the Python that a release carries as files: what the gateway would say of them at its start.

The schema is built and its connectors are checked as `gateway check` does. The Python is parsed and not run: it comes
from whoever wrote the values. A schema that is in the image, or in a ConfigMap of others, is not seen here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.app.build import build_graph_of
from gateway.app.config import Config
from gateway.app.reload.inputs import digest_of_schema
from gateway.errors import ConfigError
from gateway.graph.sdl import SUFFIXES
from gateway.release.addresses import shown_url, url_problems
from gateway.release.configured import STAND_INS, PodSettings, pod_settings, variables_of
from gateway.release.manifests import find_object, pod_specs
from gateway.release.model import RELEASE, Object, Target
from gateway.release.reach import egress
from gateway.settings.text_file import decoded


def files_are_served(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """The gateway starts with these files."""
    for pod in pod_settings(objects, target.image_config):
        spec = dict(pod_specs(objects))[pod.name]
        mounted = dict(_mounted(objects, spec, pod.container))
        texts = _chosen(mounted.get("/app/schema", {}), pod)
        if texts:
            for problem in _problems(texts, pod, target, egress(objects)):
                yield f"{pod.name}: {problem}"
        for file, text in mounted.get("/app/resolvers", {}).items():
            if file.endswith(".py"):
                yield from (
                    f"{pod.name}: the gateway would not start: {p}" for p in _syntax(file, text)
                )


def schema_digest(objects: Sequence[Object], target: Target) -> str | None:
    """The digest of the schema that pods say they serve; None where a part of it is not in this release's files."""
    deployment = f"Deployment/{RELEASE}"
    for pod in pod_settings(objects, target.image_config):
        if pod.name != deployment or pod.config is None:
            continue
        spec = dict(pod_specs(objects))[pod.name]
        files = dict(_mounted(objects, spec, pod.container)).get("/app/schema", {})
        chosen = _chosen(files, pod)
        named = [path.strip("./").removeprefix("app/") for path in pod.config.graph.schema]
        if chosen and all(path == "schema" or path in chosen for path in named):
            return digest_of_schema(
                {name: decoded(text.encode(), "schema file") for name, text in chosen.items()}
            )
    return None


def reloaded_schema(
    before: Sequence[Object], after: Sequence[Object], target: Target
) -> str | None:
    """The digest of the schema that pods are to reload; None where they are new, keep theirs, or it is not known."""
    pods = [find_object(objects, "Deployment", RELEASE) for objects in (before, after)]
    templates = [pod["spec"]["template"] for pod in pods if pod is not None]
    if len(templates) < 2 or templates[0] != templates[1]:
        return None
    wanted = schema_digest(after, target)
    return wanted if wanted != schema_digest(before, target) else None


def _mounted(
    objects: Sequence[Object], spec: Mapping[str, Any], container: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Folders of a container that a ConfigMap of this release fills, with their files."""
    volumes = {
        item["name"]: item.get("configMap", {}).get("name") for item in spec.get("volumes", [])
    }
    for mount in container.get("volumeMounts", []):
        found = find_object(objects, "ConfigMap", str(volumes.get(mount["name"])))
        if found is not None and "subPath" not in mount:
            yield str(mount["mountPath"]), found.get("data") or {}


def _chosen(files: Mapping[str, str], pod: PodSettings) -> dict[str, str]:
    """The schema files that the configuration names, by their paths."""
    named = (pod.config or Config()).graph.schema
    return {
        f"schema/{file}": text
        for file, text in sorted(files.items())
        if file.endswith(SUFFIXES)
        and any(
            path.strip("./") in ("schema", "app/schema", f"schema/{file}", f"app/schema/{file}")
            for path in named
        )
    }


def _problems(
    texts: Mapping[str, str], pod: PodSettings, target: Target, rules: set[Any]
) -> Iterator[str]:
    given, referred = variables_of(pod.container)
    env = {**given, **dict.fromkeys(referred, STAND_INS[0])}
    try:
        graph = build_graph_of(texts, _about_schema(pod.config), Path("/nowhere"), env)
    except ConfigError as exc:
        for error in (exc, *exc.others):
            yield f"the gateway would not start: {error.render()}"
        return
    for finding in graph.errors:
        yield f"the gateway would not start: {finding.render()}"
    own = pod.config.sources if pod.config else {}
    for name, url in (graph.bound.base_urls if graph.bound else {}).items():
        if name in own and own[name].url:
            continue  # judged as the configuration's
        for problem in url_problems(url, ("http", "https"), target, target.source_hosts, rules):
            yield f"@source {name} {shown_url(url)} {problem}"


def _about_schema(config: Config | None) -> Config:
    """What of a configuration is about the schema: no Python, and no file that is in the image."""
    if config is None:
        return Config()
    sources = {
        name: replace(table, tls_ca_file=None, tls_client_cert=None, tls_client_key=None)
        for name, table in config.sources.items()
    }
    return Config(
        sources=sources,
        connectors=config.connectors,
        headers=config.headers,
        incremental=config.incremental,
    )


def _syntax(file: str, text: str) -> Iterator[str]:
    try:
        ast.parse(text)
    except SyntaxError as exc:
        yield f"resolvers/{file}:{exc.lineno}: {exc.msg}"
    except (ValueError, RecursionError, MemoryError):
        yield f"resolvers/{file}: this is no Python"
