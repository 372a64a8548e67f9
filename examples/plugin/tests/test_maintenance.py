"""In maintenance nothing changes, and clients are told."""


def test_queries_are_answered_and_clients_are_told(gateway_client):
    result = gateway_client().execute("{ visits }")
    assert result.data == {"visits": 0}
    assert result.extensions == {"readOnly": True}
    assert result.headers["x-read-only"] == "true"


def test_mutations_are_refused(gateway_client):
    result = gateway_client().execute("mutation { visit }")
    assert result.status == 503
    assert result.headers["retry-after"] == "300"
    assert result.errors[0]["extensions"]["code"] == "READ_ONLY"
