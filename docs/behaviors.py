"""`docs/behaviors.md`: an index of `tests/cases/`, by what the cases are about."""

from __future__ import annotations

from pathlib import Path

CASES = Path(__file__).resolve().parent.parent / "tests" / "cases"
# The first word of a file's name, in the order of the page.
GROUPS = {
    "http": "GraphQL over HTTP",
    "introspection": "Introspection",
    "variables": "Variables",
    "directives": "Directives",
    "nulls": "Nulls",
    "errors": "Errors",
    "calls": "Calls to backends",
    "batches": "Batches",
    "entities": "Entities",
    "mapping": "Mappings",
    "requests": "Requests to backends",
    "answers": "Answers of backends",
    "php": "PHP",
    "headers": "Headers",
    "sharing": "Sharing",
    "resolvers": "Resolvers in Python",
    "documents": "Documents by id",
    "several": "Several operations in one request",
    "incremental": "Incremental delivery",
    "subscriptions": "Subscriptions",
    "uploads": "Files",
    "browsers": "Browsers",
    "deadline": "Deadlines",
    "limits": "Limits",
}
HEAD = """# Behaviors

What the gateway does, by example. Each line is a file with a schema, what stands behind it, a request and the answer, as they
are on the wire; all of them are run by the tests, over both of the gateway's adapters. How they are written is told
[beside them](../tests/cases/README.md).
"""


def titles() -> dict[str, dict[str, str]]:
    """The cases of each group: title by file name. Errors: KeyError for a group that the page has not."""
    found: dict[str, dict[str, str]] = {group: {} for group in GROUPS}
    for path in sorted(CASES.glob("*.md")):
        if path.name != "README.md":
            first = path.read_text(encoding="utf-8").partition("\n")[0]
            found[path.stem.partition("-")[0]][path.name] = first.removeprefix("# ")
    return found


def behaviors() -> str:
    """The page."""
    parts = [HEAD]
    for group, cases in titles().items():
        parts.append(f"\n## {GROUPS[group]}\n\n")
        parts += [f"- [{title}](../tests/cases/{name})\n" for name, title in cases.items()]
    return "".join(parts)
