"""The library's graph, and how many statements it takes."""


def statements(client):
    return client.client.app.state["statements"]


def test_the_books_of_all_authors_are_one_statement(gateway_client):
    client = gateway_client()
    statements(client).clear()
    result = client.execute("{ authors { name books(first: 1) { title } } }")
    assert result.errors == []
    assert result.data == {
        "authors": [
            {"name": "Jane Austen", "books": [{"title": "Emma"}]},
            {"name": "Mary Shelley", "books": [{"title": "Frankenstein"}]},
        ]
    }
    assert len(statements(client)) == 2


def test_authors_that_several_places_ask_for_are_one_statement(gateway_client):
    client = gateway_client()
    statements(client).clear()
    result = client.execute(
        "{ a: book(id: 1) { author { name } } b: book(id: 3) { author { name } } c: book(id: 2) { author { id } } }"
    )
    assert result.errors == []
    assert result.data["a"] == {"author": {"name": "Jane Austen"}}
    assert sum("FROM authors" in statement for statement in statements(client)) == 1
