"""JSON Lines, the wide CSV table and TensorBoard: what is written, and what a resume leaves."""

import csv
import json
import logging
import struct
import sys

import pytest

from wattloom.components.loggers.csv import CsvLogger
from wattloom.components.loggers.jsonl import JsonlLogger
from wattloom.components.loggers.tensorboard import TensorBoardLogger
from wattloom.errors import ConfigError, MissingExtraError
from wattloom.run_directory import RunDirectory
from wattloom.telemetry.logger import Logger
from wattloom.telemetry.loggers import LoggerList


def record(step, **values):
    return {"source": "train", "event": "update", "step": step, "updates": step, "episodes": 0, "time": 1e9 + step, **values}


@pytest.fixture
def directory(tmp_path):
    return RunDirectory(tmp_path)


def opened(logger, directory):
    logger.open(directory)
    return logger


def rows(directory):
    with (directory.logs / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_jsonl_is_readable_while_open(directory):
    logger = opened(JsonlLogger(), directory)
    logger.write(record(1, loss=0.5))
    (line,) = (directory.logs / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line) == record(1, loss=0.5)
    assert list(json.loads(line)) == list(record(1, loss=0.5))


def test_jsonl_counts_what_is_not_finite(directory):
    opened(JsonlLogger(), directory).write(record(1, loss=float("inf")))
    written = json.loads((directory.logs / "metrics.jsonl").read_text())
    assert (written["loss"], written["nonfinite"]) == (None, 1)


def test_jsonl_goes_back_to_the_checkpoint(directory):
    logger = opened(JsonlLogger(), directory)
    logger.write(record(1))
    state = logger.state_dict()
    logger.write(record(2))
    logger.close()
    again = opened(JsonlLogger(), directory)
    again.load_state_dict(state)
    again.write(record(3))
    steps = [json.loads(line)["step"] for line in (directory.logs / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 3]
    (tail,) = directory.logs.glob("metrics.tail-*.jsonl")
    assert json.loads(tail.read_text())["step"] == 2


def test_csv_adds_late_columns_at_the_right_and_leaves_earlier_cells_empty(directory):
    logger = opened(CsvLogger(), directory)
    logger.write(record(1, a=0.1))
    logger.write(record(2, b=2))
    logger.write(record(3, a=float("nan"), b=3))
    table = rows(directory)
    assert list(table[0]) == ["source", "event", "step", "updates", "episodes", "time", "a", "b"]
    assert [(row["step"], row["a"], row["b"]) for row in table] == [("1", "0.1", ""), ("2", "", "2"), ("3", "", "3")]


def test_csv_numbers_read_back_equal(directory):
    logger = opened(CsvLogger(), directory)
    logger.write(record(1, a=1 / 3))
    assert float(rows(directory)[0]["a"]) == 1 / 3


def test_csv_quotes_what_needs_it(directory):
    opened(CsvLogger(), directory).write(record(1, **{"rollout/a,b/return": 1.0}))
    assert rows(directory)[0]["rollout/a,b/return"] == "1.0"


def test_csv_goes_back_to_rows_and_columns_of_the_checkpoint(directory):
    logger = opened(CsvLogger(), directory)
    logger.write(record(1, a=1))
    state = logger.state_dict()
    logger.write(record(2, late=2))
    logger.close()
    again = opened(CsvLogger(), directory)
    again.load_state_dict(state)
    again.write(record(3, other=3))
    assert [(row["step"], row["a"], row["other"]) for row in rows(directory)] == [("1", "1", ""), ("3", "", "3")]
    assert "late" not in rows(directory)[0]
    (tail,) = directory.logs.glob("metrics.tail-*.csv")
    assert "late" in tail.read_text().splitlines()[0]
    assert len(tail.read_text().splitlines()) == 2


def test_csv_continues_after_a_torn_line(directory):
    logger = opened(CsvLogger(), directory)
    logger.write(record(1, a=1))
    logger.close()
    path = directory.logs / "metrics.csv"
    path.write_text(path.read_text() + "train,upd")
    opened(CsvLogger(), directory).write(record(2, a=2))
    assert [row["step"] for row in rows(directory)] == ["1", "2"]


def test_csv_before_open_is_a_programming_error():
    with pytest.raises(RuntimeError, match="open"):
        CsvLogger().write(record(1))
    with pytest.raises(RuntimeError, match="open"):
        JsonlLogger().write(record(1))


def events(path):
    """Decode an event file: frames of length, checksum, message, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        found.append(Event.FromString(data[at + 12 : at + 12 + length]))
        at += 16 + length
    return found


def scalars(path):
    return [(event.step, value.tag, value.simple_value) for event in events(path) for value in event.summary.value]


def event_files(directory):
    return sorted((directory.logs / "tensorboard").iterdir(), key=lambda file: file.stat().st_mtime_ns)


def test_tensorboard_holds_every_value_at_its_step(directory):
    logger = opened(TensorBoardLogger(), directory)
    logger.write(record(1, loss=0.25, entropy=2.0))
    logger.write(record(5, loss=0.5))
    logger.close()
    (file,) = event_files(directory)
    assert scalars(file) == [(1, "loss", 0.25), (1, "entropy", 2.0), (5, "loss", 0.5)]
    assert [event.wall_time for event in events(file) if event.summary.value] == [1e9 + 1, 1e9 + 1, 1e9 + 5]


def test_tensorboard_hides_what_lies_behind_the_checkpoint(directory):
    logger = opened(TensorBoardLogger(), directory)
    logger.write(record(1, loss=1.0))
    state = logger.state_dict()
    logger.write(record(2, loss=2.0))
    logger.close()
    again = opened(TensorBoardLogger(), directory)
    again.load_state_dict(state)
    again.write(record(3, loss=3.0))
    again.close()
    first, second = event_files(directory)
    assert scalars(first) == [(1, "loss", 1.0), (2, "loss", 2.0)]
    assert scalars(second) == [(3, "loss", 3.0)]
    restart = [event.step for event in events(second) if event.HasField("session_log")]
    assert restart == [2]


def test_a_missing_extra_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'wattloom\[tensorboard\]'") as caught:
        TensorBoardLogger()
    assert "\n" not in str(caught.value)


def test_tensorboard_refuses_nonsense():
    with pytest.raises(ConfigError, match=r"logger\.tensorboard\.flush_seconds must be positive"):
        TensorBoardLogger(flush_seconds=0)


class Broken(Logger):
    def __init__(self):
        self.calls = 0

    def write(self, record):
        self.calls += 1
        raise OSError("disk full")


class RequiredBroken(Broken):
    required = True


def test_a_failing_optional_logger_is_logged_once_and_switched_off(directory, caplog):
    broken = Broken()
    loggers = LoggerList({"broken": broken, "jsonl": JsonlLogger()})
    loggers.open(directory)
    with caplog.at_level(logging.WARNING):
        for step in range(3):
            loggers.write(record(step))
    assert broken.calls == 1
    assert len((directory.logs / "metrics.jsonl").read_text().splitlines()) == 3
    assert caplog.text.count("broken") == 1
    assert "disk full" in loggers.errors["broken"]


def test_a_failing_required_logger_stops_the_run(directory):
    loggers = LoggerList({"broken": RequiredBroken()})
    with pytest.raises(OSError, match="disk full"):
        loggers.write(record(1))
    assert JsonlLogger.required
