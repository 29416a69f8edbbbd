"""What RIS Live's JSON leaves out, read from the BGP message in a frame's `raw`: pure."""

from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.routing import BgpMessage, MessageType
from bgptui.errors import BadInput
from bgptui.sources.bgp_update import extra_attributes, message_type
from bgptui.sources.ris_messages import UNREADABLE, Control, FrameDecoder, KeepReceived

_HEX_MOST = 2 * 65_535  # RFC 8654: the largest message
_TYPE_HEX = slice(36, 38)  # the header's type octet (RFC 4271 section 4.1)
_UPDATE_HEX = "02"


class _Data(Struct, gc=False):
    raw: str = ""


class _Frame(Struct, gc=False):
    data: _Data | None = None
    raw: str = ""  # of a bare data object


_FRAME = msgspec.json.Decoder(_Frame)


class RawFrameDecoder(FrameDecoder):
    """Decodes frames, and adds large communities and OTC from their `raw`.

    The JSON stays what counts: a `raw` that is malformed or another message's is left aside.

    Args:
        on_loss: called with the reason for each `raw` that could not be used: `raw_contradicts`,
            or `raw_` and what `extra_attributes` raises.
    """

    def __init__(
        self,
        keep_received: KeepReceived = KeepReceived.NO,
        *,
        on_loss: Callable[[str], None],
    ) -> None:
        super().__init__(keep_received)
        self._on_loss = on_loss

    def decode(self, frame: bytes) -> BgpMessage | Control:
        """As FrameDecoder.decode.

        Raises:
            BadInput: as FrameDecoder.decode; never for the `raw`.
        """
        message = super().decode(frame)
        if not isinstance(message, BgpMessage) or message.type is not MessageType.UPDATE:
            return message
        try:
            raw = _raw_of(frame)
            if not raw:
                return message
            if raw[_TYPE_HEX] != _UPDATE_HEX:
                message_type(bytes.fromhex(raw))
                raise BadInput("raw is no UPDATE", reason="contradicts")
            large, otc = extra_attributes(raw)
        except BadInput as error:
            self._on_loss(f"raw_{error.reason.removeprefix('bad_raw') or 'malformed'}")
            return message
        except ValueError:
            self._on_loss("raw_malformed")
            return message
        if not large and otc is None:
            return message
        return replace(message, large_communities=large, otc=otc)


def _raw_of(frame: bytes) -> str:
    """The frame's `raw`; empty without one.

    Raises:
        BadInput: it is no text, or longer than any BGP message.
    """
    try:
        wire = _FRAME.decode(frame)
    except UNREADABLE:
        raise BadInput("raw is no text", reason="bad_raw") from None
    raw = wire.raw if wire.data is None else wire.data.raw
    if len(raw) > _HEX_MOST:
        raise BadInput("raw is longer than a BGP message", reason="too_long")
    return raw
