"""Columns of a run and their moving average."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattloom.views.series import RunData, moving_average, smoothing_window


@given(
    values=st.lists(st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6)), max_size=60),
    window=st.integers(1, 70),
)
def test_the_moving_average_is_the_mean_of_the_last_finite_values(values, window):
    array = np.array(values, dtype=float)
    found = moving_average(array, window)
    for k in range(len(array)):
        part = array[max(k + 1 - window, 0) : k + 1]
        finite = part[np.isfinite(part)]
        if len(finite):
            assert found[k] == pytest.approx(finite.mean(), rel=1e-9, abs=1e-6)
        else:
            assert np.isnan(found[k])


@pytest.mark.parametrize(("length", "window"), [(0, 1), (9, 1), (10, 5), (60, 6), (400, 40), (10_000, 100)])
def test_the_window_grows_with_the_data(length, window):
    assert smoothing_window(length) == window


def test_series_take_the_records_that_have_the_column(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "metrics.jsonl").write_text(
        '{"event":"update","step":1,"time":5,"train/a":1.5,"time/x":9}\n'
        '{"event":"episode","step":2,"rollout/return":-3}\n'
        '{"event":"update","step":3,"train/a":null,"nonfinite":1,"train/late":2}\n'
        '{"event":"upd'
    )
    (tmp_path / "logs" / "columns.jsonl").write_text('{"name":"env/e","unit":"kWh"}\n{"name":"rollout/return","unit":"1"}\n')
    data = RunData.read(tmp_path)
    assert data.torn == 1
    series = data.series("update")
    assert list(series) == ["train/a", "train/late"]
    assert series["train/a"].steps.tolist() == [1.0, 3.0]
    assert series["train/a"].values[0] == 1.5
    assert np.isnan(series["train/a"].values[1])
    assert series["train/late"].steps.tolist() == [3.0]
    assert (data.unit("env/e"), data.unit("rollout/return"), data.unit("unknown")) == ("kWh", "", "")


def test_a_run_without_metrics_has_no_series(tmp_path):
    assert RunData.read(tmp_path).series("update") == {}
