"""A tree back to text: one line, no comments, the same tree when it is parsed again.

The tests of the parser need it: what is written and parsed again is the same tree.
"""

from __future__ import annotations

import re
from decimal import Decimal

from gateway.connectors.mapping.nodes import (
    At,
    Braces,
    Chain,
    Constant,
    Expression,
    Group,
    Inline,
    Input,
    Item,
    KeyStep,
    ListLiteral,
    MappingSelection,
    MethodCall,
    Path,
    Question,
    Step,
    Variable,
    Wrapped,
)

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_mapping(selection: MappingSelection) -> str:
    """Write a mapping, for instance one that `project_mapping` cut down."""
    return _items(selection.items)


def _items(items: tuple[Item, ...]) -> str:
    return " ".join(_item(item) for item in items)


def _item(item: Item) -> str:
    if isinstance(item, Inline):
        return f"{'...' if item.is_spread else ''}{_path(item.path)}"
    if isinstance(item, Group):
        return f"{_name(item.name)}: {_braces(item.braces)}"
    written = _path(item.path)
    single = _is_bare(item.path) and item.start == item.path.start
    return written if single else f"{_name(item.name)}: {written}"


def _is_bare(path: Path) -> bool:
    return isinstance(path.origin, Input) and path.origin.start == path.origin.end


def _braces(node: Braces) -> str:
    return f"{{ {_items(node.items)} }}" if node.items else "{ }"


def _path(node: Path) -> str:
    steps = "".join(_step(step) for step in node.steps)
    text = steps.removeprefix(".") if _is_bare(node) else _origin(node) + steps
    return text if node.braces is None else f"{text} {_braces(node.braces)}"


def _step(step: Step) -> str:
    if isinstance(step, KeyStep):
        return f".{_name(step.name)}"
    return "?" if isinstance(step, Question) else _call(step)


def _call(node: MethodCall) -> str:
    if node.arguments is None:
        return f"->{node.name}"
    return f"->{node.name}({', '.join(_expression(argument) for argument in node.arguments)})"


def _origin(node: Path) -> str:
    origin = node.origin
    if isinstance(origin, Input):
        return "$"
    if isinstance(origin, At):
        return "@"
    if isinstance(origin, Variable):
        return f"${origin.name}"
    if isinstance(origin, Wrapped):
        return f"$({_expression(origin.expression)})"
    if isinstance(origin, Constant):
        return _constant(origin)
    if isinstance(origin, ListLiteral):
        return f"[{', '.join(_expression(item) for item in origin.items)}]"
    members = (f"{_name(name)}: {_expression(value)}" for name, value in origin.members)
    return f"{{ {', '.join(members)} }}" if origin.members else "{ }"


def _expression(node: Expression) -> str:
    if isinstance(node, Chain):
        return f" {node.operator} ".join(_path(operand) for operand in node.operands)
    return _path(node)


def _constant(node: Constant) -> str:
    value = node.value
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    # A literal has no exponent.
    return str(value) if isinstance(value, int) else _fixed(value)


def _fixed(value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
