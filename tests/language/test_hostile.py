"""Every hostile document is refused with the code of what it exceeds, or is harmless within the limits."""

from __future__ import annotations

import pytest
from graphql import DocumentNode

from gateway.error_codes import CODES
from gateway.errors import ClientError, RequestError
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.language.normalize import normalize
from gateway.language.slots import find_slots
from gateway.plan.work import check_work
from tests.language.hostile import CORPUS, SCHEMA, Hostile


def admit(text: str) -> DocumentNode:
    document = load_document(text, SCHEMA, Limits())
    check_work(SCHEMA, document, None, Limits())
    return document


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.id)
def test_hostile_documents_are_refused(case: Hostile) -> None:
    normalized = normalize(case.text)
    if case.refused is None:
        document = admit(case.text)
        assert normalized is not None
        assert find_slots(SCHEMA, document, normalized).pinned == ()
        return
    assert case.refused in CODES
    with pytest.raises((ClientError, RequestError)) as caught:
        admit(case.text)
    error = caught.value
    assert isinstance(error, ClientError | RequestError)
    assert error.code == case.refused


def test_ids_are_unique() -> None:
    ids = [case.id for case in CORPUS]
    assert len(set(ids)) == len(ids)
