"""What decides flags, made of the configuration; and whether all of a schema's flags can be decided."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema

from gateway.app.config import Config
from gateway.client.targeting import TargetingKeys
from gateway.connectors.overrides import OverrideUse
from gateway.errors import ConfigError, Diagnostic
from gateway.flags.decide import Flags
from gateway.flags.names import FlagLabel, flag_of_label
from gateway.flags.port import FlagPort
from gateway.graph.marked import imported
from gateway.graph.overrides import flags_of_schema
from gateway.graph.sdl import place_of
from gateway.observe.experiments import Experiments
from gateway.settings.extras import check_installed
from gateway.settings.suggestions import suggest_or_list

if TYPE_CHECKING:
    from openfeature.provider import FeatureProvider

PACKAGES = ("openfeature.client", "openfeature.contrib.tools.flagd.core")


def make_flags(config: Config, base: Path) -> Flags:
    """The flags of a worker. Errors: ConfigError."""
    keys = TargetingKeys(config.override.anonymous_id)
    return Flags(config.flags, keys, _port(config, base))


def make_experiments(config: Config, flags: Flags) -> Experiments | None:
    """The experiments of a worker; None where nothing of them is written."""
    if config.experiments.file is None:
        return None
    return Experiments(config.experiments, flags.contexts.keys, flags)


def _port(config: Config, base: Path) -> FlagPort | None:
    settings = config.flags
    if not settings.is_used:
        return None
    check_flag_packages(config)
    from gateway.flags.provider import FlagdFilePort, OpenFeaturePort

    if settings.file is not None:
        return FlagdFilePort(base / settings.file)
    in_threads = settings.calls == "threads"
    return OpenFeaturePort(load_provider(settings.provider, base), in_threads=in_threads)


def check_flag_packages(config: Config) -> None:
    """Errors: ConfigError where what decides flags is not installed."""
    if not config.flags.is_used:
        return
    for name in PACKAGES:
        key = "flags.file" if config.flags.file is not None else "flags.provider"
        check_installed(name, extra="flags", needed_by="[flags]", key=key)


def load_provider(text: str, base: Path) -> FeatureProvider:
    """A provider of "module:name": the object itself, or what it makes when it is called. Errors: ConfigError."""
    from openfeature.provider import AbstractProvider

    module_name, _, name = text.partition(":")
    found: Any = imported(module_name, base, key="flags.provider", what="the provider of flags")
    for part in name.split("."):
        if not hasattr(found, part):
            raise ConfigError(f"{module_name} has no {name}", key="flags.provider")
        found = getattr(found, part)
    if inspect.isclass(found) or not isinstance(found, AbstractProvider):
        try:
            found = found()
        except Exception as exc:
            why = f"{text} cannot be called: {type(exc).__name__}: {exc}"
            raise ConfigError(why, key="flags.provider") from exc
    if not callable(getattr(found, "resolve_boolean_details", None)):
        raise ConfigError(f"{text} makes no provider of OpenFeature", key="flags.provider")
    provider: FeatureProvider = found
    return provider


def check_flags(
    config: Config, schema: GraphQLSchema, uses: Iterable[OverrideUse], base: Path
) -> list[Diagnostic]:
    """A finding for each flag that could not be decided as it is asked.

    Args:
        config: The whole.
        schema: Bound.
        uses: Its `@override`s, which are right but for that.
        base: The folder of the configuration.
    """
    labels = [(use, flag) for use in uses if use.label and (flag := flag_of_label(use.label))]
    names = {flag.name for _, flag in labels} | flags_of_schema(schema)
    found = [*_of_labels(config, labels), *_of_goals(config, schema)]
    if names and not config.flags.is_used:
        listed = ", ".join(sorted(names))
        message = f"nothing decides flags, so these have their defaults: {listed}"
        hint = "set flags.file or flags.provider"
        found.append(Diagnostic(message, "FlagsUndecided", hint=hint, severity="warning"))
    elif names and config.flags.file is not None:
        found += _of_file(config, base / config.flags.file, names, labels)
    return found


def _of_labels(
    config: Config, labels: Iterable[tuple[OverrideUse, FlagLabel]]
) -> Iterator[Diagnostic]:
    """A label without a variant is of a flag that is true or false; one with a variant needs the flag's type."""
    for use, flag in labels:
        default = config.flags.defaults.get(flag.name)
        file, line, column = place_of(use.node)
        if not flag.variant and default is not None and not isinstance(default, bool):
            message = f"the label `{use.label}` is on or off, and the flag `{flag.name}` is neither"
            hint = f"name the variant that it is on for: flag:{flag.name}:VARIANT"
        elif flag.variant and default is None:
            message = f"the type of the flag `{flag.name}` is not known"
            hint = f"set flags.defaults.{flag.name}"
        else:
            continue
        yield Diagnostic(message, "FlagTypeUnknown", file, line, column, hint)


def _of_goals(config: Config, schema: GraphQLSchema) -> Iterator[Diagnostic]:
    fields = schema.mutation_type.fields if schema.mutation_type is not None else {}
    for goal in config.experiments.goals:
        if goal.partition(".")[2] not in fields:
            message = f"experiments.goals: there is no {goal}"
            hint = suggest_or_list(goal, [f"Mutation.{name}" for name in sorted(fields)])
            yield Diagnostic(message, "GoalUnknown", hint=hint)


def _of_file(
    config: Config,
    path: Path,
    names: Iterable[str],
    labels: Iterable[tuple[OverrideUse, FlagLabel]],
) -> Iterator[Diagnostic]:
    """What the file of flags lacks, which may be there when it is needed."""
    from gateway.flags.flagd import read_flags

    try:
        definitions: Mapping[str, Any] = read_flags(path.read_bytes()).definitions
    except (OSError, ValueError) as exc:
        raise ConfigError(str(exc), key="flags.file", file=str(path)) from exc
    for name in sorted(names):
        if name not in definitions:
            message = f"the file of flags has no `{name}`, which has its default"
            yield Diagnostic(message, "FlagUnknown", file=str(path), severity="warning")
            continue
        default = config.flags.defaults.get(name, False)
        for variant, value in definitions[name]["variants"].items():
            if not _fits(value, default):
                message = f"the variant `{variant}` of the flag `{name}` is not of the type of its default"
                yield Diagnostic(message, "FlagTypeMismatch", file=str(path), severity="warning")
    for use, flag in labels:
        variants = definitions.get(flag.name, {}).get("variants")
        if flag.variant and variants is not None and flag.variant not in variants:
            file, line, column = place_of(use.node)
            message = f"the flag `{flag.name}` has no variant `{flag.variant}`"
            known = f"it has {', '.join(variants)}"
            yield Diagnostic(message, "FlagVariantUnknown", file, line, column, known, "warning")


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    if isinstance(default, (dict, list)):
        return isinstance(value, (dict, list))
    return isinstance(value, type(default))
