"""`bgptui train` as typed."""

from pathlib import Path

import pytest

from bgptui.cli import main
from support.labelled_minutes import usual_minutes, with_storm, write_csv


def test_a_stream_of_two_days_is_too_short_to_learn_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(
        tmp_path / "short.csv", with_storm(usual_minutes(2_880), first=2_000, minutes=30)
    )
    assert main(["train", str(path), "--to", str(tmp_path / "model")]) == 1
    assert "one needs three days of minutes" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_a_missing_model_stops_what_would_use_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "s.csv", with_storm(usual_minutes(100), first=50, minutes=9))
    model = tmp_path / "none"
    assert main(["score", str(path), "--set", f"detect.model={model}"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"bgptui: {model}/manifest.toml: cannot be read")
    assert len(said.splitlines()) == 1
