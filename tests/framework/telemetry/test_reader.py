"""Reading JSON Lines of a killed run."""

import pytest

from wattloom.errors import DataError
from wattloom.telemetry.reader import read_records


def write(tmp_path, text):
    path = tmp_path / "m.jsonl"
    path.write_bytes(text.encode())
    return path


def test_records_come_in_file_order(tmp_path):
    found = read_records(write(tmp_path, '{"event":"a","x":1}\n{"event":"b"}\n{"event":"a","x":2}\n'))
    assert len(found) == 3
    assert [record["x"] for record in found.select("a")] == [1, 2]
    assert found.torn == 0


@pytest.mark.parametrize("tail", ['{"x":', "{", '{"x": "\\u00'])
def test_a_torn_last_line_is_skipped_and_reported(tmp_path, tail):
    found = read_records(write(tmp_path, '{"x":1}\n' + tail))
    assert (list(found), found.torn) == ([{"x": 1}], 1)


def test_a_line_cut_inside_a_character_is_torn(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"x":1}\n{"unit":"\xc2')
    assert read_records(path).torn == 1


def test_a_whole_last_line_without_its_newline_is_kept(tmp_path):
    found = read_records(write(tmp_path, '{"x":1}\n{"x":2}'))
    assert (len(found), found.torn) == (2, 0)


def test_damage_in_the_middle_is_an_error_that_names_file_and_line(tmp_path):
    with pytest.raises(DataError, match=r"m\.jsonl, line 2: not JSON"):
        read_records(write(tmp_path, '{"x":1}\n{"x":\n{"x":3}\n'))


def test_a_line_that_is_no_object_is_an_error(tmp_path):
    with pytest.raises(DataError, match="line 1: expected a JSON object, found list"):
        read_records(write(tmp_path, "[1]\n{}\n"))


def test_a_missing_or_empty_file_has_no_records(tmp_path):
    assert len(read_records(tmp_path / "none.jsonl")) == 0
    assert len(read_records(write(tmp_path, ""))) == 0


def test_records_can_be_chosen_while_reading(tmp_path):
    found = read_records(write(tmp_path, '{"x":1}\n{"x":2}\n'), keep=lambda record: record["x"] > 1)
    assert list(found) == [{"x": 2}]
