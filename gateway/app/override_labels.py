"""What decides the labels of `@override`: the configuration, Python, and the switches of a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from graphql import GraphQLSchema

from gateway.app.config import Config
from gateway.connectors.overrides import OverrideUse
from gateway.errors import Diagnostic
from gateway.flags.decide import Flags
from gateway.flags.names import flag_of_label
from gateway.graph.overrides import overrides_of
from gateway.graph.register import Mark
from gateway.graph.sdl import place_of
from gateway.override.decide import LabelDecider
from gateway.override.labels import share_of
from gateway.override.settings import OverrideSettings
from gateway.override.switches import Switches
from gateway.override.testers import Testers
from gateway.settings.suggestions import suggest


def check_labels(
    uses: Iterable[OverrideUse],
    settings: OverrideSettings,
    marks: Sequence[Mark],
    *,
    is_served: bool,
) -> list[Diagnostic]:
    """A finding for each label that nothing decides, and for what decides a label that there is not.

    Args:
        uses: The `@override`s of the schema, which are right but for that.
        settings: As configured.
        marks: The user's Python.
        is_served: Whether the schema has all that it will be served with.
    """
    functions = {mark.name: mark for mark in marks if mark.kind == "override_label"}
    decided = {*settings.labels, *functions}
    used: set[str] = set()
    found = []
    for use in uses:
        if use.label is None:
            continue
        used.add(use.label)
        if use.label in decided or share_of(use.label) is not None:
            continue
        if flag_of_label(use.label) is not None:  # `check_flags` knows what decides it
            continue
        file, line, column = place_of(use.node)
        hint = f'set override.labels."{use.label}", or decorate a function with @override_label'
        found.append(
            Diagnostic(
                f"nothing decides the label `{use.label}`",
                code="OverrideLabelUnknown",
                file=file,
                line=line,
                column=column,
                hint=suggest(use.label, decided) or hint,
                severity="error" if is_served else "warning",
            )
        )
    for label in sorted(decided - used):
        file, line = functions[label].place if label in functions else (None, None)
        found.append(
            Diagnostic(
                f"no @override has the label `{label}`, which is decided",
                code="OverrideLabelUnused",
                file=file,
                line=line,
                severity="warning",
            )
        )
    return found


def make_decider(
    config: Config,
    schema: GraphQLSchema,
    marks: Sequence[Mark],
    switches: Switches,
    testers: Testers,
    flags: Flags,
) -> LabelDecider:
    """What decides the labels of a schema. Errors: ConfigError."""
    functions = {mark.name: mark.target for mark in marks if mark.kind == "override_label"}
    known = sorted(set(overrides_of(schema).values()))
    return LabelDecider(config.override, functions, known, switches, testers, flags)


def make_testers(config: Config, schema: GraphQLSchema | None, env: Mapping[str, str]) -> Testers:
    """Who may decide labels for a request of its own. Errors: ConfigError."""
    known = overrides_of(schema).values() if schema is not None else ()
    return Testers(config.override, frozenset(known), env)


def make_switches(config: Config, base: Path) -> Switches:
    """The switches of a worker. Errors: ConfigError."""
    path = config.override.switches
    return Switches(base / path if path else None)
