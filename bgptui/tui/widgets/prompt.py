"""The line that asks for text to find or filter by."""

from collections.abc import Callable

from textual.widgets import Input


class Prompt(Input):
    """An Input that hands its answer over at once.

    Textual posts it as a message: the keys typed after Enter would still come in here.
    """

    def __init__(self, answered: Callable[[str], None], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, compact=True)
        self.cursor_blink = False
        self._answered = answered

    async def action_submit(self) -> None:
        self._answered(self.value)
