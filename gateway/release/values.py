"""The chart's values in their stated order, and targets.yaml.

Layers, the later wins: values.yaml (by Helm), environments/<environment>.yaml, regions/<region>.yaml,
-f files in their order, --set in theirs. This module reads files and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.release.gates import KEYS, asks_a_field, parse_gate
from gateway.release.model import ChartError, ReleaseError, Target
from gateway.release.places import check_apart, check_order, check_place, check_settings
from gateway.release.yaml_text import NotYamlError, parse_yaml

_KEY = re.compile(r"^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*$")


@dataclass(frozen=True, slots=True)
class Targets:
    """targets.yaml: the order of a rollout, every environment's regions, the registry of bare image names."""

    order: tuple[str, ...]
    targets: Mapping[tuple[str, str], Target]
    registry: str | None = None

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(environment for environment, _ in self.targets))

    def regions(self, environment: str) -> tuple[str, ...]:
        return tuple(name for name in self.order if (environment, name) in self.targets)


def find_chart(path: Path) -> Path:
    """The chart's folder. Errors: ReleaseError when there is none; the wheel carries no chart."""
    if not (path / "Chart.yaml").is_file():
        raise ReleaseError(
            f"there is no chart at {path}: run this where the gateway's helm/ stands, or give --chart PATH"
        )
    return path


def load_targets(chart: Path, file: Path | None = None) -> Targets:
    """Read targets.yaml beside the chart, or `file`. Errors: ReleaseError naming the key."""
    path = file or chart / "targets.yaml"
    tables = _read_yaml(path)
    unknown = set(tables) - {"order", "gate", "environments", "registry", "registries"}
    if unknown:
        raise ReleaseError(f"{path}: unknown key {', '.join(sorted(unknown))}")
    _check_tables(path, tables)
    try:
        order = tuple(str(name) for name in tables["order"])
        own = tables.get("registry")
        registries = (*([own] if own else []), *_names(path, tables, "registries"))
        of_image = _image_config(chart)
        found = {
            (environment, region): replace(
                _target(path, environment, region, place, settings, registries),
                registry=own or None,
                image_config=of_image if environment == "production" else "",
            )
            for environment, settings in tables["environments"].items()
            for region, place in settings["regions"].items()
        }
    except (KeyError, TypeError, AttributeError) as exc:
        raise ReleaseError(f"{path}: not as it should be: {exc!r}") from exc
    for _, region in found:
        if region not in order:
            raise ReleaseError(f"{path}: region {region!r} is missing in `order`")
    check_order(path, order)
    check_apart(path, found.values())
    return Targets(order, found, tables.get("registry"))


def _check_tables(path: Path, tables: Mapping[str, Any]) -> None:
    """Errors: ReleaseError naming a table that is missing, or is something else."""
    if not isinstance(tables.get("order"), list):
        raise ReleaseError(f"{path}: order is a list of regions")
    environments = tables.get("environments")
    if not isinstance(environments, dict):
        raise ReleaseError(f"{path}: environments is a map")
    for name, settings in environments.items():
        regions = settings.get("regions") if isinstance(settings, dict) else None
        if not isinstance(regions, dict) or not all(isinstance(p, dict) for p in regions.values()):
            raise ReleaseError(f"{path}: environments.{name}.regions is a map of regions")


