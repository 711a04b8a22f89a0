"""What is said about an episode of the data center. Ratios are ratios of sums; work that was left undone stands beside every saving.

CO2 and energy are those of what was bought from the grid. ``co2_settled`` adds what battery and backlog still owe at the end, so that emptying a battery
or leaving work in the queue saves nothing. Work is counted in capacity hours: one is the whole site busy for an hour.
"""

from __future__ import annotations

from wattloom.environment import Array, Column
from wattloom.figures import Course, Figure, quotient


def _settled(course: Course) -> Array:
    settled: Array = course.sums["co2"] + course.sums["co2_settlement"]
    return settled


def _undone(course: Course) -> Array:
    left = course.ends["work_queued"] + course.sums["work_dropped"]
    return 100.0 * quotient(left, course.sums["work_demand"])


FIGURES = (
    Figure.total("energy_grid", Column("energy", "MWh", "lower"), 1e-3),
    Figure.total("energy_it", Column("energy_it", "MWh", "lower"), 1e-3),
    Figure.total("energy_cooling", Column("energy_cooling", "MWh", "lower"), 1e-3),
    Figure.total("co2", Column("co2", "kg", "lower")),
    Figure(Column("co2_settled", "kg", "lower"), "total", _settled),
    Figure.total("cost", Column("cost", "USD", "lower")),
    Figure.total("water", Column("water", "m3", "lower"), 1e-3),
    Figure.ratio("energy_total", "energy_it", Column("pue", "1", "lower")),
    Figure.ratio("water", "energy_it", Column("wue", "L/kWh", "lower")),
    Figure.ratio("heat_free", "heat_removed", Column("free_cooling", "1", "higher")),
    Figure.mean("state_of_charge", Column("charge_mean", "1")),
    Figure.end("state_of_charge", Column("charge_left", "1")),
    Figure.total("work_dropped", Column("dropped", "capacity h", "lower")),
    Figure.total("work_overdue", Column("overdue", "capacity h", "lower")),
    Figure.end("work_queued", Column("queue_left", "capacity h", "lower")),
    Figure(Column("work_undone", "%", "lower"), "ratio", _undone),
    Figure.ratio("co2", "work_executed", Column("co2_per_work", "kg/capacity h", "lower")),
    Figure.highest("inlet", Column("inlet_max", "degC", "lower")),
    Figure.total("over_27", Column("over_27", "K h", "lower")),
    Figure.total("outside_recommended", Column("outside_recommended", "h", "lower")),
    Figure.total("outside_allowable", Column("outside_allowable", "h", "lower")),
)
