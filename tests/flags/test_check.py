"""What `gateway check` says of flags that could not be decided as they are asked."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.app.flags import load_provider, make_flags
from gateway.errors import ConfigError
from gateway.flags.names import flag_of_label
from tests.flags.scenes import DEFAULTS, FLAGS, ON_OFF, SDL, flag, write_flags


def found_in(
    folder: Path, sdl: str = SDL, flags: Any = FLAGS, settings: Any = None, labels: Any = None
) -> list[str]:
    """Code and message of each finding."""
    (folder / "schema.graphql").write_text(sdl)
    own: dict[str, Any] = {"defaults": DEFAULTS}
    if flags is not None:
        own["file"] = write_flags(folder, flags).name
    config = build_config(
        {
            "graph": {"schema": ["schema.graphql"]},
            "flags": {**own, **(settings or {})},
            "override": {"labels": labels or {}},
        }
    )
    graph = build_graph(config, folder, {}, is_served=True)
    return [f"{item.code}: {item.message}" for item in graph.findings]


def test_what_is_right_is_not_said(tmp_path: Path) -> None:
    assert found_in(tmp_path) == []
    assert found_in(tmp_path, labels={"flag:new-stats": True}) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            {"settings": {"defaults": {"note": ""}}},
            "FlagTypeUnknown: `$flags.ranking` has no default, by which it has a type",
        ),
        (
            {"sdl": SDL.replace("$flags.ranking", "$flags->get('ranking')")},
            "FlagUnnamed: `$flags` is read by a flag's name",
        ),
        (
            {"sdl": SDL.replace("flag:new-stats", "flag:")},
            "OverrideLabelInvalid: `flag:` names no flag: flag:NAME, or flag:NAME:VARIANT",
        ),
        (
            {"sdl": SDL.replace("flag:new-stats", "flag:ranking")},
            "FlagTypeUnknown: the label `flag:ranking` is on or off, and the flag `ranking` is neither",
        ),
        (
            {"sdl": SDL.replace("flag:new-stats", "flag:new-stats:on")},
            "FlagTypeUnknown: the type of the flag `new-stats` is not known",
        ),
        (
            {"sdl": SDL.replace("flag:new-stats", "flag:ranking:sore")},
            "FlagVariantUnknown: the flag `ranking` has no variant `sore`",
        ),
        (
            {"flags": {n: f for n, f in FLAGS.items() if n != "ranking"}},
            "FlagUnknown: the file of flags has no `ranking`, which has its default",
        ),
        (
            {"flags": {**FLAGS, "ranking": flag({"date": 1}, "date")}},
            "FlagTypeMismatch: the variant `date` of the flag `ranking` is not of the type of its default",
        ),
        (
            {"flags": None},
            "FlagsUndecided: nothing decides flags, so these have their defaults: new-stats, note, ranking",
        ),
    ],
)
def test_what_could_not_be_decided_is_found(tmp_path: Path, change: Any, finding: str) -> None:
    assert finding in found_in(tmp_path, **change)


def test_a_file_of_no_use_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Incorrect 'variants'"):
        found_in(tmp_path, flags={**FLAGS, "broken": flag({}, "on")})


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("percent(20)", None),
        ("stats", None),
        ("flag:stats", ("stats", "")),
        ("flag:stats/new:on", ("stats/new", "on")),
    ],
)
def test_a_label_of_a_flag_is_told_by_its_prefix(text: str, meant: Any) -> None:
    assert flag_of_label(text) == meant


@pytest.mark.parametrize("text", ["flag:", "flag::on", "flag:a:", "flag:a:b:c"])
def test_a_label_that_names_no_flag_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no flag"):
        flag_of_label(text)


PROVIDER = """
from openfeature.provider.in_memory_provider import InMemoryProvider
ready = InMemoryProvider({})
def make():
    return InMemoryProvider({})
def broken():
    raise KeyError("no address")
nothing = object
"""


def test_a_provider_of_the_user_is_an_object_or_made_by_a_call(tmp_path: Path) -> None:
    (tmp_path / "own_flags_of_test.py").write_text(PROVIDER)
    for name in ("ready", "make"):
        provider = load_provider(f"own_flags_of_test:{name}", tmp_path)
        assert provider.get_metadata().name == "In-Memory Provider"
    for name, why in (
        ("missing", "has no missing"),
        ("broken", "KeyError"),
        ("nothing", "makes no provider"),
    ):
        with pytest.raises(ConfigError, match=why):
            load_provider(f"own_flags_of_test:{name}", tmp_path)


def test_without_the_packages_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_flags(tmp_path, {"new": flag(ON_OFF, "on")})
    config = build_config({"flags": {"file": "flags.json"}})
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "gateway.settings.extras.find_spec",
        lambda name: None if name.startswith("openfeature") else find(name),
    )
    with pytest.raises(ConfigError, match="which is not installed") as told:
        make_flags(config, tmp_path)
    assert told.value.hint == "pip install 'compiled-graphql-gateway[flags]'"
