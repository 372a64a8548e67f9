"""The arguments of fields: constant ones evaluated once per plan, others once per run.

A run's arguments are graphql-core's own, evaluated argument by argument; whatever goes wrong is
evaluated again as a whole by graphql-core over this request's nodes, for its exact error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    Undefined,
    ValueNode,
    VariableNode,
    get_nullable_type,
    is_non_null_type,
    is_scalar_type,
    specified_scalar_types,
)

from gateway.graph.resolvers import fresh
from gateway.graph.uploads import Upload
from gateway.runtime import reference
from gateway.runtime.argument_types import custom_scalars, is_any_right, is_plain
from gateway.runtime.literals import (
    MISSING,
    WRONG,
    compile_literal,
    default_of,
    has_variable,
    is_container,
    is_settled,
    walk,
)
from gateway.runtime.spots import Failed

if TYPE_CHECKING:
    from gateway.runtime.request import Literals
    from gateway.runtime.state import Run

Evaluator = Callable[[dict[str, Any], "Run"], Any]

FILE = "Upload"  # the scalar's name


class Arguments:
    """The arguments of one field.

    Args:
        definition, node: The field, and where it is selected.
        slots: The literals that requests have others of.
        variables: Of `known_variables`.

    Attributes:
        is_constant: No variable, no slot: `evaluate` gives equal ones each time.
        may_be_wrong: Some of a run may be wrong: their types and those of the variables do not rule it out.
        is_shared: One evaluation may serve several calls. A list or input object that stands in the
            document or is a default is made anew for each call: what a resolver does to it, no other sees. So is
            what holds a file: each call reads it from its first byte.
    """

    def __init__(
        self,
        definition: GraphQLField,
        node: FieldNode,
        slots: Mapping[int, int],
        variables: Mapping[str, bool] = {},
    ) -> None:
        self.definition = definition
        self._variables = variables
        self.constants: dict[str, Any] = {}
        self.evaluators: list[tuple[str, Evaluator]] = []
        self.is_wrong = False
        self.may_be_wrong = False
        self.is_shared = True
        given = {argument.name.value: argument for argument in node.arguments or ()}
        for name, argument in definition.args.items():
            self._add(name, argument, given.get(name), slots)
        self.may_be_wrong = self.may_be_wrong or self.is_wrong
        self.is_constant = not self.is_wrong and len(self.evaluators) == len(self.constants)

    def _add(
        self,
        name: str,
        argument: GraphQLArgument,
        node: ArgumentNode | None,
        slots: Mapping[int, int],
    ) -> None:
        out_name = argument.out_name or name
        value = node.value if node else None
        if isinstance(value, VariableNode):
            self.evaluators.append((out_name, _variable(argument, value)))
            own = is_container(default_of(argument)) or FILE in custom_scalars(argument.type)
            self.is_shared = self.is_shared and not own
            self.may_be_wrong |= self._may_be_wrong(argument, value)
        elif value is not None and _slots_in(value, slots):
            self.is_shared = self.is_shared and is_plain(argument)
            is_scalar = _is_scalar(argument, value, slots)
            self.may_be_wrong |= not (is_scalar and is_any_right(argument.type, value))
            make = _scalar if is_scalar else _literal
            self.evaluators.append((out_name, make(name, argument, value, slots)))
        elif value is not None and has_variable(value):
            self.is_shared, self.may_be_wrong = False, True
            self.evaluators.append((out_name, _nested(name, argument, value)))
        elif value is not None and not is_settled(argument.type, value):
            self.is_shared, self.may_be_wrong = False, True
            self.evaluators.append((out_name, _anew(name, argument, value)))
        else:
            try:
                for key, constant in _evaluate(name, argument, value, None).items():
                    self.constants[key] = constant
                    self.evaluators.append((key, _constant(constant)))
                    self.is_shared = self.is_shared and not is_container(constant)
            except Exception:
                self.is_wrong = True  # graphql-core raises it again, per run, with the right nodes

    def _may_be_wrong(self, argument: GraphQLArgument, variable: VariableNode) -> bool:
        is_given = self._variables.get(variable.name.value)
        if is_given or is_given is None:
            return is_given is None
        return is_non_null_type(argument.type) or default_of(argument) is WRONG

    def evaluate(self, run: Run, nodes: tuple[int, ...]) -> dict[str, Any] | Failed:
        """The coerced arguments for one run, or graphql-core's error."""
        if self.is_constant:
            return self.constants if self.is_shared else fresh(self.constants)
        values: dict[str, Any] = {}  # in the order of the field's definition
        wrong = self.is_wrong
        coerced = run.variables.coerced
        for out_name, evaluator in self.evaluators:
            value = evaluator(coerced, run)
            if value is WRONG:
                wrong = True
            elif value is not MISSING:
                values[out_name] = value
        if not wrong:
            return values
        try:
            found = reference.argument_values(
                self.definition,
                run.source.nodes(nodes)[0],
                run.reference_variables(),
                run.hide_suggestions,
            )
            return {key: fresh(value) for key, value in found.items()}
        except Exception as error:
            return Failed(error)


