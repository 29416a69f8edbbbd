"""What stands behind RPKI verdicts, as functions that the monitors ask."""

from collections.abc import Callable

from msgspec import Struct

from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.routing import AsPath
from bgptui.domain.rpki import DataSource, LocalException, OriginValidation


class RpkiBackground(Struct, frozen=True):
    """How the data behind verdicts changed, and where it is from. The defaults know nothing.

    Attributes:
        vrps_changed_since: the generation in force, and the prefixes at or below which verdicts
            may differ from those of an earlier one; None for everywhere.
        validated_before: the verdict on (prefix, origin) in an earlier generation; None where
            that is not remembered.
        aspas_changed_since: the ASPA generation in force, and the customers whose ASPAs differ
            from those of an earlier one; None for anybody's.
        sources: those in force at this moment.
        exceptions: the operator's (SLURM) that bear on (prefix, path).
    """

    vrps_changed_since: Callable[[int], tuple[int, PrefixSet | None]] | None = None
    validated_before: Callable[[str, int | None, int], OriginValidation | None] = (
        lambda _prefix, _origin, _generation: None
    )
    aspas_changed_since: Callable[[int], tuple[int, frozenset[int] | None]] | None = None
    sources: Callable[[], tuple[DataSource, ...]] = tuple
    exceptions: Callable[[str, AsPath], tuple[LocalException, ...]] = lambda _prefix, _path: ()
