"""Detectors for commands that score files instead of a feed."""

import itertools

from bgptui.config.schema import Config
from bgptui.detect.detector import Detector
from bgptui.detect.model_bundle import ModelBundle


def new_detector(config: Config, bundle: ModelBundle | None) -> Detector:
    """A detector without history; nothing is stored, so ids count from 1."""
    return Detector(
        config.detect,
        bundle=bundle,
        next_feature_id=itertools.count(1).__next__,
        next_result_id=itertools.count(1).__next__,
    )
