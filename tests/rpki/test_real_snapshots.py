"""Two real snapshots of rpki-client, half an hour apart."""

import json
import shutil
from pathlib import Path

import pytest

from bgptui.domain.rpki import RpkiState
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.source import Ageing
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_source import JsonSource
from bgptui.runtime.metrics import Metrics

FIRST, SECOND = (
    "rpkiclient_summary_20250720T093135Z.json.bz2",
    "rpkiclient_summary_20250720T100145Z.json.bz2",
)
LOOKS_AT = 1_753_006_000.0  # a moment after the second was built; nothing has expired


@pytest.mark.faults  # a long one: 150 MB of JSON
def test_the_second_is_told_from_the_first_by_its_true_difference(
    shared: Path, tmp_path: Path
) -> None:
    folder, file = shared / "data" / "rpki", tmp_path / "vrps.json.bz2"
    truth = json.loads((folder / "vrp_delta_20250720T0931_1001.json").read_text())
    union = Union()
    source = JsonSource(
        str(file),
        union,
        ageing=Ageing.NEVER,
        metrics=Metrics(),
        refresh_s=600.0,
        stale_after_s=7_200.0,
        timeout_s=60.0,
    )
    shutil.copy(folder / FIRST, file)
    source.load(LOOKS_AT)
    assert (len(union.table), len(union.aspas)) == (723_521, 100)
    generation = union.generation
    shutil.copy(folder / SECOND, file)
    source.load(LOOKS_AT)
    assert (len(union.table), union.generation) == (723_524, generation + 1)
    _, changed = union.changes_since(generation)
    assert changed is not None
    prefixes = {entry["prefix"] for entry in truth["announce"] + truth["withdraw"]}
    assert set(changed) == prefixes
    for entry in truth["announce"]:
        assert state(union, entry) is RpkiState.VALID
    for entry in truth["withdraw"]:
        assert state(union, entry) is not RpkiState.VALID


def state(union: Union, entry: dict[str, str | int]) -> RpkiState:
    return validate(union.table, str(entry["prefix"]), int(entry["asn"])).state
