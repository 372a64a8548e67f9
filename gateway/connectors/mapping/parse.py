"""Text of a mapping to its tree, by the grammar of connect v0.1 to v0.4.

A recursive descent over the characters: no token list, because `.1` and `?` mean different things in
different places. It raises `MappingSyntaxError` and nothing else, whatever the text, and never
evaluates. Nesting is bounded by MAX_DEPTH, so that neither this parser nor what walks its tree can
exhaust the stack.

v0.4 has one grammar for selections and literals: a JSON text is a mapping that gives that JSON, members may be
separated by commas, and `...` merges an object.

Source: connectors.md §5; the public description of v0.4, a preview.
"""

from __future__ import annotations

from typing import Final

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
    MappedField,
    MappingSelection,
    MethodCall,
    ObjectLiteral,
    Origin,
    Path,
    Question,
    Step,
    Variable,
    Wrapped,
)
from gateway.connectors.mapping.scanner import NAME, Scanner

SPECS: Final = ("0.1", "0.2", "0.3", "0.4")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}


def parse_mapping(selection: str, spec: str = "0.3") -> MappingSelection:
    """Parse a mapping under the syntax of one version of the specification.

    Errors: MappingSyntaxError with the offset of the character that does not fit; ValueError for an
        unknown version.
    Source: connectors.md §5.
    """
    version = spec.removeprefix("v")
    if version not in SPECS:
        raise ValueError(
            f"Unknown version {spec!r} of the mapping language; known: {', '.join(SPECS)}"
        )
    return _Parser(selection, version).selection()


