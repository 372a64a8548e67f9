"""What of a pod's size a release may take."""

from __future__ import annotations

import pytest

from gateway.release.capacity import quantity
from gateway.release.guards import check_release
from gateway.release.model import Object
from tests.release.objects import EU, autoscaler, deployment, facts, release


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", 0.5), ("1", 1), (2, 2), ("1Gi", 2**30), ("512Mi", 2**29), ("0.5", 0.5), ("2G", 2e9)],
)
def test_quantities(text: object, value: float) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize(
    ("cpu", "memory", "most", "is_fine"),
    [
        ("1", "1Gi", 24, True),
        ("500m", "512Mi", 12, True),
        ("2", "4Gi", 48, True),
        ("499m", "1Gi", 24, False),
        ("1", "511Mi", 24, False),
        ("1", "1Gi", 11, False),
    ],
)
def test_half_stays(cpu: str, memory: str, most: int, is_fine: bool) -> None:
    size = {"cpu": cpu, "memory": memory}
    planned = release(
        deployment(None, resources={"requests": size, "limits": size}), autoscaler(4, most)
    )
    known = facts(release(deployment(None), autoscaler(4, 24)))
    codes = {refusal.code for refusal in check_release(planned, EU, known)}
    assert codes == (set() if is_fine else {"CapacityHalved"})


@pytest.mark.parametrize(
    ("before", "after", "is_fine"),
    [("1000", "500", True), ("1000", "499", False), ("1000", "0", True), ("0", "500", True)],
)
def test_half_of_the_connections_stays(before: str, after: str, is_fine: bool) -> None:
    def sized(most: str) -> list[Object]:
        made = deployment()
        container = made["spec"]["template"]["spec"]["containers"][0]
        container["env"].append({"name": "GATEWAY_SERVER__MAX_CONNECTIONS", "value": most})
        return release(made)

    codes = {refusal.code for refusal in check_release(sized(after), EU, facts(sized(before)))}
    assert ("CapacityHalved" in codes) is not is_fine
