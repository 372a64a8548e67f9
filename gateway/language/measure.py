"""How much the operations of a document ask for, with fragments expanded, in linear time.

Every definition is walked once. Spreads are added up afterwards from the fragments' own sums, innermost
first, so that a fragment used a thousand times costs one addition each. A spread that closes a cycle, or
names no fragment, adds nothing: validation refuses the document. Nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
)


@dataclass(slots=True)
class DocumentMeasures:
    """What one operation or fragment asks for.

    Attributes:
        depth: Levels of fields.
        aliases, directives: How many.
        root_fields: Fields on its first level.
        selections: Fields, inline fragments and spreads.
        spreads: The fragments it spreads and the level of fields above each; 0: on its first level.
    """

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    selections: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)

    def add(self, fragment: DocumentMeasures, level: int) -> None:
        """Add a fragment that is spread below `level` levels of fields."""
        self.depth = max(self.depth, level + fragment.depth)
        self.aliases += fragment.aliases
        self.directives += fragment.directives
        self.selections += fragment.selections
        if level == 0:
            self.root_fields += fragment.root_fields


def measure_operations(document: DocumentNode) -> Iterator[tuple[str, DocumentMeasures]]:
    """Name ("" when it has none) and measures of each operation, fragments expanded."""
    fragments = {
        node.name.value: measure_definition(node)
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    _expand_fragments(fragments)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            measures = measure_definition(node)
            for name, level in measures.spreads:
                if name in fragments:
                    measures.add(fragments[name], level)
            yield node.name.value if node.name else "", measures


def measure_definition(node: OperationDefinitionNode | FragmentDefinitionNode) -> DocumentMeasures:
    """What one definition asks for by itself, its spreads not yet expanded."""
    measures = DocumentMeasures(directives=len(node.directives or ()))
    for variable in node.variable_definitions or ():
        measures.directives += len(variable.directives or ())
    todo = [(node.selection_set, 0)]
    while todo:
        selection_set, level = todo.pop()
        measures.selections += len(selection_set.selections)
        for selection in selection_set.selections:
            measures.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                measures.depth = max(measures.depth, level + 1)
                measures.root_fields += level == 0
                measures.aliases += selection.alias is not None
                if selection.selection_set is not None:
                    todo.append((selection.selection_set, level + 1))
            elif isinstance(selection, InlineFragmentNode):
                todo.append((selection.selection_set, level))
            elif isinstance(selection, FragmentSpreadNode):
                measures.spreads.append((selection.name.value, level))
    return measures


def _expand_fragments(fragments: dict[str, DocumentMeasures]) -> None:
    """Add to each fragment those that it spreads, depth first with an explicit stack."""
    done: set[str] = set()
    for root in fragments:
        if root in done:
            continue
        stack = [(root, iter(fragments[root].spreads))]
        open_ = {root}
        while stack:
            name, spreads = stack[-1]
            for spread, _ in spreads:
                if spread in fragments and spread not in done and spread not in open_:
                    stack.append((spread, iter(fragments[spread].spreads)))
                    open_.add(spread)
                    break
            else:
                for spread, level in fragments[name].spreads:
                    if spread in done:
                        fragments[name].add(fragments[spread], level)
                stack.pop()
                open_.discard(name)
                done.add(name)
