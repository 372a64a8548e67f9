"""A mapping's tree to Python source: pure functions of the tree, no evaluation.

For the shapes that upstreams really send the code is what one would write by hand: a dict display for
an object, a comprehension of them for a list. It is speculation that fails by itself: `d["k"]`
succeeds only for an object that has k. What fails is done again by careful code, member by member. No key
is found in what is neither object nor list; what else there is to read of it, the interpreter reads.

    bN(d, V)       braces: display, or comprehension of displays
    cN(d, V)       the same braces, carefully: absent members, lists in lists
    pN(at, d, V)   a path or an expression: value, or X (no value)

`d` is `$`, `at` is `@`, `V` are the variables. Keys stand in the text as quoted strings only; every
other value and all that is called goes through the namespace.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.connectors.mapping.analyse import braces_supply
from gateway.connectors.mapping.emit_braces import (
    BracesMember,
    careful_lines,
    display_of,
    is_direct,
    speculative_lines,
    subscripts,
    without_keys,
)
from gateway.connectors.mapping.members import NOTHING, Members
from gateway.connectors.mapping.methods.table import AS, GIVING, MATCH, METHODS
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
    ObjectLiteral,
    Path,
    Question,
    Variable,
    Wrapped,
)
from gateway.generated.writer import SourceWriter

ENTRY: Final = "mapping"


def emit_mapping(
    selection: MappingSelection, fill: Members | None = None, *, has_errors: bool = False
) -> tuple[str, dict[str, Any]]:
    """Give the source of a mapping, and the values and nodes that it names.

    Shape: the source defines `mapping(data, V)`; it needs HELPERS of `compile` in its namespace too.
    """
    emitter = _Emitter(has_errors=has_errors)
    wanted = fill or NOTHING
    path = selection.value_path
    if path is not None:
        result = f"{emitter.path(path, wanted)}(data, data, V)"
    else:
        result = f"{emitter.braces(selection.braces, wanted)}(data, V)"
    emitter.define(f"{ENTRY}(data, V)", [f"return {result}"])
    return emitter.writer.text().rstrip() + "\n", emitter.writer.namespace


class _Emitter:
    """Collects functions; each is complete before those that call it.

    Args:
        has_errors: Whether errors may stand in the place of values.
    """

    def __init__(self, *, has_errors: bool) -> None:
        self.has_errors = has_errors
        self.writer = SourceWriter()
        self.displays: dict[str, str] = {}
        self.count = 0

    def number(self) -> int:
        self.count += 1
        return self.count

    def bind(self, prefix: str, value: Any) -> str:
        return self.writer.name(f"{prefix}{self.number()}", value)

    def define(self, head: str, body: list[str]) -> None:
        with self.writer.block(f"def {head}:"):
            self.writer.lines(*body)
        self.writer.line("")

    # Braces

    def braces(self, node: Braces, fill: Members) -> str:
        """Define the functions of braces and give the name of the one to call."""
        number = self.number()
        careful = f"c{number}"
        shown = self.members(node, fill)
        self.define(f"{careful}(d, V)", self.careful(node, fill, careful, shown))
        display = display_of(shown, fill)
        if display is None:
            return careful
        name = f"b{number}"
        self.displays[name] = display
        self.define(f"{name}(d, V)", speculative_lines(display, careful))
        return name

    def members(self, node: Braces, fill: Members) -> list[BracesMember] | None:
        """Prepare the items, or give None where they have to be merged and are left to be read."""
        names = [item.name for item in node.items if not isinstance(item, Inline)]
        for item in node.items:
            if isinstance(item, Inline):
                if item.path.braces is None:
                    return None
                names += braces_supply(item.path.braces).members
        if len(set(names)) < len(names):
            return None
        if any(isinstance(item, Inline) for item in node.items):
            fill = NOTHING  # members may come from any of the items, so they are filled at the end
        return [self.member(item, fill) for item in node.items]

    def member(self, item: Item, fill: Members) -> BracesMember:
        if isinstance(item, Inline):
            stored = [
                "if v.__class__ is dict:",
                "    o.update(v)",
                "elif v is None:",
                "    null = True",
                *(["else: told(v)"] if self.has_errors else []),
            ]
            return BracesMember(None, "", False, [f"v = {self.path(item.path)}(d, d, V)", *stored])
        inner = fill.members.get(item.name, NOTHING)
        filled = item.name in fill.members
        target = f"o[{item.name!r}]"
        stored = [f"{target} = None if v is X else v" if filled else f"if v is not X: {target} = v"]
        if isinstance(item, Group):
            called = self.braces(item.braces, inner)
            shown = self.displays.get(called)
            lines = [f"v = {called}(d, V)"]
            return BracesMember(
                item.name, shown or lines[0][4:], shown is not None, [*lines, *stored]
            )
        if not is_direct(item.path) or (item.path.braces is None and inner.members):
            called = f"{self.path(item.path, inner)}(d, d, V)"
            return BracesMember(item.name, f"need({called})", False, [f"v = {called}", *stored])
        braces = None if item.path.braces is None else self.braces(item.path.braces, inner)
        lines = self.steps(item.path, self.origin(item.path, "d"), braces, is_object=True)
        shown = subscripts(item.path, filled)
        guards = not isinstance(item.path.origin, Variable) and bool(item.path.steps)
        if braces is not None:
            shown = f"{braces}({shown}, V)"
        return BracesMember(item.name, shown, guards, [*lines, *stored])

    def careful(
        self, node: Braces, fill: Members, name: str, members: list[BracesMember] | None
    ) -> list[str]:
        filled = f"fill_value({{}}, {self.bind('w', fill)})" if fill.members else "{}"
        kept = node if members is None else without_keys(node)
        slow = "d"  # nothing is made of it, and there is nothing to fill
        if kept.items:
            slow = filled.format(f"slow({self.bind('n', kept)}, d, V)")
        if members is None:
            return [f"return {slow}"]
        return careful_lines(members, fill, name, slow, filled)

    # Paths and expressions

    def path(self, node: Path, fill: Members = NOTHING) -> str:
        braces = None if node.braces is None else self.braces(node.braces, fill)
        origin = self.origin(node, "at")
        body = self.steps(node, origin, braces)
        if braces is None and fill.members:
            body.append(f"if v is not X: v = fill_value(v, {self.bind('w', fill)})")
        name = f"p{self.number()}"
        self.define(f"{name}(at, d, V)", [*body, "return v"])
        return name

    def expression(self, node: Expression) -> str:
        return self.chain(node) if isinstance(node, Chain) else self.path(node)

    def chain(self, node: Chain) -> str:
        operands = [self.path(operand) for operand in node.operands]
        skipped = "v is not X" if node.operator == "?!" else "v is not X and v is not None"
        body = []
        for operand in operands[:-1]:
            body += [f"v = {operand}(at, d, V)", f"if {skipped}:", "    return v"]
        name = f"p{self.number()}"
        self.define(f"{name}(at, d, V)", [*body, f"return {operands[-1]}(at, d, V)"])
        return name

    def steps(
        self, node: Path, origin: str, braces: str | None, *, is_object: bool = False
    ) -> list[str]:
        """Give statements that leave a path's value in `v`.

        Shape: `origin` is the text of the value that the path begins with; `is_object` says that `d`
            is known to be an object, as it is in careful braces.
        """
        lines, steps = [f"v = {origin}"], node.steps
        if is_object and origin == "d" and steps and isinstance(steps[0], KeyStep):
            lines, steps = [f"v = d.get({steps[0].name!r}, X)"], steps[1:]
        for step in steps:
            if isinstance(step, KeyStep):
                taken = f"v.get({step.name!r}, X) if v.__class__ is dict else key(v, {step.name!r})"
                lines.append(f"if v is not X: v = {taken}")
            elif isinstance(step, Question):
                lines.append("if v is None: v = X")
            elif step.name == AS:
                lines += self.bind_name(step)
            else:
                lines += ["if v is not X:", f"    v = {self.call(step)}"]
        return lines if braces is None else [*lines, f"if v is not X: v = {braces}(v, V)"]

    def origin(self, node: Path, at: str) -> str:
        origin = node.origin
        if isinstance(origin, Input):
            return "d"
        if isinstance(origin, At):
            return at
        if isinstance(origin, Variable):
            return f"V.get({origin.name!r}, X)"
        if isinstance(origin, Wrapped):
            return f"{self.expression(origin.expression)}({at}, d, V)"
        if isinstance(origin, Constant):
            return self.bind("k", origin.value)
        return f"{self.literal(origin)}({at}, d, V)"

    def literal(self, node: ObjectLiteral | ListLiteral) -> str:
        name = f"p{self.number()}"
        if isinstance(node, ListLiteral):
            items = [f"{self.expression(item)}(at, d, V)" for item in node.items]
            self.define(f"{name}(at, d, V)", [f"return nulls([{', '.join(items)}])"])
            return name
        body = ["o = {}"]
        for key, value in node.members:
            body += [
                f"v = {self.expression(value)}(at, d, V)",
                f"if v is not X: o[{key!r}] = v",
            ]
        self.define(f"{name}(at, d, V)", [*body, "return o"])
        return name

    def bind_name(self, node: MethodCall) -> list[str]:
        name = node.bound_name()
        if name is None:
            return []
        arguments = node.arguments or ()
        if len(arguments) == 1:
            return [f"if v is not X: V = {{**V, {name!r}: v}}"]
        bound = self.expression(arguments[1])
        return [
            "if v is not X:",
            f"    o = {bound}(v, d, V)",
            f"    if o is not X: V = {{**V, {name!r}: o}}",
        ]

    def argument(self, node: Expression, *, decides: bool) -> str:
        text = f"{self.expression(node)}(at, d, V)"
        return f"lambda at, i=None: {f'told({text})' if decides and self.has_errors else text}"

    def call(self, node: MethodCall) -> str:
        text = self.called(node)
        return f"v if isinstance(v, Exception) else {text}" if self.has_errors else text

    def called(self, node: MethodCall) -> str:
        if node.name == MATCH:
            pairs = [
                f"({self.argument(key, decides=True)}, {self.argument(value, decides=False)})"
                for key, value in node.pairs()
            ]
            return f"match(v, [{', '.join(pairs)}], ignore)"
        if node.name not in METHODS:
            return "X"
        method = self.bind("m", METHODS[node.name])
        if node.arguments is None:
            return f"{method}(v, None, ignore)"
        decides = node.name not in GIVING
        arguments = [self.argument(argument, decides=decides) for argument in node.arguments]
        return f"{method}(v, [{', '.join(arguments)}], ignore)"
