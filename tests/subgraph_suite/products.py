"""The subgraph that the tests of subgraphs ask for: the rows that they name, and what is made of them."""

from __future__ import annotations

from typing import Any

from gateway import entity_resolver, resolver

USER = {
    "email": "support@apollographql.com",
    "name": "Jane Smith",
    "totalProductsCreated": 1337,
    "yearsOfEmployment": 10,
}
OLD = {
    "sku": "apollo-federation-v1",
    "package": "@apollo/federation-v1",
    "reason": "Migrate to Federation V2",
    "createdBy": USER,
}
STUDIES = {"1234": "Federation Study", "1235": "Studio Study"}
RESEARCH = {
    number: {"study": {"caseNumber": number, "description": text}, "outcome": None}
    for number, text in STUDIES.items()
}
PRODUCTS = [
    {
        "id": id_,
        "sku": sku,
        "package": package,
        "variation": {"id": variation},
        "dimensions": {"size": "small", "weight": 1, "unit": "kg"},
        "createdBy": USER,
        "notes": None,
        "research": [RESEARCH[study]],
    }
    for id_, sku, package, variation, study in (
        ("apollo-federation", "federation", "@apollo/federation", "OSS", "1234"),
        ("apollo-studio", "studio", "", "platform", "1235"),
    )
]


def known(row: dict[str, Any], representation: dict[str, Any]) -> bool:
    """Whether a row is what a representation asks for."""
    return all(row.get(name) == value for name, value in representation.items() if name in row)


@entity_resolver("Product", vary=())
def products(representations: list[dict[str, Any]], context: Any) -> list[Any]:
    return [next((row for row in PRODUCTS if known(row, one)), None) for one in representations]


@entity_resolver("DeprecatedProduct", vary=())
def deprecated(representations: list[dict[str, Any]], context: Any) -> list[Any]:
    return [OLD if known(OLD, one) else None for one in representations]


@entity_resolver("ProductResearch", vary=())
def research(representations: list[dict[str, Any]], context: Any) -> list[Any]:
    return [RESEARCH.get(one["study"]["caseNumber"]) for one in representations]


@entity_resolver("User", vary=())
def users(representations: list[dict[str, Any]], context: Any) -> list[Any]:
    return [{**USER, **one} for one in representations]


@entity_resolver("Inventory", vary=())
def inventories(representations: list[dict[str, Any]], context: Any) -> list[Any]:
    return [{"id": one["id"], "deprecatedProducts": [OLD]} for one in representations]


@resolver("User.averageProductsCreatedPerYear", vary=())
def average(parent: dict[str, int], context: Any) -> int:
    return round(parent["totalProductsCreated"] / parent["yearsOfEmployment"])


@resolver("Query.product", names={"id": "wanted"}, vary=())
def product(parent: Any, context: Any, wanted: str) -> Any:
    return next((row for row in PRODUCTS if row["id"] == wanted), None)


@resolver("Query.deprecatedProduct", vary=())
def deprecated_product(parent: Any, context: Any, sku: str, package: str) -> Any:
    return OLD if (sku, package) == (OLD["sku"], OLD["package"]) else None
