"""Plugins: packages with an entry point, on the import path of this process; what is wrong with one names it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import ConfigError, create_app
from gateway.testing import GatewayClient
from tests.hooks.project import gateway, write

SCHEMA = """
directive @upper on FIELD_DEFINITION
type Query { hello: String @upper limit: Int }
"""
PLUGIN = '''
from dataclasses import dataclass, field

from gateway import on_response, resolver, schema_directive


@dataclass(frozen=True)
class Inner:
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """`[plugins.counting]`."""

    limit: int = 3
    inner: Inner = field(default_factory=Inner)


@schema_directive("upper", vary=())
class Upper:
    def result(self, value, context):
        return value.upper()


@resolver("Query.limit", vary=())
def limit(parent, context):
    return context.state["counting"].limit


@on_response(vary=())
def names(response, request):
    response.extensions["names"] = list(request.state["counting"].inner.names)
'''
OWN = """
from gateway import resolver


@resolver("Query.hello", vary=())
def hello(parent, context):
    return "hello"
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package with an entry point on the import path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def installed(text: str = PLUGIN, module: str = "counting_plugin", attribute: str = "") -> None:
        sys.modules.pop(module, None)
        (site / f"{module}.py").write_text(text)
        info = site / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(
            f"[gateway.plugins]\ncounting = {module}{attribute}\n"
        )

    return installed


def project(folder: Path, more: str) -> Path:
    return write(folder, "plugin_host", OWN, SCHEMA, more)


async def test_a_plugin_brings_hooks_directives_and_resolvers(
    install: Install, tmp_path: Path
) -> None:
    install()
    more = '\n[plugins.counting]\nlimit = 7\n[plugins.counting.inner]\nnames = "one"\n'
    async with GatewayClient(project(tmp_path, more)) as client:
        result = await client.execute("{ hello limit }")
    assert result.data == {"hello": "HELLO", "limit": 7}
    assert result.extensions == {"names": ["one"]}


def test_check_lists_the_plugins(install: Install, tmp_path: Path) -> None:
    install()
    project(tmp_path, "\n[plugins.counting]\n")
    done = gateway("check", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    line = "note: the plugin counting of counting_plugin 1.2 brings on_response, resolver, schema_directive"
    assert line in done.stdout


def test_what_is_installed_and_not_named_is_not_loaded(install: Install, tmp_path: Path) -> None:
    install("raise RuntimeError('imported')")
    schema = "type Query { hello: String }"
    create_app(write(tmp_path, "plugin_host", OWN, schema))
    assert "counting_plugin" not in sys.modules


def test_two_packages_with_one_plugin_are_an_error(install: Install, tmp_path: Path) -> None:
    install()
    install(module="another_plugin")
    project(tmp_path, "\n[plugins.counting]\n")
    done = gateway("check", folder=tmp_path)
    assert done.exit_code == 2
    assert "another_plugin 1.2 and counting_plugin 1.2 both have a plugin 'counting'" in done.stderr


def test_an_entry_point_of_a_member_is_an_error(install: Install, tmp_path: Path) -> None:
    install(attribute=":names")
    project(tmp_path, "\n[plugins.counting]\n")
    assert (
        "'counting_plugin:names', and a module is meant" in gateway("check", folder=tmp_path).stderr
    )


def test_what_settings_raise_names_the_plugin(install: Install, tmp_path: Path) -> None:
    raising = "    def __post_init__(self):\n        raise ValueError('limit is below 0')\n\n\n@schema_directive"
    install(PLUGIN.replace("\n@schema_directive", raising, 1))
    with pytest.raises(ConfigError) as caught:
        create_app(project(tmp_path, "\n[plugins.counting]\n"))
    assert caught.value.key == "plugins.counting"


WRONG = {
    "a misspelled name": ("[plugins.countin]\n", PLUGIN, "plugins.countin", "did you mean `counting`?", 16),
    "an unknown key": ("[plugins.counting]\nlimits = 1\n", PLUGIN, "plugins.counting.limits", "did you mean `limit`?", 17),
    "a wrong value": ("[plugins.counting]\nlimit = 'many'\n", PLUGIN, "plugins.counting.limit", "should be a whole number", 17),
    "a wrong item": ("[plugins.counting.inner]\nnames = [1]\n", PLUGIN, "plugins.counting.inner.names.0", "should be a text", 17),
    "no settings": ("[plugins.counting]\nlimit = 1\n", "", "plugins.counting.limit", "the plugin has no settings", 17),
    "an import that fails": ("[plugins.counting]\n", "import nothing_of_this_name", "plugins.counting", "the plugin counting cannot be imported: ModuleNotFoundError", 1),
    "settings of another kind": ("[plugins.counting]\n", "Settings = 1", "plugins.counting", "counting_plugin.Settings is no dataclass", 16),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_names_the_plugin_and_the_place(
    name: str, install: Install, tmp_path: Path
) -> None:
    more, plugin, key, problem, line = WRONG[name]
    install(plugin)
    config = project(tmp_path, f"\n{more}")
    with pytest.raises(ConfigError) as caught:
        create_app(config)
    assert caught.value.key == key
    assert problem in caught.value.render()
    done = gateway("check", folder=tmp_path)
    assert done.exit_code == 2
    assert f":{line}: " in done.stderr, done.stderr


def test_a_value_of_the_environment_is_not_shown(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    monkeypatch.setenv("THE_LIMIT", "s3cret-text")
    config = project(tmp_path, '\n[plugins.counting]\nlimit = "${THE_LIMIT}"\n')
    with pytest.raises(ConfigError) as caught:
        create_app(config)
    assert "s3cret" not in caught.value.render()


def test_a_finding_about_a_plugins_function_names_the_plugin(
    install: Install, tmp_path: Path
) -> None:
    install(PLUGIN.replace("Query.limit", "Query.limits"))
    project(tmp_path, "\n[plugins.counting]\n")
    done = gateway("check", folder=tmp_path)
    assert done.exit_code == 1
    assert "counting_plugin.py" in done.stdout
    assert "the plugin counting: @resolver" in done.stdout
