"""Documents made to hurt: one for each advisory that concerns documents, at the size that the limits let in.

Each is as large as an attacker can make it. `refused` is the code that it ends with; None: it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphql import GraphQLSchema, build_schema, get_introspection_query

SCHEMA: GraphQLSchema = build_schema("""
    directive @note(text: String) repeatable on FIELD
    input In { in: In, n: Int, list: [In] }
    interface Node { id: ID, node: Node, f(a: Int): Int }
    type A implements Node { id: ID, node: Node, f(a: Int): Int, b: B, list: [A] }
    type B implements Node { id: ID, node: Node, f(a: Int): Int, a: A }
    type Query { a(n: Int, in: In): A, b: B, node: Node, f(a: Int): Int, strict(x: Int!): Int, s(x: String): String }
""")


@dataclass(frozen=True)
class Hostile:
    """One attack.

    Attributes:
        id: The advisory, or the publication, that it is after.
        text: The document.
        refused: Code of the refusal; None when the document is harmless within the limits.
    """

    id: str
    text: str
    refused: str | None


def nested(count: int, inner: str = "id") -> str:
    return "node { " * count + inner + " }" * count


def inline(count: int, inner: str) -> str:
    return "... on A { " * count + inner + " }" * count


def fragments(count: int, times: int, last: str = "id") -> str:
    """Each fragment spreads the next one several times: times ** count selections."""
    parts = [
        f"fragment F{n} on Node {{ "
        + f"node {{ ...F{n + 1} }} " * 1
        + f"...F{n + 1} " * (times - 1)
        + "}"
        for n in range(count)
    ]
    return " ".join([*parts, f"fragment F{count} on Node {{ {last} }}"])


def chain(count: int) -> str:
    parts = [f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(count)]
    return " ".join(["{ ...F0 }", *parts, f"fragment F{count} on Query {{ f }}"])


CORPUS = [
    Hostile("CVE-2026-75507", "{ a { " + inline(180, "id " * 80 + "f(a: 1)") + " } }", None),
    Hostile("CVE-2026-75507-wide", "{ a { " + "... on A { f(a: 1) } " * 150 + "} }", None),
    Hostile("CVE-2026-75508", "#\n" * 9_000 + "{ f }", "MAX_TOKENS_LIMIT"),
    Hostile("CVE-2026-75508-one-comment", "#" + "x" * 19_000 + "\n{ f }", None),
    Hostile("CVE-2023-26144", "{ a { " + " ".join(f"x: f(a: {n})" for n in range(220)) + " } }", "MAX_ALIASES_LIMIT"),
    Hostile("CVE-2023-26144-no-alias", "{ a { " + "f(a: 1) f(a: 2) " * 140 + "} }", "MAX_VALIDATION_LIMIT"),
    Hostile("CVE-2023-26144-pairs", "{ a { " + " ".join(f"f(a: {n})" for n in range(280)) + " } }", "MAX_VALIDATION_LIMIT"),
    Hostile("CVE-2026-40476", "{ a { " + "id " * 1_990 + "} }", None),
    Hostile("CVE-2026-40476-root", "{ " + "f " * 1_990 + "}", "MAX_ROOT_FIELDS_LIMIT"),
    Hostile("GHSA-fc86-6rv6-2jpm", "{ a { id " + "... { " * 190 + "id" + " }" * 190 + " ... on A { id f }" * 200 + "} }", "MAX_VALIDATION_LIMIT"),
    Hostile("GHSA-r7cg-qjjm-xhqq", "{ a(in: " + "{in: " * 190 + "{}" + "}" * 190 + ") { id } }", None),
    Hostile("GHSA-r7cg-qjjm-xhqq-lists", "{ s(x: " + "[" * 900 + "]" * 900 + ") }", "GRAPHQL_PARSE_FAILED"),
    Hostile("CVE-2026-40324", "{" + "a{" * 9_900, "GRAPHQL_PARSE_FAILED"),
    Hostile("CVE-2026-40324-40kB", "{" + "a{" * 20_000, "MAX_DOCUMENT_LIMIT"),
    Hostile("RUSTSEC-2026-0416", chain(240), "MAX_VALIDATION_LIMIT"),
    Hostile("RUSTSEC-2026-0416-nested", "{ " + nested(150) + " }", "MAX_DEPTH_LIMIT"),
    Hostile("CVE-2022-31173", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
    Hostile("CVE-2022-31173-self", "{ ...A } fragment A on Query { f ...A node { ...A } }", "GRAPHQL_VALIDATION_FAILED"),
    Hostile("GHSA-xq3c-8gqm-v648", "{ a { ...A } } fragment A on A { list { ...A ...B } } fragment B on A { list { ...B ...A } }", "GRAPHQL_VALIDATION_FAILED"),
    Hostile("CVE-2024-47614", "{ f " + "@note " * 900 + "}", "MAX_DIRECTIVES_LIMIT"),
    Hostile("GHSA-2hmf-46v7-v6fx", "{ f " + "@skip(if: false) " * 420 + "}", "MAX_TOKENS_LIMIT"),
    Hostile("GHSA-2hmf-46v7-v6fx-variables", "query (" + " ".join(f"$v{n}: Int @note" for n in range(240)) + ") { f }", "MAX_DIRECTIVES_LIMIT"),
    Hostile("CVE-2023-50730", "{ ...A } " + " ".join(f"fragment A{n} on Query {{ ...A{(n + 1) % 200} }}" for n in range(200)), "GRAPHQL_VALIDATION_FAILED"),
    Hostile("CVE-2022-37734", "{ f(a: " + "@" * 1_900, "GRAPHQL_PARSE_FAILED"),
    Hostile("CVE-2022-37734-names", "{ " + "ｆ" * 5_000 + " }", "GRAPHQL_PARSE_FAILED"),
    Hostile("CVE-2023-28867", "{ f(a: " + "{a:" * 6_000, "GRAPHQL_PARSE_FAILED"),
    Hostile("CVE-2024-40094", "{ __schema { types { " + "fields { type { " * 80 + "name" + " } }" * 80 + " } } }", "MAX_DEPTH_LIMIT"),
    Hostile("CVE-2024-40094-wide", "{ " + "__schema { types { fields { name } } } " * 110 + "}", "MAX_ROOT_FIELDS_LIMIT"),
    Hostile("CVE-2024-40094-lists", "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "GRAPHQL_VALIDATION_FAILED"),
    Hostile("CVE-2025-32034", "{ node { ...F0 } } " + fragments(30, 3), "MAX_DEPTH_LIMIT"),
    Hostile("CVE-2025-32034-flat", "{ node { ...F0 } } " + " ".join(f"fragment F{n} on Node {{ ...F{n + 1} ...F{n + 1} ...F{n + 1} }}" for n in range(100)) + " fragment F100 on Node { id }", "MAX_SELECTIONS_LIMIT"),
    Hostile("CVE-2025-32032", "{ node { " + "... on A { b { a { id } } } ... on B { a { b { id } } } " * 60 + "} }", None),
    Hostile("CVE-2025-32030", "{ node { ...F0 } } " + fragments(12, 12), "MAX_SELECTIONS_LIMIT"),
    Hostile("CVE-2025-32034-types", "{ a { ...F0 } } " + " ".join(f"fragment F{n} on Node {{ node {{ ...F{n + 1} }} ... on A {{ b {{ ...F{n + 1} }} }} ... on B {{ a {{ ...F{n + 1} }} }} }}" for n in range(6)) + " fragment F6 on Node { id }", None),
    Hostile("CVE-2025-32380", "{ a { " + "...F " * 600 + "} } fragment F on A { " + "id " * 600 + "}", "MAX_SELECTIONS_LIMIT"),
    Hostile("CVE-2026-47706", "query A { ...X } query B { ...Y } fragment X on Query { node { ...Z } ...Y } fragment Y on Query { ...X } fragment Z on Node { node { ...Z } }", "GRAPHQL_VALIDATION_FAILED"),
    Hostile("CVE-2026-47707", "{ " + " ".join("node { ...F } " for _ in range(75)) + "} fragment F on Node { a1: id a2: id a3: id }", "MAX_ALIASES_LIMIT"),
    Hostile("shared-fragments-3.3.2", " ".join(f"query Q{n} {{ ...F }}" for n in range(180)) + " fragment F on Query { " + "...G " * 15 + "} fragment G on Query { f }", None),
    Hostile("introspection-depth-3.3.2", "{ ...T0 } " + " ".join(f"fragment T{n} on Query {{ ...T{n + 1} ...T{n + 1} }}" for n in range(60)) + " fragment T60 on Query { __schema { types { name } } }", "MAX_ROOT_FIELDS_LIMIT"),
    Hostile("many-errors", "{ a { " + " ".join(f"n{n}" for n in range(1_990)) + " } }", "GRAPHQL_VALIDATION_FAILED"),
    Hostile("many-suggestions", "{ a { " + "idd lisst nodee " * 600 + "} }", "MAX_VALIDATION_LIMIT"),
    Hostile("many-variables", "query (" + " ".join(f"$v{n}: Int" for n in range(400)) + ") { f }", "GRAPHQL_VALIDATION_FAILED"),
    Hostile("many-operations", " ".join(f"query Q{n} {{ f }}" for n in range(390)), None),
    Hostile("same-operations", "query Q { f } " * 390, "GRAPHQL_VALIDATION_FAILED"),
    Hostile("long-number", "{ f(a: " + "9" * 19_000 + ") }", "GRAPHQL_VALIDATION_FAILED"),
    Hostile("long-string", '{ s(x: "' + "\\\\" * 9_900 + '") }', None),
    Hostile("long-block-string", '{ s(x: """' + '\\"""\n' * 3_900 + '""") }', None),
    Hostile("open-string", '{ s(x: "' + '\\"' * 9_900, "GRAPHQL_PARSE_FAILED"),
    Hostile("open-block-string", '{ s(x: """' + '\\"""' * 4_900, "GRAPHQL_PARSE_FAILED"),
    Hostile("quotes", '{ s(x: ' + '"' * 19_000, "GRAPHQL_PARSE_FAILED"),
    Hostile("control-characters", "{ f(a: \x01) \x02 \x03 \x04 }", "GRAPHQL_PARSE_FAILED"),
    Hostile("wide-characters", "{ s(x: \"" + "\U0001f600" * 9_000 + "\") }", "MAX_DOCUMENT_LIMIT"),
    Hostile("the-introspection-query", get_introspection_query(), None),
]  # fmt: skip
