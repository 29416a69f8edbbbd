"""What the detector said of one window, as evidence of kind `ml`."""

from typing import Any

from bgptui.correlate.wording import drivers, leading_reason
from bgptui.domain.alert_json import iso_utc
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FEATURES


def ml_fact(score: WindowScore) -> dict[str, Any]:
    """The window, every part of its ensemble, its reasons and the features that drove them."""
    window = score.window
    return {
        "kind": "ml",
        "stream": "network" if window.peer is None else "peer",
        "collector": None if window.peer is None else window.peer.collector,
        "peer_addr": None if window.peer is None else window.peer.address,
        "peer_asn": None if window.peer is None else window.peer.asn,
        "window": iso_utc(window.start),
        "ensemble": rounded(score.ensemble),
        "lstm": rounded(score.lstm),
        "isolation_forest": rounded(score.isolation_forest),
        "heuristic": rounded(score.heuristic),
        "leading_reason": leading_reason(score),
        "reasons": [{"name": reason.name, "p": rounded(reason.p)} for reason in score.reasons],
        "features": [_feature(score, name, z) for name, z in drivers(score)],
        "learning": score.learning,
        "model_version": score.model_version,
    }


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _feature(score: WindowScore, name: str, z: float) -> dict[str, Any]:
    """Value against the baseline's median and spread, in units of a raw minute; with an
    autoencoder the share of its error, too."""
    value: float | None = getattr(score.window, name)
    index = FEATURES.index(name)
    median, spread = score.baseline[index] if index < len(score.baseline) else (None, None)
    fact = {
        "name": name,
        "value": rounded(value),
        "z": rounded(z),
        "median": rounded(median),
        "spread": rounded(spread),
    }
    if score.error_shares:
        fact["error_share"] = rounded(score.error_shares[index])
    return fact