class _Parser(Scanner):
    """One pass over one text."""

    # Items

    def selection(self) -> MappingSelection:
        if self.is_unified and self.sees("{"):
            items = self.braces().items
            if self.skip() < len(self.text):
                self.fail(f"Expected the end after the object, {self.found()}")
        else:
            items = self.items(None)
        return MappingSelection(items, self.text, self.spec, 0, len(self.text))

    def items(self, opened: int | None) -> tuple[Item, ...]:
        """Items up to a closing brace, or to the end of the text when `opened` is None."""
        items: list[Item] = []
        while True:
            at = self.skip()
            if at >= len(self.text):
                if opened is not None:
                    self.fail("Expected '}' to close the brace opened earlier, found the end")
                break
            if opened is not None and self.text[at] == "}":
                break
            items.append(self.item())
            if self.is_unified:
                self.take(",")
        for item in items:
            self.check_alone(item, len(items), opened)
        return tuple(items)

    def check_alone(self, item: Item, count: int, opened: int | None) -> None:
        if not isinstance(item, Inline) or item.path.braces is not None or item.is_spread:
            return
        written = self.text[item.start : item.end]
        if count > 1:  # §5.2 d
            self.fail(
                f"A path without a name must be alone here; name it (`name: {written}`) or give it braces",
                item.start,
            )
        if opened is not None and not self.newest:  # §5.3
            self.fail(
                f"A path without a name cannot stand in braces; name it (`name: {written}`)",
                item.start,
            )

    def item(self) -> Item:
        start = self.skip()
        if self.is_unified and self.take("..."):
            path = self.value()
            return Inline(path, start, path.end, is_spread=True)
        name = self.key_name()
        if name is not None and self.take(":"):
            if self.sees("{"):
                braces = self.braces()
                return Group(name, braces, start, braces.end)
            path = self.value()
            return MappedField(name, path, start, path.end)
        self.position = start
        path = self.value()
        if path.single_key is not None:
            return MappedField(path.single_key, path, start, path.end)
        return Inline(path, start, path.end)

    def value(self) -> Path:
        """A path; in v0.4 a literal too."""
        start = self.skip()
        literal = self.literal() if self.is_unified else None
        return self.path() if literal is None else self.path_rest(literal, (), start)

    def braces(self) -> Braces:
        start = self.skip()
        self.expect("{", "before the members")
        self.descend()
        items = self.items(start)
        self.expect("}", "after the members")
        self.depth -= 1
        return Braces(items, start, self.position)

    # Paths

    def path(self) -> Path:
        start = self.skip()
        first: tuple[Step, ...] = ()
        origin = self.origin()
        if origin is None:
            key = self.key_name()
            if key is None:
                self.fail(f"Expected a key, '$', '@' or '$(', {self.found()}")
            origin = Input(start, start)
            first = (KeyStep(key, start, self.position),)
        return self.path_rest(origin, first, start)

    def path_rest(self, origin: Origin, first: tuple[Step, ...], start: int) -> Path:
        end = self.position
        steps = list(first)
        while (step := self.step(bool(steps) and isinstance(steps[-1], Question))) is not None:
            steps.append(step)
            end = step.end
        braces = self.braces() if self.sees("{") else None
        if braces is not None:
            end = braces.end
        self.position = end
        return Path(origin, tuple(steps), braces, start, end)

    def origin(self) -> Origin | None:
        start = self.skip()
        if self.take("@"):
            return At(start, self.position)
        if not self.take("$"):
            return None
        if self.text.startswith("(", self.position):
            self.position += 1
            self.descend()
            expression = self.expression()
            self.expect(")", "to close '$('")
            self.depth -= 1
            return Wrapped(expression, start, self.position)
        match = NAME.match(self.text, self.position)
        if match is None:
            return Input(start, self.position)
        self.position = match.end()
        return Variable(match.group(), start, self.position)

    def step(self, after_question: bool) -> Step | None:
        start = self.skip()
        if self.is_unified and self.sees("..."):
            return None  # the next item
        if self.take("."):  # §5.2 g
            name = self.key_name()
            if name is None:
                self.fail(f"Expected a key after '.', {self.found()}")
            return KeyStep(name, start, self.position)
        if self.take("->"):
            method = self.identifier()
            if method is None:
                self.fail(f"Expected the name of a method after '->', {self.found()}")
            end = self.position
            arguments = self.listed("(", ")", "arguments") if self.sees("(") else None
            self.position = end if arguments is None else self.position
            return MethodCall(method, arguments, start, self.position)
        if not self.sees("?") or self.text[start + 1 : start + 2] in ("?", "!"):
            return None  # §5.2 a: an operator ends the path
        if not self.newest:
            self.fail(f"'?' needs connect v0.3, this is v{self.spec}")
        if after_question:
            self.fail("'?' cannot follow '?'")
        self.position += 1
        return Question(start, self.position)

    def listed(self, opening: str, closing: str, what: str) -> tuple[Expression, ...]:
        self.expect(opening, f"before the {what}")
        self.descend()
        items: list[Expression] = []
        while not self.take(closing):
            items.append(self.expression())
            if not self.take(","):
                self.expect(closing, f"or ',' after the {what}")
                break
        self.depth -= 1
        return tuple(items)

    # Expressions

    def expression(self) -> Expression:
        first = self.operand()
        operands, operator = [first], None
        while self.sees("??") or self.sees("?!"):
            seen = self.text[self.position : self.position + 2]
            if not self.newest:
                self.fail(f"'{seen}' needs connect v0.3, this is v{self.spec}")
            if operator not in (None, seen):  # §7.6
                self.fail(f"'{operator}' and '{seen}' do not mix; wrap one side in $( )")
            operator = seen
            self.position += 2
            operands.append(self.operand())
        if operator is None:
            return first
        return Chain(operator, tuple(operands), first.start, operands[-1].end)

    def operand(self) -> Path:
        start = self.skip()
        literal = self.literal()
        if literal is not None:
            return self.path_rest(literal, (), start)
        path = self.path()
        if not self.newest and path.single_key is not None:  # §5.3 a
            self.fail(
                f"A single key needs '$.' in an expression before connect v0.3: write "
                f"`$.{self.text[start : path.end]}`",
                start,
            )
        return path

    def literal(self) -> Constant | ObjectLiteral | ListLiteral | None:
        start = self.skip()
        char = self.text[start : start + 1]
        if char and char in "\"'":
            return Constant(self.string(), start, self.position)
        if char == "[":
            return ListLiteral(self.listed("[", "]", "elements"), start, self.position)
        if char == "{":
            return self.object_literal()
        word = NAME.match(self.text, start)
        if word is not None:
            if word.group() not in _WORDS:
                return None
            self.position = word.end()
            return Constant(_WORDS[word.group()], start, self.position)
        number = self.number()
        return None if number is None else Constant(number, start, self.position)

    def object_literal(self) -> ObjectLiteral:
        start = self.skip()
        self.expect("{", "before the members")
        self.descend()
        members: list[tuple[str, Expression]] = []
        while not self.take("}"):
            name = self.key_name()
            if name is None:
                self.fail(f"Expected the key of a member, {self.found()}")
            members.append((name, self.member_value(name)))
            if not self.take(",") and not self.is_unified:
                self.expect("}", "or ',' after a member of an object literal")
                break
        self.depth -= 1
        return ObjectLiteral(tuple(members), start, self.position)

    def member_value(self, name: str) -> Expression:
        """What stands behind a key of an object literal; in v0.4 the key alone reads the member of that name."""
        end = self.position
        if self.is_unified and not self.sees(":"):
            start = end - len(name)
            return Path(Input(start, start), (KeyStep(name, start, end),), None, start, end)
        self.expect(":", f"after the key {name!r} of an object literal")
        return self.expression()
