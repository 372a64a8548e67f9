"""For tests of one's own: the whole gateway in the test's process, its backends played.

`GatewayClient` for `async def` tests, `BlockingGatewayClient` for `def` tests, `FakeSource` for a backend.
"""

from gateway.testing.answers import FakeAnswer, InTurn, in_turn
from gateway.testing.blocking import BlockingGatewayClient
from gateway.testing.calls import FakeCall
from gateway.testing.client import GatewayClient, Result
from gateway.testing.sources import FakeSource, UnexpectedCallError

__all__ = [
    "BlockingGatewayClient",
    "FakeAnswer",
    "FakeCall",
    "FakeSource",
    "GatewayClient",
    "InTurn",
    "Result",
    "UnexpectedCallError",
    "in_turn",
]