def _target(
    path: Path,
    environment: str,
    region: str,
    place: Mapping[str, Any],
    settings: Mapping[str, Any],
    registries: tuple[str, ...],
) -> Target:
    where = f"{path}: {environment}/{region}"
    gate = settings.get("gate") or {}
    unknown = set(place) - {"context", "prometheus", "smoke"}
    unknown |= set(gate) - KEYS
    unknown |= set(settings) - {
        "regions",
        "gate",
        "checkImages",
        "hosts",
        "sourceHosts",
        "registries",
        "annotations",
        "listeners",
        "namespaces",
        "proxies",
    }
    if unknown:
        raise ReleaseError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    check_place(where, place)
    check_settings(where, environment, settings)
    check_images = bool(settings.get("checkImages", True))
    found_gate = parse_gate(gate, where)
    if environment == "production":
        for name in ("prometheus", "smoke"):
            if not place.get(name):
                raise ReleaseError(
                    f"{where}: production needs {name}: without it nothing is known of a release"
                )
        if not any(map(asks_a_field, found_gate.smoke_queries)):
            raise ReleaseError(
                f"{where}: gate.smokeQueries has no query that asks for a field: {{ __typename }} is answered by the "
                "engine alone, whatever is wrong; `gateway release smoke --suggest` finds one for each source"
            )
    if environment != "dev" and not check_images:
        raise ReleaseError(f"{where}: checkImages can be off in dev only")
    allowed = _names(path, settings, "registries") or registries
    if environment == "production" and not allowed:
        raise ReleaseError(f"{where}: production needs registries: where its images may come from")
    return Target(
        environment=environment,
        region=region,
        gate=found_gate,
        check_images=check_images,
        hosts=_names(path, settings, "hosts"),
        registries=allowed if check_images else (),
        source_hosts=_names(path, settings, "sourceHosts"),
        annotations=_names(path, settings, "annotations"),
        listeners=_names(path, settings, "listeners"),
        namespaces=_names(path, settings, "namespaces"),
        proxies=_names(path, settings, "proxies"),
        **place,
    )


def _image_config(chart: Path) -> str:
    """The gateway.toml that the Dockerfile beside the chart puts in the image; "" where there is none."""
    file = chart.resolve().parent / "gateway.toml"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _names(path: Path, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of names. Errors: ReleaseError when it is something else."""
    found = table.get(key) or []
    if not isinstance(found, list) or not all(_is_text(item) for item in found):
        raise ReleaseError(f"{path}: {key} is a list of names")
    return tuple(found)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        found = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ReleaseError(f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ReleaseError(f"{path} is not UTF-8") from None
    except NotYamlError as exc:
        raise ReleaseError(f"{path} is not YAML: {exc}") from None
    if not isinstance(found, dict):
        raise ReleaseError(f"{path} holds no map")
    return found


def layer_values(
    chart: Path, target: Target, files: Iterable[Path] = (), sets: Sequence[str] = ()
) -> dict[str, Any]:
    """The values over the chart's defaults, for one target.

    Errors: ReleaseError when a layer is missing or a --set cannot be read; ChartError when what came
        out is for another environment, region or preview than the target.
    """
    layers = [chart / "environments" / f"{target.environment}.yaml"]
    layers += [chart / "regions" / f"{target.region}.yaml", *files]
    values: dict[str, Any] = {}
    for layer in layers:
        values = merge(values, _read_yaml(layer))
    for text in sets:
        values = merge(values, parse_set(text))
    if target.preview:
        values = merge(values, {"preview": target.preview})
    for name, wanted in (
        ("environment", target.environment),
        ("region", target.region),
        ("preview", target.preview),
    ):
        if values.get(name, "") != wanted:
            raise ChartError(
                f"the values say {name} {values.get(name, '')!r}, the target is {wanted!r}"
            )
    return values


def chart_defaults(chart: Path) -> tuple[dict[str, Any], str]:
    """The chart's own values, and the version that it means where no image's tag is given."""
    version = _read_yaml(chart / "Chart.yaml").get("appVersion", "")
    return _read_yaml(chart / "values.yaml"), str(version)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Maps key by key; everything else, lists too, is replaced."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        merged[name] = (
            merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def parse_set(text: str) -> dict[str, Any]:
    """`a.b=c` as nested maps, the value as YAML: `1` is a number, `"1"` a string, `[a, b]` a list.

    Errors: ReleaseError, which never repeats the value. Unlike `helm --set` a comma does not begin another key, and a
        value that is empty is refused: an unset variable of a pipeline must not become a setting.
    """
    name, equals, value = text.partition("=")
    if not equals or not _KEY.match(name):
        shown = name if equals and len(name) < 60 else "…"
        raise ReleaseError(f"--set {shown!r}: write name.of.key=value")
    if not value.strip():
        raise ReleaseError(
            f'--set {name}: the value is empty; write "" if an empty string is meant'
        )
    try:
        found: Any = parse_yaml(value)
    except NotYamlError as exc:
        raise ReleaseError(f"--set {name}: the value is not YAML: {exc}") from None
    for part in reversed(name.split(".")):
        found = {part: found}
    result: dict[str, Any] = found
    return result
