"""Which fields may differ between two runs of the same seed."""

from wattloom.telemetry.logger import ENVELOPE, WALL_CLOCK_FIELDS, is_wall_clock, without_wall_clock


def test_only_time_of_the_envelope_depends_on_the_clock():
    assert [name for name in ENVELOPE if is_wall_clock(name)] == ["time"]


def test_all_listed_fields_are_named_so_that_they_can_be_told():
    assert all(name == "time" or name.startswith("time/") for name in WALL_CLOCK_FIELDS)


def test_the_rest_of_a_record_is_kept_in_order():
    record = {"step": 1, "time": 2.0, "rollout/return": 3.0, "time/elapsed_seconds": 4.0, "time/of_a_stranger": 5.0}
    assert list(without_wall_clock(record).items()) == [("step", 1), ("rollout/return", 3.0)]
