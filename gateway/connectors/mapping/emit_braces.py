"""The text of the two functions of braces, from their members: a display that fails by itself, and careful statements.

It must define nothing and bind no value: names come from the emitter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from gateway.connectors.mapping.members import Members
from gateway.connectors.mapping.nodes import (
    At,
    Braces,
    Group,
    Inline,
    Input,
    KeyStep,
    MappedField,
    MethodCall,
    Path,
    Question,
    Variable,
)

# What a display raises when the value is not of the expected shape: a missing key, a key of what is
# not an object, `.get` of what is not one.
MISSES: Final = "(KeyError, TypeError, AttributeError)"


@dataclass(frozen=True, slots=True)
class BracesMember:
    """One item of braces in both forms.

    Attributes:
        name: Of the member; None for an inlined path.
        shown: The expression that stands in a display; it raises one of MISSES when it cannot hold.
        guards: `shown` holds only when `d` is an object.
        careful: Statements that add the member to `o`, `d` being an object.
    """

    name: str | None
    shown: str
    guards: bool
    careful: list[str]


def display_of(members: list[BracesMember] | None, fill: Members) -> str | None:
    """Give a dict display that fails unless `d` is an object, or None where there is none."""
    if not members or not any(member.guards for member in members):
        return None
    parts = {member.name: member.shown for member in members if member.name is not None}
    if len(parts) < len(members):
        return None
    parts |= {name: "None" for name in fill.members if name not in parts}
    return "{" + ", ".join(f"{name!r}: {shown}" for name, shown in parts.items()) + "}"


def speculative_lines(display: str, careful: str) -> list[str]:
    """The display for an object or for each of a list, and the careful function where it fails."""
    return [
        "if d.__class__ is list:",
        "    try:",
        f"        return [{display} for d in d]",
        f"    except {MISSES}:",
        f"        return [{careful}(d, V) for d in d]",
        "try:",
        f"    return {display}",
        f"except {MISSES}:",
        f"    return {careful}(d, V)",
    ]


def careful_lines(
    members: list[BracesMember], fill: Members, name: str, slow: str, filled: str
) -> list[str]:
    """Member by member.

    Args:
        members: Of the braces.
        fill: Those that the result has in any case.
        name: Of the function that these lines are in.
        slow: What evaluates the braces on what is neither object nor list.
        filled: What fills the result, with a place for it.
    """
    body = [
        "if d.__class__ is not dict:",
        "    if d.__class__ is list:",
        f"        return [{name}(d, V) for d in d]",
        f"    return {slow}",
        "o = {}",
    ]
    inlines = any(member.name is None for member in members)
    body += ["null = False"] if inlines else []
    for member in members:
        body += member.careful
    if inlines:
        return [*body, f"return None if null else {filled.format('o')}"]
    named = {member.name for member in members}
    body += [f"o[{extra!r}] = None" for extra in fill.members if extra not in named]
    return [*body, "return o"]


def without_keys(node: Braces) -> Braces:
    """What of braces may give something where there is neither object nor list: no key is found there.

    Mostly that is nothing, and a list of nulls in the place of objects costs next to nothing.
    """
    items: list[MappedField | Group | Inline] = []
    for item in node.items:
        if isinstance(item, Group):
            items.append(replace(item, braces=without_keys(item.braces)))
        elif _begins_with_key(item.path):
            continue
        elif isinstance(item, Inline):
            return node  # what it gives depends on whether it is alone
        else:
            items.append(item)
    return replace(node, items=tuple(items))


def _begins_with_key(path: Path) -> bool:
    """Tell whether a path finds nothing where there is no object."""
    return (
        isinstance(path.origin, (Input, At))
        and bool(path.steps)
        and isinstance(path.steps[0], KeyStep)
    )


def is_direct(node: Path) -> bool:
    """Tell whether subscripts can take a path: keys only, and `?` only where a key follows."""
    if not isinstance(node.origin, (Input, At, Variable)):
        return False
    steps = node.steps
    return not any(isinstance(step, MethodCall) for step in steps) and not (
        steps and isinstance(steps[-1], Question)
    )


def subscripts(node: Path, filled: bool) -> str:
    """Write a direct path; the last key of a filled member may be absent."""
    text = f"V[{node.origin.name!r}]" if isinstance(node.origin, Variable) else "d"
    keys = [step.name for step in node.steps if isinstance(step, KeyStep)]
    for key in keys[:-1]:
        text += f"[{key!r}]"
    if not keys:
        return text
    return (
        f"{text}.get({keys[-1]!r})" if filled and node.braces is None else f"{text}[{keys[-1]!r}]"
    )
