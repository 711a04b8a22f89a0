"""Episodes of one part of the year: whole weeks that no other part sees."""

import datetime
from dataclasses import replace

import numpy as np
import pytest

import wattloom
from wattloom.components.envs.datacenter.episode import CalendarEpisode
from wattloom.components.sources.formats.findings import DataWarning
from wattloom.components.sources.splits import LeakWarning
from wattloom.errors import ConfigError

WARM = [4, 5, 6, 7, 8, 9]


def first_days(**values):
    episode = CalendarEpisode(**values)
    return set(episode._first_days().tolist())


def days(starts, length=7):
    return {day + k for day in starts for k in range(length)}


@pytest.mark.parametrize("hour", [0, 6, None])
def test_no_day_is_seen_by_two_parts(hour):
    split = {"train": [0, 1], "validation": [2], "test": [3], "cycle": 4}
    seen = {
        part: days(first_days(part=part, split=split, start_hour=hour, days=5), 5 if hour == 0 else 6)
        for part in ("train", "validation", "test")
    }
    assert all(seen.values())
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


def test_test_weeks_of_a_season_run_from_monday_to_sunday_in_its_months():
    starts = sorted(first_days(part="test", start_month=WARM))
    dates = [datetime.date(2023, 1, 1) + datetime.timedelta(days=day) for day in starts]
    assert [date.weekday() for date in dates] == [0] * len(dates)
    assert {date.month for date in dates} <= set(WARM)
    assert np.diff(starts).tolist() == [28] * (len(starts) - 1)


def test_episodes_are_drawn_from_their_part():
    environment = wattloom.make("datacenter", num_envs=32, episode__part="test", episode__start_month=WARM)
    environment.reset(seed=0)
    drawn = set((environment.arrays["episode_start"] // 96).tolist())
    assert drawn == first_days(part="test", start_month=WARM)


def test_one_month_or_none_draws_as_before():
    assert first_days(start_month=7) == set(range(181, 212))
    assert first_days() == set(range(359))
    assert first_days(start_hour=None) == set(range(358))
    assert first_days(start_hour=5) == set(range(358))


@pytest.mark.parametrize(
    "values",
    [
        {"part": "tests"},
        {"part": "validation"},
        {"part": "test", "days": 8},
        {"split": {"train": [0], "test": [0], "cycle": 2}},
        {"split": {"trian": [0]}},
        {"start_month": []},
        {"start_month": [0, 4]},
    ],
)
def test_what_cannot_be_is_refused(values):
    with pytest.raises(ConfigError):
        first_days(**values)


def test_a_week_repeated_over_parts_is_told(tmp_path):
    path = tmp_path / "cpu.csv"
    hours = 0.5 + 0.2 * np.sin(np.arange(168) * 1.7)
    path.write_text("\n".join([",cpu_load", *(f"{i},{v:.6f}" for i, v in enumerate(np.tile(hours, 4)))]))
    with pytest.warns(LeakWarning, match="repeats every 168 h"), pytest.warns(DataWarning):
        wattloom.make("datacenter", workload="sustaindc", workload__path=str(path), episode__part="train")


def weeks_of_others_changed(monkeypatch):
    """Halve everything that is not of the training weeks, before an environment is built on it."""
    bind = CalendarEpisode.bind

    def changed(self, sources, *more):
        held_out = self.weeks.labels(self.calendar) != 0
        bind(
            self,
            {name: replace(table, values=np.where(held_out[:, None], 0.5, 1.0) * table.values) for name, table in sources.items()},
            *more,
        )

    monkeypatch.setattr(CalendarEpisode, "bind", changed)


@pytest.mark.parametrize("forecast", ["persistence", "perfect"])
def test_training_sees_no_step_of_another_week(monkeypatch, forecast):
    """Neither in its values, nor in what observations show of the day before and after, nor in a scale of observation or reward."""

    def played():
        environment = wattloom.make(
            "datacenter", num_envs=len(starts), price="synthetic", episode__part="train", observation__forecast=forecast
        )
        seen = [environment.reset(seed=1, options={"start_day": starts})]
        rewards = []
        for _ in range(environment.horizon):
            result = environment.step({name: np.ones(len(starts), dtype=int) for name in ("load_shifting", "cooling", "battery")})
            rewards.append(result.rewards["load_shifting"])
            seen.append(result.snapshot)
        return np.stack([snapshot.state for snapshot in seen]), np.stack(rewards)

    first = sorted(first_days(part="train"))
    starts = [first[0], first[1], first[6], first[7], first[-1]]
    states, rewards = played()
    weeks_of_others_changed(monkeypatch)
    other_states, other_rewards = played()
    np.testing.assert_allclose(states, other_states, rtol=0, atol=1e-6)  # sums over the year round differently
    np.testing.assert_allclose(rewards, other_rewards, rtol=1e-9)
