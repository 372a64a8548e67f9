"""Schema files to one document whose every node knows its file, line and column.

It reads files and parses; it binds and builds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, Node, Source, parse
from graphql.language import DefinitionNode

from gateway.errors import ConfigError, Diagnostic

MAX_SCHEMA_TOKENS = 2_000_000
"""A schema is the operator's own, but a wrong path may name any file: stop before memory is gone."""


def find_schema_files(paths: Sequence[str | Path], base: str | Path = ".") -> list[Path]:
    """The `.graphql` files that `paths` (files or folders, relative to `base`) name, sorted.

    Errors: ConfigError for a path that does not exist, or a folder without such a file.
    """
    files: list[Path] = []
    for given in paths:
        path = Path(base) / given
        if path.is_dir():
            inside = sorted(
                p for suffix in ("*.graphql", "*.graphqls", "*.gql") for p in path.rglob(suffix)
            )
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


def load_sdl(files: Iterable[Path]) -> DocumentNode:
    """Parse schema files into one document. Errors: ConfigError with file, line and column."""
    definitions: list[DefinitionNode] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"the schema file cannot be read: {exc}", file=str(file)) from exc
        definitions += parse_sdl(text, str(file)).definitions
    return DocumentNode(definitions=tuple(definitions))


def parse_sdl(text: str, name: str) -> DocumentNode:
    """Parse one schema text. Errors: ConfigError with `name`, line and column."""
    if not text.strip():
        return DocumentNode(definitions=())
    try:
        return parse(Source(text, name), max_tokens=MAX_SCHEMA_TOKENS)
    except GraphQLSyntaxError as exc:
        place = exc.locations[0] if exc.locations else None
        raise ConfigError(
            exc.message,
            file=name,
            line=place.line if place else None,
            column=place.column if place else None,
        ) from exc


def place_of(node: Node | None) -> tuple[str | None, int | None, int | None]:
    """File, line and column of a node of the schema; Nones where it has none."""
    if node is None or node.loc is None:
        return None, None, None
    token = node.loc.start_token
    return node.loc.source.name, token.line, token.column


def diagnose(error: GraphQLError) -> Diagnostic:
    """A schema error of graphql-core as a diagnostic at its first node."""
    file, line, column = place_of(error.nodes[0] if error.nodes else None)
    return Diagnostic(error.message, file=file, line=line, column=column)
