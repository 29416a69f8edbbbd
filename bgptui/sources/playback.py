"""When recorded frames are played, and which time they then carry."""

from enum import Enum, auto

from msgspec import Struct


class Repeat(Enum):
    """Whether a recording that has ended begins again."""

    ONCE = auto()
    FOREVER = auto()


class Times(Enum):
    """Which timestamps played frames carry.

    NOW: the moment of playing. RECORDED: their own. DATED: their own, and each is played when
    the wall reaches it (frames that were made for this very time, like a scenario's).
    """

    NOW = auto()
    RECORDED = auto()
    DATED = auto()


class Pacing(Struct, frozen=True):
    """How a recording is played.

    Attributes:
        rate_per_s: messages per second; goes before `speed`.
        speed: multiple of real time. With neither, clients are served as fast as they read,
            and none is ever too slow.
    """

    rate_per_s: float | None = None
    speed: float | None = None
    repeat: Repeat = Repeat.ONCE
    times: Times = Times.NOW

    @property
    def is_paced(self) -> bool:
        dated = self.times is Times.DATED
        return dated or self.rate_per_s is not None or self.speed is not None

    def due_s(self, *, index: int, recorded_s: float, begun_s: float) -> float:
        """Seconds after the begin at which a frame is played.

        Args:
            index: frames before it.
            recorded_s: its recorded time after the first frame's.
            begun_s: the first frame's recorded time after the begin; negative when playing
                began late.
        """
        if self.times is Times.DATED:
            return begun_s + recorded_s
        if self.rate_per_s is not None:
            return index / self.rate_per_s
        return recorded_s / self.speed if self.speed is not None else 0.0
