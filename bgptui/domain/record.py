"""A message with what the aggregator made of it; becomes a row of raw_bgp_data."""

from msgspec import Struct

from bgptui.domain.routing import BgpMessage


class MessageRecord(Struct, frozen=True, gc=False):
    """One message as it is stored.

    Attributes:
        late: behind the watermark, in no window.
        window_start: start of the window its timestamp lies in, seconds since 1970 UTC.
        flap_count: first announcements within 300 s of their withdrawal by the same peer.
        session_resets: 1 where the session left Established with this message.
        watched: it touches a watched prefix or AS.
    """

    message: BgpMessage
    late: bool
    window_start: int
    flap_count: int = 0
    session_resets: int = 0
    watched: bool = False
