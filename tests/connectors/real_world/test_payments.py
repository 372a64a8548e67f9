"""A payments service: form bodies, writes that may be sent again, minor units, an error envelope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.connectors.scenario import Scenario, execute, use_path
from tests.support.backend import Answer, Asked

SDL = Path(__file__).with_name("payments.graphql").read_text(encoding="utf-8")
CUSTOMERS = {
    key: {
        "id": key,
        "email": f"{key}@example.org",
        "name": key.upper(),
        "balance": -250,
        "currency": "eur",
        "created": 1700000000,
        "address": {"line1": "1 High St", "city": "Leeds", "postal_code": "LS1", "country": "GB"},
    }
    for key in ("cus_a", "cus_b")
}
PAYMENTS = {
    "has_more": True,
    "data": [
        {
            "id": "pay_1",
            "amount": 1999,
            "currency": "eur",
            "fee": 58,
            "status": "succeeded",
            "customer": "cus_b",
            "created": 1700000001,
            "paid_at": 1700000009,
            "payment_method_details": {"card": {"brand": "visa", "last4": "4242", "exp_month": 7}},
            "metadata": {"note": "first"},
        },
        {
            "id": "pay_2",
            "amount": 500,
            "currency": "jpy",
            "fee": 0,
            "status": "requires_action",
            "customer": "cus_a",
            "created": 1700000002,
            "paid_at": None,
            "payment_method_details": {"card": None},
            "metadata": {},
        },
    ],
}
DECLINED = {"error": {"code": "card_declined", "message": "The card was declined.", "param": None}}
TOO_MUCH = {"error": {"code": "amount_too_large", "param": "amount"}}


def answer(asked: Asked) -> Any:
    path = asked.target.partition("?")[0]
    if path == "/v1/payments" and asked.method == "POST":
        if b"amount=1&" in asked.body:
            return Answer(DECLINED, 402)
        return {"id": "pay_3", "amount": 1999, "currency": "eur", "status": "processing", "customer": "cus_a"}  # fmt: skip
    if path == "/v1/payments":
        return PAYMENTS
    if path == "/v1/payments/pay_1/refunds":
        if b"amount=9" in asked.body:  # 200 with an envelope
            return Answer(TOO_MUCH, 200, (("content-type", "application/json"), ("request-id", "r9")))  # fmt: skip
        return {"id": "re_1", "amount": 1999, "currency": "eur", "status": "succeeded"}
    if path == "/v1/customers":
        return {"data": [*CUSTOMERS.values()]}
    key = path.rpartition("/")[2]
    return {"id": key, "deleted": True} if asked.method == "DELETE" else CUSTOMERS[key]


def scenario(query: str, variables: dict[str, Any] | None = None) -> Scenario:
    tables = {"connectors": {"config": {"version": "2024-06"}}}
    return Scenario(SDL, query, answer, None, (), variables=variables, tables=tables, env={"PAY_KEY": "sk_1"})  # fmt: skip


@pytest.fixture(params=["compiled", "graphql-core"], autouse=True)
def _path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    use_path(request.param, monkeypatch)


async def test_a_customer(tmp_path: Path) -> None:
    query = """{ customer(id: "cus_a") { id email name createdAt
      balance { minor currency } address { line1 city postcode country } } }"""
    result, (asked,) = await execute(scenario(query), tmp_path)
    assert result.errors == []
    assert result.data["customer"] == {
        "id": "cus_a",
        "email": "cus_a@example.org",
        "name": "CUS_A",
        "createdAt": 1700000000,
        "balance": {"minor": -250, "currency": "eur"},
        "address": {"line1": "1 High St", "city": "Leeds", "postcode": "LS1", "country": "GB"},
    }
    assert asked.line == "GET /v1/customers/cus_a?version=2024-06"
    assert dict(asked.headers)["authorization"] == "Bearer sk_1"


async def test_a_page_of_payments_and_their_customers(tmp_path: Path) -> None:
    query = """{ payments(status: [PAID, PENDING], first: 2) { hasMore cursor payments {
      id status amount { minor currency } fee { minor } note paidAt
      card { brand last4 expires } customer { id email } } } }"""
    result, asked = await execute(scenario(query), tmp_path)
    assert result.errors == []
    page = result.data["payments"]
    assert (page["hasMore"], page["cursor"]) == (True, "pay_2")
    assert page["payments"] == [
        {
            "id": "pay_1",
            "status": "PAID",
            "amount": {"minor": 1999, "currency": "eur"},
            "fee": {"minor": 58},
            "note": "first",
            "paidAt": 1700000009,
            "card": {"brand": "visa", "last4": "4242", "expires": "7"},
            "customer": {"id": "cus_b", "email": "cus_b@example.org"},
        },
        {
            "id": "pay_2",
            "status": "PENDING",
            "amount": {"minor": 500, "currency": "jpy"},
            "fee": {"minor": 0},
            "note": None,
            "paidAt": 1700000002,
            "card": None,
            "customer": {"id": "cus_a", "email": "cus_a@example.org"},
        },
    ]
    assert [request.line for request in asked] == [
        "GET /v1/payments?version=2024-06&status%5B%5D=succeeded&status%5B%5D=processing&limit=2",
        "GET /v1/customers?version=2024-06&ids%5B%5D=cus_b&ids%5B%5D=cus_a",
    ]


PAY = "mutation($input: PayInput!, $key: String!) { pay(input: $input, key: $key) { id status amount { minor } customer { id } } }"


async def test_a_payment_is_a_form_with_its_idempotency_key(tmp_path: Path) -> None:
    given = {
        "amount": {"minor": 1999, "currency": "eur"},
        "customer": "cus_a",
        "note": "two & three",
        "items": [{"sku": "x/1"}, {"sku": "y", "count": 2}],
    }
    result, (asked,) = await execute(scenario(PAY, {"input": given, "key": "k-1"}), tmp_path)
    assert result.errors == []
    assert result.data["pay"] == {
        "id": "pay_3",
        "status": "PENDING",
        "amount": {"minor": 1999},
        "customer": {"id": "cus_a"},
    }
    assert asked.line == (
        "POST /v1/payments?version=2024-06 "
        "amount=1999&currency=eur&customer=cus_a&capture=true"
        "&items%5B0%5D%5Bsku%5D=x%2F1&items%5B0%5D%5Bquantity%5D=1"
        "&items%5B1%5D%5Bsku%5D=y&items%5B1%5D%5Bquantity%5D=2"
        "&metadata%5Bnote%5D=two+%26+three"
    )
    headers = dict(asked.headers)
    assert headers["idempotency-key"] == "k-1"
    assert headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_key_that_would_add_a_header_is_refused(tmp_path: Path) -> None:
    given = {"amount": {"minor": 1, "currency": "eur"}, "customer": "cus_a"}
    result, asked = await execute(scenario(PAY, {"input": given, "key": "k\r\nx: y"}), tmp_path)
    assert result.data == {"pay": None}
    assert [error["path"] for error in result.errors] == [["pay"]]
    assert asked == []


async def test_a_declined_card(tmp_path: Path) -> None:
    given = {"amount": {"minor": 1, "currency": "eur"}, "customer": "cus_a"}
    result, _ = await execute(scenario(PAY, {"input": given, "key": "k"}), tmp_path)
    assert result.data == {"pay": None}
    (error,) = result.errors
    assert error["message"] == "The card was declined."
    assert error["extensions"] == {
        "code": "card_declined",
        "source": "pay",
        "http": {"status": 402},
    }


async def test_refunds_run_one_after_the_other_and_an_envelope_fails_one(tmp_path: Path) -> None:
    query = """mutation { all: refund(payment: "pay_1") { id isDone amount { minor currency } }
      more: refund(payment: "pay_1", minor: 9) { id } forget(customer: "cus_b") }"""
    result, asked = await execute(scenario(query), tmp_path)
    assert result.data == {
        "all": {"id": "re_1", "isDone": True, "amount": {"minor": 1999, "currency": "eur"}},
        "more": None,
        "forget": True,
    }
    (error,) = result.errors
    assert error["message"] == "The payment service refused the request"
    assert error["path"] == ["more"]
    assert error["extensions"] == {
        "code": "amount_too_large",
        "source": "pay",
        "http": {"status": 200},
        "parameter": "amount",
        "requestId": "r9",
    }
    assert [request.line for request in asked] == [
        "POST /v1/payments/pay_1/refunds?version=2024-06 reason=requested",
        "POST /v1/payments/pay_1/refunds?version=2024-06 amount=9&reason=requested",
        "DELETE /v1/customers/cus_b?version=2024-06",
    ]
