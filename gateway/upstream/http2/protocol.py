"""HTTP/2 as the h2 package speaks it here: how much is taken in, and where h2 itself does otherwise.

It must do no I/O and know no stream of ours.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.frame_buffer
import h2.settings
from hyperframe.frame import Frame, GoAwayFrame

MAX_STREAMS = 100
# A body that its caller does not take: above this the backend has to wait.
STREAM_WINDOW_BYTES = 256 * 1024
# All streams' windows together, so that bodies nobody takes never hold up the others.
CONNECTION_WINDOW_BYTES = MAX_STREAMS * STREAM_WINDOW_BYTES
HEAD_BYTES = 64 * 1024


class NoHttp2(Exception):  # noqa: N818 - it is no error: HTTP/1.1 is spoken then
    """The backend chose HTTP/1.1 by ALPN."""


class Frames(h2.frame_buffer.FrameBuffer):
    """h2's, which takes in 16 MB of a frame before it says that it is too long: what is no HTTP/2 looks so."""

    def __next__(self) -> Frame:
        if len(self._data) >= 9:
            self._validate_frame_length(int.from_bytes(self._data[:3], "big"))
        return super().__next__()


class ClientConnection(h2.connection.H2Connection):
    """h2's, which closes with a GOAWAY, where RFC 9113 §6.8 lets the streams that are open end."""

    def __init__(self) -> None:
        super().__init__(h2.config.H2Configuration(header_encoding=None))
        self.incoming_buffer = Frames(server=False)
        self.local_settings = h2.settings.Settings(
            initial_values={
                h2.settings.SettingCodes.ENABLE_PUSH: 0,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_BYTES,
            }
        )

    def initiate_connection(self) -> None:
        """As h2's, with a window for all streams together."""
        super().initiate_connection()
        self.increment_flow_control_window(CONNECTION_WINDOW_BYTES - 65_535)

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Any], list[h2.events.Event]]:
        event = h2.events.ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        return [], [event]


def speaks_http2(transport: asyncio.BaseTransport) -> bool:
    """Whether HTTP/2 was agreed on by ALPN, or nothing had to be agreed on."""
    tls = transport.get_extra_info("ssl_object")
    return tls is None or tls.selected_alpn_protocol() == "h2"
