"""Rendered objects: parse them, name them, compare them, and read the facts that guards need.

Pure functions over plain dicts. They never ask a cluster.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from gateway.release.model import RELEASE, Change, ChartError, Object
from gateway.release.yaml_text import NotYamlError, parse_documents

# What the chart runs before an upgrade and as its test: all that may be a hook of Helm's.
HOOKS = re.compile(
    rf"(Job|NetworkPolicy)/{RELEASE}-reach|ConfigMap/{RELEASE}-reach-(config|schema|resolvers)|Pod/{RELEASE}-smoke"
)
POD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod")


def parse_manifest(text: str, *, is_stored: bool = False) -> tuple[Object, ...]:
    """The objects of a rendered chart, in its order, without its hooks: tests, and what runs before an upgrade.

    Args:
        text: YAML documents.
        is_stored: It was released before: what is refused today is no reason not to read it.

    Errors: ChartError when a document is not an object with kind and name, or stands there twice, or a key does.
    """
    try:
        found = yaml.safe_load_all(text) if is_stored else parse_documents(text)
        documents = [item for item in found if item is not None]
    except NotYamlError as exc:
        raise ChartError(f"the chart renders what is not YAML: {exc}") from None
    except yaml.YAMLError:
        raise ChartError("the stored manifest is not YAML") from None
    objects: dict[str, Object] = {}
    for item in documents:
        if not isinstance(item, dict) or "kind" not in item or not _name(item):
            raise ChartError("the chart renders something that is no object")
        if _is_hook(item, is_stored=is_stored):
            continue
        if key(item) in objects:
            raise ChartError(f"the chart renders {key(item)} twice")
        objects[key(item)] = item
    return tuple(objects.values())


def _is_hook(item: Object, *, is_stored: bool) -> bool:
    """Whether Helm makes this beside the release, where no plan shows it and no rollback takes it away.

    Errors: ChartError when it is none of the chart's own hooks, or Helm is told to treat it in another way.
    """
    annotations = _metadata(item).get("annotations") or {}
    told = [name for name in map(str, annotations) if name.startswith("helm.sh/")]
    if told and not is_stored and not HOOKS.fullmatch(key(item)):
        raise ChartError(
            f"{key(item)} has the annotation {told[0]}: Helm would make or keep it beside the release, where no plan "
            "shows it and no rollback takes it away"
        )
    return "helm.sh/hook" in told


def _metadata(item: Object) -> dict[str, Any]:
    metadata = item.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _name(item: Object) -> str:
    return str(_metadata(item).get("name", ""))


def key(item: Object) -> str:
    """`Deployment/gateway`: unique within one namespace, which is all that a release has."""
    return f"{item['kind']}/{_name(item)}"


def namespace(item: Object) -> str | None:
    found = _metadata(item).get("namespace")
    return None if found is None else str(found)


def labels(item: Object) -> dict[str, str]:
    found = _metadata(item).get("labels")
    return found if isinstance(found, dict) else {}


def find_object(objects: Iterable[Object], kind: str, name: str) -> Object | None:
    return next((item for item in objects if key(item) == f"{kind}/{name}"), None)


def autoscaler_of(objects: Iterable[Object], deployment: str) -> Object | None:
    for item in objects:
        if item["kind"] == "HorizontalPodAutoscaler":
            ref = item["spec"]["scaleTargetRef"]
            if ref["kind"] == "Deployment" and ref["name"] == deployment:
                return item
    return None


def pod_specs(objects: Iterable[Object]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each pod spec with the key of the object that it stands in."""
    for item in objects:
        if item["kind"] not in POD_KINDS:
            continue
        spec = item["spec"] if item["kind"] == "Pod" else item["spec"]["template"]["spec"]
        yield key(item), spec


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


def images(objects: Iterable[Object]) -> tuple[str, ...]:
    """Every image that a pod of these objects would run, sorted."""
    return tuple(
        sorted({str(c["image"]) for _, spec in pod_specs(objects) for c in containers(spec)})
    )


def diff_objects(running: Iterable[Object], planned: Iterable[Object]) -> tuple[Change, ...]:
    """What applying `planned` over `running` creates, changes and deletes, in that order.

    A new ConfigMap's text is shown: it is the configuration that nobody has seen in this place.
    """
    before = {key(item): item for item in running}
    after = {key(item): item for item in planned}
    created = [
        Change("create", name, _diff({}, item) if item["kind"] == "ConfigMap" else ())
        for name, item in after.items()
        if name not in before
    ]
    deleted = [Change("delete", name) for name in before if name not in after]
    changed = [
        Change("change", name, _diff(before[name], item))
        for name, item in after.items()
        if name in before and before[name] != item
    ]
    return tuple(created + changed + deleted)


def _diff(before: Object, after: Object) -> tuple[str, ...]:
    old, new = (_lines(item) for item in (before, after))
    lines = list(difflib.unified_diff(old, new, lineterm="", n=1))
    return tuple(lines[2:])


class _Shown(yaml.SafeDumper):
    """Texts of several lines as they are, so that a diff of a file is one of its lines."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Shown.add_representer(str, _block)


def _lines(item: Object) -> list[str]:
    return yaml.dump(_shown(item), Dumper=_Shown, sort_keys=True).splitlines() if item else []


def _shown(item: Object) -> Object:
    """Secrets are compared, never shown."""
    if item["kind"] != "Secret":
        return item
    return {**item, "data": "(not shown)", "stringData": "(not shown)"}
