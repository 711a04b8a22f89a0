"""``logs/steps.csv``: the rows of chosen episodes, with every agent's action and reward."""

import csv

import pytest

from wattloom.components.hooks.metrics import Metrics
from wattloom.components.hooks.trace import Trace


def rows(run):
    with (run.directory.logs / "steps.csv").open() as file:
        return list(csv.DictReader(file))


def test_rows_add_up_to_the_returns_of_the_episode_table(make_run, execute):
    run = make_run({"metrics": Metrics(), "trace": Trace(copies=[0, 1])}, num_envs=2, total=80, evaluate_every=None)
    execute(run)
    with (run.directory.logs / "episodes.csv").open() as file:
        table = {row["episode"]: row for row in csv.DictReader(file)}
    sums: dict[tuple[str, str], float] = {}
    for row in rows(run):
        key = (row["episode"], row["agent"])
        sums[key] = sums.get(key, 0.0) + float(row["reward"])
    assert {episode for episode, _ in sums} == set(table)
    for (episode, agent), value in sums.items():
        assert value == pytest.approx(float(table[episode][f"{agent}/return"]))


def test_an_agent_with_fewer_components_leaves_cells_empty(make_run, execute):
    run = make_run({"trace": Trace()}, evaluate_every=None, total=12)
    execute(run)
    found = rows(run)
    assert list(found[0]) == ["episode", "copy", "step", "agent", "action_0", "action_1", "reward"]
    heater, valve = found[:2]
    assert (heater["agent"], valve["agent"], heater["step"], valve["step"]) == ("heater", "valve", "0", "0")
    assert valve["action_1"] == ""
    assert valve["action_0"] in "012"
    assert -1.0 <= float(heater["action_1"]) <= 1.0


def test_only_chosen_episodes_are_written_each_in_one_piece(make_run, execute):
    run = make_run({"trace": Trace(every=3, last=2, copies=[0, 1])}, num_envs=2, total=120, evaluate_every=None)
    execute(run)
    order = [row["episode"] for row in rows(run)]
    pieces = [episode for k, episode in enumerate(order) if k == 0 or order[k - 1] != episode]
    assert len(pieces) == len(set(pieces))
    assert {int(episode) for episode in pieces if int(episode) % 3 == 0}
    assert len([episode for episode in pieces if int(episode) % 3]) <= 2


def test_a_run_that_chose_nothing_has_an_empty_table(make_run, execute):
    run = make_run({"trace": Trace(every=None)}, evaluate_every=None)
    execute(run)
    assert rows(run) == []
