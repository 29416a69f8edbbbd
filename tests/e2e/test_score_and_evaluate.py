"""`bgptui score` and `bgptui evaluate` as typed."""

import csv
import json
from pathlib import Path

import pytest

from bgptui.cli import main
from support.labelled_minutes import usual_minutes, with_storm, write_csv

# Made-up minutes say nothing of a model: the rules alone.
NO_MODEL = ("--set", "detect.model=")
STREAM = with_storm(usual_minutes(1_700), first=1_600, minutes=40)


def test_score_prints_a_row_of_scores_for_each_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "storm.csv", with_storm(usual_minutes(200), first=150, minutes=20))
    assert main(["score", *NO_MODEL, str(path)]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert list(rows[0]) == [
        "epoch", "lstm", "isolation_forest", "heuristic", "ensemble", "reasons",
    ]  # fmt: skip
    assert [int(row["epoch"]) for row in rows] == [window.start for window in STREAM.windows[:200]]
    assert rows[0] == {
        "epoch": rows[0]["epoch"],
        "lstm": "", "isolation_forest": "", "heuristic": "", "ensemble": "", "reasons": "",
    }  # fmt: skip
    assert float(rows[155]["ensemble"]) > 0.47 > float(rows[140]["ensemble"])
    assert "CRITICAL_CHURN" in rows[155]["reasons"].split(";")


def test_score_refuses_what_it_cannot_read_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "bad.csv", STREAM)
    path.write_text(path.read_text().replace("withdrawals,", "withdrawn,", 1))
    assert main(["score", str(path)]) == 1
    assert "bad.csv:1: the header has no column withdrawals" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "none.csv")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_evaluate_prints_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(tmp_path / "short.csv", with_storm(usual_minutes(300), first=200, minutes=40))
    assert main(["evaluate", *NO_MODEL, str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[1].startswith("short ")
    assert "false alarms a day and stream" in text


def test_one_event_alone_cannot_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    path = write_csv(tmp_path / "one.csv", with_storm(usual_minutes(100), first=50, minutes=9))
    assert main(["evaluate", "--leave-one-event-out", str(path)]) == 2
    assert "all streams are of one event" in capsys.readouterr().err


def test_evaluate_prints_json_and_draws_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "storm.csv", STREAM)
    plots = tmp_path / "plots"
    arguments = ["--json", "--plots", str(plots), str(tmp_path)]
    assert main(["evaluate", *NO_MODEL, *arguments]) == 0
    evaluation = json.loads(capsys.readouterr().out)
    assert evaluation["ensemble"]["in_time"] == 1
    assert evaluation["streams"][0]["ensemble"]["incidents"][0]["delay_min"] <= 5
    (picture,) = plots.iterdir()
    assert picture.name == "storm.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
