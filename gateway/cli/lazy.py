"""Commands whose modules are imported when they are called: help and completion of names import none of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class LazyCommand(NamedTuple):
    """Where a command is."""

    place: str  # "module:name" of a function, or of a Typer instance with commands of its own
    help: str  # its first sentence, as in the function's docstring or the instance's help


class LazyGroup(TyperGroup):
    """A group that knows the names of its commands, and loads the one that is called."""

    places: ClassVar[Mapping[str, LazyCommand]]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, command in self.places.items():
            self.add_command(TyperCommand(name, help=command.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is called, loaded."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub if name is None else loaded_command(name, self.places[name]), rest


def loaded_command(name: str, command: LazyCommand) -> Any:
    """Import a command. Returns what typer makes of it."""
    module, _, attribute = command.place.partition(":")
    found = getattr(import_module(module), attribute)
    holder = typer.Typer()
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    loaded = get_group(holder).commands[name]
    _keep_brackets(loaded)
    return loaded


def _keep_brackets(command: Any) -> None:
    """Show the name of a table, `[views]`, in help as it is written: typer has it read as rich's markup."""
    for told in (command, *command.params):
        if "[" in (getattr(told, "help", None) or ""):
            from rich.markup import escape  # only here: it is 3 MB of a server

            told.help = escape(told.help)
    for below in getattr(command, "commands", {}).values():
        _keep_brackets(below)
