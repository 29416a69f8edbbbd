"""`bgptui train`: the detector's models fitted to normal minutes."""

import argparse
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import platformdirs

from bgptui import app
from bgptui.commands.detectors import new_detector
from bgptui.commands.progress import ProgressLine
from bgptui.commands.settings import load_settings
from bgptui.config.schema import Config
from bgptui.detect.labelled import LabelledStream, read_labelled
from bgptui.detect.model_bundle import (
    LSTM,
    MANIFEST,
    KeptAutoencoder,
    ModelBundle,
    load_bundle,
    model_folder,
)
from bgptui.detect.training_minutes import OnProgress
from bgptui.domain.routing import Peer
from bgptui.domain.window import FEATURES, FeatureWindow
from bgptui.errors import Fatal
from bgptui.store.connect import CONSOLE
from bgptui.store.start_state import StreamBaseline
from bgptui.store.training_rows import TrainingRows, training_rows

if TYPE_CHECKING:
    from bgptui.detect.acceptance import Verdict

# Of the labelled incidents that the default model is fitted to.
_ATTRIBUTION = "RIPE NCC RIS; labelled by ufam-lia/bgp-feature-extractor and zhida-li/CyberDefense"
_OWN_DATA = "features of this collector"


def run(args: argparse.Namespace) -> int:
    """Fit a model, judge it on time that was held back, and keep it if it is no worse."""
    # scikit-learn, scipy and onnx take more than a second to import.
    from bgptui.detect.acceptance import held_back  # noqa: PLC0415
    from bgptui.detect.bundle_files import write_bundle  # noqa: PLC0415
    from bgptui.detect.training import (  # noqa: PLC0415
        ALARM_AFTERMATH_MIN,
        INCIDENT_AFTERMATH_MIN,
        Recipe,
        train,
    )

    config = load_settings(args).config
    folder: Path = args.to or _own_folder(config)
    present_in = _present(folder, config)
    present = None if present_in is None else load_bundle(present_in)
    streams = read_labelled(args.csv) if args.csv else _from_database(config, args)
    learned, judged = held_back(streams)
    if not learned:
        raise Fatal("train: no stream is long enough: one needs three days of minutes")
    recipe = Recipe(
        name=folder.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=args.seed,
        aftermath_min=INCIDENT_AFTERMATH_MIN if args.csv else ALARM_AFTERMATH_MIN,
        attribution=_ATTRIBUTION if args.csv else _OWN_DATA,
        kept=_autoencoder_to_keep(present),
        medium=config.detect.medium,
    )
    with ProgressLine("train") as progress:
        on_progress = _shown(progress)
        trained = train(learned, recipe, on_progress=on_progress)
        bundle = trained.bundle()
        verdict = _judged(bundle, judged, config, args.seed, on_progress)
        before = (
            None if present is None else _judged(present, judged, config, args.seed, on_progress)
        )
    print(f"new:     {bundle.version}: {_in_words(verdict)}")
    if present is not None and before is not None:
        print(f"present: {present.version}: {_in_words(before)}")
        if not verdict.no_worse_than(before):
            raise Fatal(f"the new model is worse than the one in {present_in}: nothing is written")
    manifest = msgspec.structs.replace(trained.manifest, metrics=verdict.metrics())
    write_bundle(folder, manifest, trained.graphs)
    print(f'written to {folder}: set detect.model = "{folder}" to use it')
    return 0


def _shown(progress: ProgressLine) -> OnProgress:
    return lambda what, done, of: progress.show(f"{what} {done:,} of {of:,}")


def _judged(
    bundle: ModelBundle,
    streams: Sequence[LabelledStream],
    config: Config,
    seed: int,
    on_progress: OnProgress,
) -> "Verdict":
    from bgptui.detect.acceptance import judge_held_back  # noqa: PLC0415 - scikit-learn

    return judge_held_back(
        lambda: new_detector(config, bundle), streams, seed=seed, on_progress=on_progress
    )


def _in_words(verdict: "Verdict") -> str:
    return (
        f"{verdict.false_alarms_per_day:.2f} false alarms a day and stream "
        f"({verdict.false_alarms} in {verdict.days:.1f} days), {verdict.recall:.0%} of "
        f"{verdict.injected} injected faults found"
    )


def _own_folder(config: Config) -> Path:
    """Where a model of the operator's own stands."""
    if "/" in config.detect.model:
        return Path(config.detect.model).expanduser()
    return platformdirs.user_data_path("bgptui", appauthor=False) / "models" / "own"


def _present(folder: Path, config: Config) -> Path | None:
    """The model that the new one must not fall behind: the one to replace, else the one in
    use; None where there is none yet."""
    candidates = (folder, model_folder(config.detect.model))
    found = (each for each in candidates if each is not None and (each / MANIFEST).exists())
    return next(found, None)


def _autoencoder_to_keep(present: ModelBundle | None) -> KeptAutoencoder | None:
    """Without torch the present model's autoencoder stays; the rest is fitted around it."""
    if present is None or find_spec("torch") is not None:
        return None
    return KeptAutoencoder(present.graphs[LSTM], present.manifest.training.observed)


def _from_database(config: Config, args: argparse.Namespace) -> tuple[LabelledStream, ...]:
    with (
        app.existing_database(config) as database,
        database.connect(application_name=CONSOLE) as connection,
    ):
        rows = training_rows(connection, days=args.days, peers=args.peers, seed=args.seed)
    return tuple(_labelled(stream, rows) for stream in rows.streams if len(stream.starts))


def _labelled(stream: StreamBaseline, rows: TrainingRows) -> LabelledStream:
    """Windows that alarmed, on their own stream or on the network's, are not normal."""
    alarmed = rows.alarmed.get(stream.peer, frozenset()) | rows.alarmed.get(None, frozenset())
    windows = tuple(
        _window(stream.peer, int(start), values, is_gap=bool(gap))
        for start, values, gap in zip(
            stream.starts, stream.values.tolist(), stream.gaps, strict=True
        )
    )
    peer = stream.peer
    return LabelledStream(
        name="network" if peer is None else f"{peer.collector} {peer.address}",
        event="database",
        windows=windows,
        labels=np.isin(stream.starts, np.array(sorted(alarmed), dtype=np.int64)),
        unobserved=tuple(
            name for name in FEATURES if not any(getattr(window, name) for window in windows)
        ),
    )


def _window(
    peer: Peer | None, start: int, values: Sequence[float], *, is_gap: bool
) -> FeatureWindow:
    of = dict(zip(FEATURES, values, strict=True))
    return FeatureWindow(
        start=start,
        peer=peer,
        announcements=int(of["announcements"]),
        withdrawals=int(of["withdrawals"]),
        flap_count=int(of["flap_count"]),
        path_length=None if math.isnan(of["path_length"]) else of["path_length"],
        unique_peers=int(of["unique_peers"]),
        message_rate=of["message_rate"],
        session_resets=int(of["session_resets"]),
        gap=is_gap,
    )
