"""The rooms that a pipeline's stages work with."""

from msgspec import Struct

from bgptui.correlate.correlator import Correlator
from bgptui.correlate.event_groups import EventGroups
from bgptui.detect.detector import Detector
from bgptui.features.aggregator import Aggregator
from bgptui.pipeline.moment import PeerCount
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.routemon.monitor import RouteMonitor
from bgptui.rpki.validator import Validator


class Rooms(Struct, frozen=True):
    """The pure parts, as the application made them for this run.

    Attributes:
        roas: None where VRPs are taken as they stand, or there are none.
    """

    aggregator: Aggregator
    monitor: RouteMonitor
    detector: Detector
    groups: EventGroups
    correlator: Correlator
    peers: PeerCount
    vrps: Validator
    roas: RoaWatch | None = None
