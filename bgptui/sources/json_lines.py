"""Recorded RIS Live messages: a text of JSON lines as lots of messages."""

from collections.abc import Iterable, Iterator

from bgptui.domain.routing import BgpMessage
from bgptui.errors import BadInput, UsageError
from bgptui.sources.first_lines import BYTE_ORDER_MARK, FIRST_LINES
from bgptui.sources.intake import Intake, oversized
from bgptui.sources.line_file import Lines, LongLine, split_lines
from bgptui.sources.recorded_gap import RecordedGap, is_gap_line, parse_gap

Recorded = BgpMessage | RecordedGap

# A file whose first lines are no JSON at all is something else than a recording.
_NO_JSON = {"malformed", "not_utf8", "oversized_frame"}


class JsonLines:
    """The frames of one input, a line each; what is bad is counted and quarantined.

    Args:
        name: the input's, for errors.
        source: the same, for the quarantine.
    Attributes:
        is_empty: nothing was read so far.
    """

    def __init__(self, name: str, source: str, *, intake: Intake, max_frame_bytes: int) -> None:
        self._name = name
        self._source = source
        self._intake = intake
        self._max_frame_bytes = max_frame_bytes
        self.is_empty = True
        self._readable = 0
        self._unreadable: BadInput | None = None

    def lots(self, content: Iterable[bytes]) -> Iterator[list[Recorded]]:
        """The messages and recorded gaps in the order of their lines.

        Raises:
            UsageError: it is no recording.
        """
        for block in split_lines(content, max_bytes=self._max_frame_bytes):
            self.is_empty = False
            if isinstance(block, LongLine):
                self._refuse(block)
            elif lot := self._take(block):
                yield lot
        if not self._readable and self._unreadable is not None:
            raise self._no_recording(self._unreadable)

    def _take(self, block: Lines) -> list[Recorded]:
        """What whole lines hold."""
        contents = block.contents
        if block.first == 1 and contents:
            contents[0] = contents[0].removeprefix(BYTE_ORDER_MARK)
        messages, others = self._intake.take_lot(contents)
        recorded: list[Recorded] = [*messages]
        gaps = 0
        for earlier, (place, other) in enumerate(others):
            content, number = contents[place].strip(), block.first + place
            if not isinstance(other, BadInput):
                self._readable += 1
            elif is_gap_line(content):
                try:
                    recorded.insert(place - earlier + gaps, parse_gap(content))
                    self._readable += 1
                    gaps += 1
                except BadInput as error:
                    self._bad(content, error, number, messages_before=place - earlier)
            elif content:
                self._bad(content, other, number, messages_before=place - earlier)
        self._readable += len(messages)
        return recorded

    def _refuse(self, line: LongLine) -> None:
        error = oversized(line.size_bytes, self._max_frame_bytes)
        self._bad(line.head, error, line.number)

    def _bad(
        self, content: bytes, error: BadInput, number: int, *, messages_before: int = 0
    ) -> None:
        """Quarantine a line; a file that begins with ten that are no JSON is refused whole."""
        self._intake.refuse(content, error, source=self._source, line=number)
        self._unreadable = self._unreadable or error
        self._readable += error.reason not in _NO_JSON
        if not self._readable and not messages_before and number >= FIRST_LINES:
            raise self._no_recording(self._unreadable)

    def _no_recording(self, first: BadInput) -> UsageError:
        return UsageError(
            f"{self._name}: not a RIS Live recording (JSON lines) and not MRT: {first}"
        )
