"""The shop's graph, with its service played by the test."""

from gateway.testing import FakeAnswer

PRODUCTS = [
    {"id": 1, "name": "Cup", "pricing": {"amount": 4.5}},
    {"id": 2, "name": "Jug", "pricing": {"amount": 12}},
]
REVIEWS = [{"productId": 2, "stars": 5, "text": "Good"}, {"productId": 1, "stars": 3, "text": None}]


def test_reviews_of_all_products_are_one_call(gateway_client):
    client = gateway_client(sources={"shop": {"GET /products": PRODUCTS, "GET /reviews": REVIEWS}})
    result = client.execute("{ products { title price reviews { stars } } }")
    assert result.errors == []
    assert result.data == {
        "products": [
            {"title": "Cup", "price": 4.5, "reviews": [{"stars": 3}]},
            {"title": "Jug", "price": 12.0, "reviews": [{"stars": 5}]},
        ]
    }
    assert client.sources["shop"].paths == ["GET /products", "GET /reviews?product=1&product=2"]


def test_what_the_service_says_is_the_error(gateway_client):
    sold_out = {"error": {"text": "Only 2 are left.", "code": "SOLD_OUT"}}
    client = gateway_client(sources={"shop": {"POST /orders": FakeAnswer(sold_out, status=409)}})
    result = client.execute("mutation { order(productId: 1, count: 3) { id } }")
    assert result.data == {"order": None}
    assert result.errors[0]["message"] == "Only 2 are left."
    assert result.errors[0]["extensions"]["code"] == "SOLD_OUT"
    assert client.sources["shop"].calls[0].json == {"product": "1", "count": 3}
