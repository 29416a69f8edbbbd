"""Detectors for commands that score files instead of a feed."""

import itertools

from bgptui.config.schema import Config
from bgptui.detect.detector import Detector


def new_detector(config: Config) -> Detector:
    """The detector as configured, without history; nothing is stored, so ids count from 1."""
    return Detector(
        config.detect,
        next_feature_id=itertools.count(1).__next__,
        next_result_id=itertools.count(1).__next__,
    )
