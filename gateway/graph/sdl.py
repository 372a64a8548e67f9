"""Schema files to one document whose every node knows its file, line and column.

It reads files and parses; it binds and builds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, Node, Source, parse
from graphql.language import DefinitionNode
from graphql.language.ast import QUERY_DOCUMENT_KEYS

from gateway.errors import ConfigError, Diagnostic
from gateway.graph.sdl_parser import LINE_END, MAX_SCHEMA_TOKENS, SchemaParser, SchemaSource
from gateway.settings.folder_files import files_in
from gateway.settings.mistakes import together
from gateway.settings.text_file import read_text_file

SUFFIXES = (".graphql", ".graphqls", ".gql")
"""What the name of a schema file in a folder ends with."""
MAX_SYNTAX_ERRORS = 20
"""Of one file: what comes behind so many is looked at when they are mended."""
_BLANKS = " \t\r\n,\ufeff"
_DEFINITION = re.compile(
    r"(?:extend\s+)?(?:schema|scalar|type|interface|union|enum|input|directive)\b"
)


def find_schema_files(paths: Sequence[str | Path], base: str | Path = ".") -> list[Path]:
    """The `.graphql` files that `paths` (files or folders, relative to `base`) name, sorted.

    Errors: ConfigError for a path that does not exist, or a folder without such a file.
    """
    files: list[Path] = []
    for given in paths:
        path = Path(base) / given
        if path.is_dir():
            inside = files_in(path, *SUFFIXES)
            if not inside:
                raise ConfigError(
                    "the folder holds no .graphql file", key="graph.schema", file=str(path)
                )
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise ConfigError(
                "there is no such schema file or folder",
                key="graph.schema",
                file=str(path),
                hint="paths are relative to the configuration file",
            )
    return list(dict.fromkeys(files))


def load_sdl(files: Iterable[Path], texts: Mapping[str, str] | None = None) -> DocumentNode:
    """Parse schema files into one document.

    Args:
        files: Which.
        texts: Of files that were read before, by their paths.

    Errors: ConfigError with file, line and column of the first mistake; `others` has the rest, of all files.
    """
    definitions: list[DefinitionNode] = []
    errors: list[ConfigError] = []
    for file in files:
        try:
            known = texts.get(str(file)) if texts is not None else None
            text = read_text_file(file, "schema file") if known is None else known
            definitions += parse_sdl(text, str(file)).definitions
        except ConfigError as exc:
            errors += (exc, *exc.others)
    if errors:
        raise together(errors)
    return DocumentNode(definitions=tuple(definitions))


def parse_sdl(text: str, name: str) -> DocumentNode:
    """Parse one schema text. Errors: ConfigError with `name`, line and column; `others` has the rest."""
    if not text.strip(_BLANKS):
        return DocumentNode(definitions=())
    try:
        return SchemaParser(SchemaSource(text, name)).parse_whole()
    except GraphQLSyntaxError as exc:
        raise together(list(_syntax_errors(text, name, exc))) from exc


def _syntax_errors(text: str, name: str, first: GraphQLSyntaxError) -> Iterator[ConfigError]:
    """The mistakes of a text: one for each definition that has any, as far as definitions begin a line."""
    lines = LINE_END.split(text.rstrip("\r\n"))
    error: GraphQLSyntaxError | None = first
    begin, count = 0, 0
    told: set[tuple[int | None, int | None]] = set()
    while error is not None and count < MAX_SYNTAX_ERRORS:
        place = error.locations[0] if error.locations else None
        line, column = (place.line, place.column) if place else (None, None)
        if (line, column) not in told:  # a definition that is read again has its mistake again
            yield ConfigError(error.message, file=name, line=line, column=column)
        told.add((line, column))
        count += 1
        # The definition at the mistake may be a whole one: what stands before it was not closed.
        after = max(begin + 1, (line or len(lines)) - 1)
        starts = (i for i in range(after, len(lines)) if _DEFINITION.match(lines[i]))
        begin = next(starts, len(lines))
        rest = "\n" * begin + "\n".join(lines[begin:])
        error = None
        if rest.strip(_BLANKS):
            try:
                parse(Source(rest, name), max_tokens=MAX_SCHEMA_TOKENS)
            except GraphQLSyntaxError as exc:
                error = exc


def keys_without(*left_out: str) -> dict[str, tuple[str, ...]]:
    """What `visit` is given so that it passes by some members of all nodes: half of a schema's nodes are names."""
    return {
        kind: tuple(key for key in keys if key not in left_out)
        for kind, keys in QUERY_DOCUMENT_KEYS.items()
    }


def place_of(node: Node | None) -> tuple[str | None, int | None, int | None]:
    """File, line and column of a node of the schema; Nones where it has none."""
    if node is None or node.loc is None:
        return None, None, None
    line, column = node.loc.source.get_location(node.loc.start)
    return node.loc.source.name, line, column


def diagnose(error: GraphQLError) -> Diagnostic:
    """A schema error of graphql-core as a diagnostic at its first node."""
    file, line, column = place_of(error.nodes[0] if error.nodes else None)
    return Diagnostic(error.message, file=file, line=line, column=column)
