"""The configuration that each planned pod would read, by the gateway's own loader: every spelling is seen.

A container reads the gateway.toml that is mounted, and its variables over it. What a Secret holds is not known here:
something stands in its place, and the keys that it decides are listed. Pure: it reads no file and no environment.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.app.config import Config, parse_config
from gateway.errors import ConfigError
from gateway.release.manifests import find_object, pod_specs
from gateway.release.model import RELEASE, Object
from gateway.settings.environment import read_environment
from gateway.settings.text import Key

FILE = "gateway.toml"
# What may stand in a Secret has one of these forms; the first that the settings take is used.
STAND_INS = (
    "a-secret-that-nobody-sees-here-0123456789abcdef",
    "redis://a-secret-that-nobody-sees-here:6379",
    '{"a-secret": "that-nobody-sees-here"}',
)
HIDDEN_HOST = "a-secret-that-nobody-sees-here"
_REFERENCE = re.compile(r"\$\{(\w+)(?::-[^}]*)?\}")
# Kubernetes' own: `$(NAME)`, and `$$(NAME)` for the text itself.
_EXPANDED = re.compile(r"\$?\$\(([A-Za-z_][\w.-]*)\)")


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What one container of ours would read.

    Attributes:
        name: The object that it stands in.
        container: The container as it is rendered.
        written: The tables of its gateway.toml as they stand there.
        overrides: The tables that its variables set.
        config: What the gateway makes of both; None when it does not start.
        errors: Why it does not start.
        hidden: Keys that a Secret or another reference decides, with the variable's name.
    """

    name: str
    container: Mapping[str, Any]
    written: Mapping[str, Any]
    overrides: Mapping[str, Any]
    config: Config | None
    errors: tuple[ConfigError, ...]
    hidden: Mapping[Key, str]


def pod_settings(objects: Sequence[Object], of_image: str = "") -> Iterator[PodSettings]:
    """The configuration of each of our containers, of both tracks.

    Args:
        of_image: The gateway.toml that the image has, which a container reads where no other is mounted.
    """
    for name, spec in pod_specs(objects):
        for container in spec.get("containers", []):
            if container["name"] == RELEASE:
                yield _settings(name, container, _mounted(objects, spec, container, of_image))


def _mounted(
    objects: Sequence[Object],
    spec: Mapping[str, Any],
    container: Mapping[str, Any],
    of_image: str,
) -> str:
    """The text of the gateway.toml that a container sees."""
    volumes = {
        item["name"]: item.get("configMap", {}).get("name") for item in spec.get("volumes", [])
    }
    for mount in container.get("volumeMounts", []):
        if mount.get("subPath") == FILE:
            found = find_object(objects, "ConfigMap", str(volumes.get(mount["name"])))
            return str((found or {}).get("data", {}).get(FILE, ""))
    return of_image


def _settings(name: str, container: Mapping[str, Any], text: str) -> PodSettings:
    given, referred = variables_of(container)
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        written = {}  # the loader says what is wrong
    stands = dict.fromkeys(referred, 0)
    config: Config | None
    errors: list[ConfigError]
    while True:
        env = {**given, **{variable: STAND_INS[number] for variable, number in stands.items()}}
        hidden = _hidden(written, env, referred)
        try:
            config = parse_config(text, FILE, env)
            errors = []
        except ConfigError as exc:
            config = None
            errors = [exc, *exc.others]
        wrong = {item.key for item in errors}
        next_ones = {
            variable
            for at, variable in hidden.items()
            if stands[variable] + 1 < len(STAND_INS)
            and any(_is_within(at, str(place)) for place in wrong)
        }
        if not next_ones:
            break
        stands |= {variable: stands[variable] + 1 for variable in next_ones}
    overrides = read_environment(Config, written, given).tables
    return PodSettings(name, container, written, overrides, config, tuple(errors), hidden)


def _is_within(at: Key, place: str) -> bool:
    text = ".".join(at)
    return place == text or place.startswith(text + ".")


def variables_of(container: Mapping[str, Any]) -> tuple[dict[str, str], frozenset[str]]:
    """The variables of a container as Kubernetes sets them, and the names of those whose value stands elsewhere."""
    given: dict[str, str] = {}
    referred: set[str] = set()
    for item in container.get("env", []):
        name = str(item["name"])
        given.pop(name, None)
        referred.discard(name)
        if "valueFrom" in item:
            referred.add(name)
            continue
        text = str(item.get("value", ""))
        if any(
            found[1] in referred and not found[0].startswith("$$")
            for found in _EXPANDED.finditer(text)
        ):
            referred.add(name)
            continue
        given[name] = _EXPANDED.sub(lambda found: _expanded(found, given), text)
    return given, frozenset(referred)


def _expanded(found: re.Match[str], given: Mapping[str, str]) -> str:
    if found[0].startswith("$$"):
        return found[0][1:]
    return given.get(found[1], found[0])


def _hidden(
    written: Mapping[str, Any], env: Mapping[str, str], referred: frozenset[str]
) -> dict[Key, str]:
    # A whole table is a setting only where its text begins like one: whoever refers to a Secret may have such a text.
    names = read_environment(Config, written, {**env, **dict.fromkeys(referred, "{}")}).names
    found = {at: variable for at, variable in names.items() if variable in referred}
    for at, text in texts_of(written):
        for reference in _REFERENCE.finditer(text):
            if reference[1] in referred:
                found[at] = reference[1]
    return found


def texts_of(value: Any, at: Key = ()) -> Iterator[tuple[Key, str]]:
    """Every text in tables, with its key."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from texts_of(item, (*at, str(name)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from texts_of(item, (*at, str(number)))
