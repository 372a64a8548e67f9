"""Packages that only some settings need: whether they are installed, and by which extra they would be."""

from __future__ import annotations

from importlib.util import find_spec

from gateway.errors import ConfigError


def check_installed(module: str, *, extra: str, needed_by: str, key: str) -> None:
    """Errors: ConfigError where a module is not there, naming the extra that brings it.

    Args:
        module: By its import name.
        extra: Of this package.
        needed_by: What asks for it, as the error says it.
        key: Of the setting.
    """
    if not _is_installed(module):
        raise ConfigError(
            f"{needed_by} needs {module}, which is not installed",
            key=key,
            hint=f"pip install 'compiled-graphql-gateway[{extra}]'",
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
