"""The plain reading of a mapping: the reference that compiled code is held against.

It walks the tree for every value, collects problems with their data paths, and is what compiled code
turns to where a value is not of the shape that it was compiled for. It never raises for bad data: data
nested deeper than Python's stack is a problem too.

Source: connectors.md §6–§8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.connectors.mapping.methods.kinds import Argument
from gateway.connectors.mapping.methods.table import AS, GIVING, MATCH, METHODS
from gateway.connectors.mapping.methods.values import match
from gateway.connectors.mapping.nodes import (
    At,
    Braces,
    Chain,
    Constant,
    Expression,
    Group,
    Inline,
    Input,
    ListLiteral,
    MappedField,
    MappingSelection,
    MethodCall,
    ObjectLiteral,
    Origin,
    Path,
    Question,
    Variable,
    Wrapped,
)
from gateway.connectors.mapping.problems import DataPath, Problem, dotted
from gateway.connectors.mapping.scope import MappingScope, SeenStep
from gateway.connectors.mapping.values import ignore, merge, told, type_name

TOO_DEEP = "Data nested too deeply"


def interpret(
    selection: MappingSelection, data: Any, variables: Mapping[str, Any]
) -> tuple[Any, list[Problem]]:
    """Apply a mapping by walking its tree.

    Shape: `variables` by name without `$`. The value is Ellipsis for no value; equal problems stand
        once, in the order in which they were met.
    Source: connectors.md §4.4, §6.11.
    """
    run = MappingRun([])
    value = run.selection(selection, data, variables)
    return value, list(dict.fromkeys(run.problems or ()))


class MappingRun:
    """One evaluation; `problems` and `seen` are None where nobody wants them."""

    __slots__ = ("problems", "seen")

    def __init__(
        self, problems: list[Problem] | None = None, seen: list[SeenStep] | None = None
    ) -> None:
        self.problems = problems
        self.seen = seen

    def note(self, message: str, path: DataPath, start: int, end: int) -> None:
        if self.problems is not None:
            self.problems.append(Problem(message, path, start, end))

    def noting(self, path: DataPath, start: int, end: int) -> Callable[[str], None]:
        if self.problems is None:
            return ignore
        return lambda message: self.note(message, path, start, end)

    def selection(
        self, selection: MappingSelection, data: Any, variables: Mapping[str, Any]
    ) -> Any:
        path = selection.value_path
        try:
            if path is not None:
                return self.path(path, MappingScope(data, (), data, (), variables))
            return self.braces(selection.braces, data, (), variables)
        except RecursionError:
            self.note(TOO_DEEP, (), selection.start, selection.end)
            return ...

    # Items

    def braces(self, node: Braces, value: Any, path: DataPath, variables: Mapping[str, Any]) -> Any:
        """Evaluate items on a value that is there; a list is mapped over (§6.7)."""
        if value.__class__ is list:
            return [
                self.braces(node, element, (*path, index), variables)
                for index, element in enumerate(value)
            ]
        if isinstance(value, Exception):
            return value
        scope = MappingScope(value, path, value, path, variables)
        note = self.noting(path, node.start, node.end)
        result: Any = {}
        for item in node.items:
            found = self.item(item, scope, alone=len(node.items) == 1)
            if found is not ...:
                result = merge(result, found, note)
        if value.__class__ is not dict and result == {} and result.__class__ is dict:
            return value
        return result

    def item(self, item: MappedField | Group | Inline, scope: MappingScope, *, alone: bool) -> Any:
        """Give what an item adds to its surroundings, or no value."""
        if isinstance(item, Group):
            value = self.braces(item.braces, scope.input, scope.input_path, scope.variables)
            return {item.name: value}
        value = self.path(item.path, scope)
        if isinstance(item, MappedField):
            return ... if value is ... else {item.name: value}
        if alone and item.path.braces is None and not item.is_spread:
            return value
        if value is ...:
            self.note("Inlined path produced no value", scope.input_path, item.start, item.end)
            return ...
        if value is None or value.__class__ is dict:
            return value
        if isinstance(value, Exception):
            raise value  # it has no place of its own here
        self.note(
            f"Expected object or null, not {type_name(value)}",
            scope.input_path,
            item.start,
            item.end,
        )
        return ...

    # Paths

    def path(self, node: Path, scope: MappingScope) -> Any:
        """Take a path's steps until there is no value (§6.5)."""
        value, path = self.origin(node.origin, scope)
        self.watch(node.origin.start, node.origin.end, path, value)
        for index, step in enumerate(node.steps):
            if value is ...:
                return ...
            if isinstance(step, Question):
                value = ... if value is None else value
            elif isinstance(step, MethodCall):
                path = (*path, f"->{step.name}")
                if step.name == AS:
                    scope = self.bind(step, value, path, scope)
                else:
                    value = self.call(step, value, path, scope)
            else:
                silent = _questions(node, index)
                value = self.key(step.name, value, path, step.start, step.end, silent=silent)
                path = (*path, step.name)
            self.watch(step.start, step.end, path, value)
        if value is ... or node.braces is None:
            return value
        value = self.braces(node.braces, value, path, scope.variables)
        self.watch(node.braces.start, node.braces.end, path, value)
        return value

    def watch(self, start: int, end: int, path: DataPath, value: Any) -> None:
        if self.seen is not None and end > start:
            self.seen.append(SeenStep(start, end, path, value))

    def origin(self, node: Origin, scope: MappingScope) -> tuple[Any, DataPath]:
        """Give the value that a path begins with, and its data path."""
        if isinstance(node, Input):
            return scope.input, scope.input_path
        if isinstance(node, At):
            return scope.at, scope.at_path
        if isinstance(node, Variable):
            path = (f"${node.name}",)
            value = scope.variables.get(node.name, ...)
            if value is ...:
                self.note(f"Variable ${node.name} not found", path, node.start, node.end)
            return value, path
        if isinstance(node, Wrapped):
            return self.expression(node.expression, scope), scope.at_path
        if isinstance(node, Constant):
            return node.value, scope.at_path
        if isinstance(node, ListLiteral):
            items = [self.expression(item, scope) for item in node.items]
            return [None if item is ... else item for item in items], scope.at_path
        return self.object_literal(node, scope), scope.at_path

    def object_literal(self, node: ObjectLiteral, scope: MappingScope) -> dict[str, Any]:
        members = {}
        for name, expression in node.members:
            value = self.expression(expression, scope)
            if value is not ...:
                members[name] = value
        return members

    def key(
        self, name: str, value: Any, path: DataPath, start: int, end: int, *, silent: bool
    ) -> Any:
        """Take a key from an object, or from every element of a list (§6.2–6.4)."""
        if value.__class__ is list:
            found = [
                self.key(name, element, (*path, index), start, end, silent=False)
                for index, element in enumerate(value)
            ]
            return [None if item is ... else item for item in found]
        if value.__class__ is dict and (name in value or silent):
            return value.get(name, ...)
        if isinstance(value, Exception):
            return value
        self.note(
            f"Property {dotted(name)} not found in {type_name(value)}", (*path, name), start, end
        )
        return ...

    # Methods

    def call(self, node: MethodCall, value: Any, path: DataPath, scope: MappingScope) -> Any:
        if isinstance(value, Exception):
            return value
        note = self.noting(path, node.start, node.end)
        if node.name == MATCH:
            pairs = [
                (self.argument(key, path, scope, decides=True), self.argument(given, path, scope))
                for key, given in node.pairs()
            ]
            return match(value, pairs, note)
        method = METHODS.get(node.name)
        if method is None:
            note(f"Method ->{node.name} not found")
            return ...
        if node.arguments is None:
            return method(value, None, note)
        decides = node.name not in GIVING
        arguments = [self.argument(each, path, scope, decides=decides) for each in node.arguments]
        return method(value, arguments, note)

    def argument(
        self, node: Expression, path: DataPath, scope: MappingScope, *, decides: bool = False
    ) -> Argument:
        def evaluate(at: Any, index: int | None = None, /) -> Any:
            at_path = path if index is None else (*path, index)
            inner = MappingScope(scope.input, scope.input_path, at, at_path, scope.variables)
            value = self.expression(node, inner)
            return told(value) if decides else value

        return evaluate

    def bind(
        self, node: MethodCall, value: Any, path: DataPath, scope: MappingScope
    ) -> MappingScope:
        """Bind a name for the rest of the path; the input passes on in any case (§8.5)."""
        arguments = node.arguments or ()
        if not 1 <= len(arguments) <= 2:
            self.note("Method ->as requires one or two arguments", path, node.start, node.end)
        name = node.bound_name()
        if name is None:
            if arguments:
                self.note(
                    "Method ->as requires a $variable as its first argument",
                    path,
                    node.start,
                    node.end,
                )
            return scope
        if len(arguments) > 1:
            value = self.argument(arguments[1], path, scope)(value)
        if value is ...:
            return scope
        variables = {**scope.variables, name: value}
        return MappingScope(scope.input, scope.input_path, scope.at, scope.at_path, variables)

    # Expressions

    def expression(self, node: Expression, scope: MappingScope) -> Any:
        """Evaluate an expression; problems of skipped operands go with them (§7.4, §7.5)."""
        if not isinstance(node, Chain):
            return self.path(node, scope)
        mark = len(self.problems or ())
        value: Any = ...
        for operand in node.operands:
            own = len(self.problems or ())
            value = self.path(operand, scope)
            taken = value is not ... and (value is not None or node.operator == "?!")
            if taken or (value is None and operand is node.operands[-1]):
                if self.problems is not None:
                    del self.problems[mark:own]
                return value
        return value


def _questions(node: Path, index: int) -> bool:
    following = node.steps[index + 1 : index + 2]
    return bool(following) and isinstance(following[0], Question)