def _evaluate(
    name: str, argument: GraphQLArgument, value: ValueNode | None, variables: Any
) -> dict[str, Any]:
    """One argument by graphql-core."""
    definition: Any = SimpleNamespace(args={name: argument})
    arguments = (
        [] if value is None else [SimpleNamespace(name=SimpleNamespace(value=name), value=value)]
    )
    node: Any = SimpleNamespace(arguments=arguments)
    return reference.argument_values(definition, node, variables, False)


def _constant(value: Any) -> Evaluator:
    return (lambda _coerced, _run: fresh(value)) if is_container(value) else lambda _c, _r: value


def _holds_files(value: Any) -> bool:
    if type(value) is dict:
        return any(map(_holds_files, value.values()))
    return any(map(_holds_files, value)) if type(value) is list else type(value) is Upload


def _variable(argument: GraphQLArgument, node: VariableNode) -> Evaluator:
    variable = node.name.value
    non_null = is_non_null_type(argument.type)
    absent = default_of(argument)
    scalars = custom_scalars(argument.type)
    has_files = FILE in scalars

    def evaluate(coerced: dict[str, Any], _run: Run) -> Any:
        value = coerced.get(variable, MISSING)
        if (value is None and non_null) or value is Undefined:  # which 3.2 makes of a wrong default
            return WRONG
        if value is MISSING:
            return fresh(absent)
        # JSON may hold files, too.
        return fresh(value) if has_files or (scalars and _holds_files(value)) else value

    return evaluate


def _nested(name: str, argument: GraphQLArgument, value: ValueNode) -> Evaluator:
    fill = compile_literal(argument.type, value)
    return _anew(name, argument, value) if fill is None else lambda coerced, _run: fill(coerced)


def _anew(name: str, argument: GraphQLArgument, value: ValueNode) -> Evaluator:
    """Evaluated by graphql-core each time."""

    def evaluate(_coerced: dict[str, Any], run: Run) -> Any:
        try:
            found = _evaluate(name, argument, value, run.reference_variables())
        except Exception:
            return WRONG
        return fresh(next(iter(found.values()), MISSING))

    return evaluate


def _literal(
    name: str, argument: GraphQLArgument, value: ValueNode, slots: Mapping[int, int]
) -> Evaluator:
    def evaluate(_coerced: dict[str, Any], run: Run) -> Any:
        node = _substitute(value, slots, run.literals) if run.literals else value
        try:
            found = _evaluate(name, argument, node, run.reference_variables())
        except Exception:
            return WRONG
        return fresh(next(iter(found.values()), MISSING))

    return evaluate


def _is_scalar(argument: GraphQLArgument, value: ValueNode, slots: Mapping[int, int]) -> bool:
    """Whether an argument is one literal of a built-in scalar, which requests have others of."""
    type_: Any = get_nullable_type(argument.type)
    is_own = is_scalar_type(type_) and specified_scalar_types.get(type_.name) is type_
    return is_own and value.loc is not None and value.loc.start in slots


def _scalar(
    _name: str, argument: GraphQLArgument, value: ValueNode, slots: Mapping[int, int]
) -> Evaluator:
    assert value.loc is not None
    slot = slots[value.loc.start]
    coerce = reference.literal_coercion(get_nullable_type(argument.type))  # type: ignore[arg-type]

    def of(node: ValueNode) -> Any:
        try:
            found = coerce(node)
        except Exception:
            return WRONG
        return WRONG if found is Undefined else found

    own = of(value)
    return lambda _coerced, run: of(run.literals.node(slot)) if run.literals else own


def _slots_in(value: ValueNode, slots: Mapping[int, int]) -> bool:
    if not slots:
        return False
    return any(node.loc is not None and node.loc.start in slots for node in walk(value))


def _substitute(value: ValueNode, slots: Mapping[int, int], literals: Literals) -> ValueNode:
    """A literal with this request's literals in the places that the plan leaves open."""
    if value.loc is not None and value.loc.start in slots:
        return literals.node(slots[value.loc.start])
    if getattr(value, "values", None):
        return type(value)(values=tuple(_substitute(v, slots, literals) for v in value.values))  # type: ignore
    if getattr(value, "fields", None):
        fields = tuple(
            type(field)(name=field.name, value=_substitute(field.value, slots, literals))
            for field in value.fields  # type: ignore[attr-defined]
        )
        return type(value)(fields=fields)  # type: ignore[call-arg]
    return value
