"""Growing files: torn lines, cutting back to a checkpoint, keeping the tail."""

import logging

from wattloom.telemetry.files import GrowingFile, write_bytes_atomically


def test_lines_reach_the_file_at_once(tmp_path):
    file = GrowingFile(tmp_path / "a.csv")
    file.write("one\n")
    assert (tmp_path / "a.csv").read_text() == "one\n"
    file.write("two\n")
    assert file.size() == 8


def test_nothing_is_made_before_the_first_line(tmp_path):
    file = GrowingFile(tmp_path / "a.csv")
    assert file.state_dict() == {"bytes": 0}
    file.close()
    assert not (tmp_path / "a.csv").exists()


def test_cutting_back_keeps_the_tail_beside(tmp_path):
    file = GrowingFile(tmp_path / "metrics.jsonl")
    file.write("one\n")
    state = file.state_dict()
    file.write("two\n")
    file.close()
    again = GrowingFile(tmp_path / "metrics.jsonl")
    again.load_state_dict(state)
    again.write("three\n")
    assert (tmp_path / "metrics.jsonl").read_text() == "one\nthree\n"
    (tail,) = tmp_path.glob("metrics.tail-*.jsonl")
    assert tail.read_text() == "two\n"


def test_two_resumes_in_one_second_keep_two_tails(tmp_path):
    file = GrowingFile(tmp_path / "m.jsonl")
    for text in ("first\n", "second\n"):
        file.write(text)
        file.load_state_dict({"bytes": 0})
    assert sorted(path.read_text() for path in tmp_path.glob("m.tail-*")) == ["first\n", "second\n"]


def test_cutting_back_to_the_present_length_makes_no_tail(tmp_path):
    file = GrowingFile(tmp_path / "m.jsonl")
    file.write("one\n")
    file.load_state_dict(file.state_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["m.jsonl"]


def test_a_torn_last_line_is_dropped_before_appending(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"a":1}\n{"a":')
    GrowingFile(path).write('{"a":2}\n')
    assert path.read_text() == '{"a":1}\n{"a":2}\n'


def test_a_file_shorter_than_its_checkpoint_is_reported(tmp_path, caplog):
    path = tmp_path / "m.jsonl"
    path.write_text("one\n")
    with caplog.at_level(logging.WARNING):
        GrowingFile(path).load_state_dict({"bytes": 100})
    assert "rows before it are lost" in caplog.text
    assert path.read_text() == "one\n"


def test_an_atomic_write_leaves_nothing_else(tmp_path):
    path = tmp_path / "picture.png"
    write_bytes_atomically(path, b"old")
    write_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
