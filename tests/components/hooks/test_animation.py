"""Films: which episodes, exact replay, metadata, and that nothing about a picture ever costs the run."""

import json
import logging

import gymnasium
import numpy as np
import pytest
from PIL import Image

from wattloom.adapters import as_environment
from wattloom.components.hooks.animation import Animation, real_time, replay
from wattloom.components.hooks.metrics import Metrics
from wattloom.components.hooks.recording import Recording, select_row
from wattloom.errors import ConfigError
from wattloom.telemetry.reader import read_records


def captures(run):
    return read_records(run.directory.captures / "captures.jsonl").records


def names(run):
    return sorted(path.name for path in run.directory.captures.glob("*.gif"))


def duration_ms(path):
    film = Image.open(path)
    total = 0
    for k in range(film.n_frames):
        film.seek(k)
        total += film.info["duration"]
    return total


@pytest.mark.parametrize(
    ("options", "episodes"),
    [
        ({"at": [0, 2], "last": 0}, [0, 2]),
        ({"at": [], "every": 4, "last": 0}, [0, 4, 8]),
        ({"at": [], "last": 2}, [8, 9]),
        ({"at": [9], "last": 1}, [9]),
        ({"at": [], "last": 0}, []),
        ({"at": [13], "unit": "env_step", "last": 0}, [3]),
        ({"at": [], "every": 24, "unit": "update", "last": 0}, [4, 8]),
    ],
)
def test_the_schedule_chooses_the_episodes(make_run, execute, options, episodes):
    run = make_run({"animation": Animation(**options)}, evaluate_every=None, total=60)
    execute(run)
    assert run.hooks.errors == {}
    assert names(run) == [f"ep{episode:06d}-env0-train.gif" for episode in episodes]
    assert [record["episode"] for record in captures(run)] == episodes


def test_training_films_show_the_very_episode_that_was_trained_on(make_run, execute):
    run = make_run({"metrics": Metrics(), "animation": Animation(at=[], every=1, last=0, copies=[0, 2])}, num_envs=3, total=90)
    execute(run)
    rows = [line.split(",") for line in (run.directory.logs / "episodes.csv").read_text().splitlines()[1:]]
    returns = {(int(row[0]), int(row[1])): float(row[4]) for row in rows}
    assert {copy for _, copy in returns} == {0, 1, 2}
    filmed = {(record["episode"], record["copy"]): record for record in captures(run)}
    assert set(filmed) == {key for key in returns if key[1] in (0, 2)}
    for key, record in filmed.items():
        assert record["replay_exact"] is True
        assert record["return"] == pytest.approx(returns[key], rel=1e-12)


def test_metadata_says_what_was_filmed_and_how_it_plays(make_run, execute):
    run = make_run({"animation": Animation(at=[1], last=0, fps=25, max_frames=4)}, evaluate_every=None)
    execute(run)
    (record,) = captures(run)
    path = run.directory.captures / "ep000001-env0-train.json"
    assert json.loads(path.read_text()) == record
    assert (record["frames_total"], record["frames_written"], record["frame_stride"]) == (7, 4, 2.0)
    assert record["complete"] is True
    assert record["fps"] == 25
    assert record["duration_s"] == pytest.approx(7 / 25)
    assert duration_ms(path.with_suffix(".gif")) == 280


def test_the_first_and_last_frames_are_those_of_the_episode(make_run, execute):
    run = make_run({"animation": Animation(at=[0], last=0, max_frames=3)}, evaluate_every=None)
    execute(run)
    film = Image.open(run.directory.captures / names(run)[0])
    widths = []
    for k in range(film.n_frames):
        film.seek(k)
        widths.append(int((np.array(film.convert("RGB"))[5, :, 2] > 100).sum()))
    assert widths == [4, 4 + 3 * 5, 4 + 6 * 5]


def test_the_evaluation_policy_is_filmed_on_the_median_episode(make_run, execute):
    run = make_run({"metrics": Metrics(), "animation": Animation(at=[1], last=1, unit="evaluation")}, total=60, evaluate_every=30)
    execute(run)
    evaluations = read_records(run.directory.logs / "metrics.jsonl").select("evaluation")
    assert len(evaluations) == 2
    first, last = captures(run)
    assert (first["evaluation"], last["evaluation"]) == (1, 2)
    for record in (first, last):
        assert record["phase"] == "evaluation"
        assert record["return"] == pytest.approx(record["evaluated_return"])
        assert evaluations[0]["eval/return_min"] <= record["return"] <= evaluations[0]["eval/return_max"]
        assert record["file"] == f"eval{record['evaluation']:06d}-seed{record['seed']}-evaluation.gif"


def test_a_new_best_is_filmed(make_run, execute):
    run = make_run({"animation": Animation(at=[], last=0, on_best=True)}, total=60, evaluate_every=20)
    execute(run)
    assert [record["evaluation"] for record in captures(run)] == [1]


def test_filming_changes_nothing_about_training(make_run, execute):
    plain = make_run({"metrics": Metrics()}, "plain", num_envs=2)
    filmed = make_run({"metrics": Metrics(), "animation": Animation(at=[], every=1, on_best=True)}, "filmed", num_envs=2)
    execute(plain)
    execute(filmed)
    assert (plain.directory.logs / "episodes.csv").read_text() == (filmed.directory.logs / "episodes.csv").read_text()


def test_the_last_episode_is_filmed_when_a_hook_stops_the_run(make_run, execute):
    run = make_run({"animation": Animation(at=[], last=1)}, evaluate_every=None, stop_at=20)
    assert execute(run).status == "stopped"
    assert names(run) == ["ep000002-env0-train.gif"]


def test_a_crash_leaves_the_last_whole_episode_and_the_one_that_crashed(make_run, execute):
    run = make_run({"animation": Animation(at=[], last=1)}, evaluate_every=None, world={"fail_at": 15})
    with pytest.raises(RuntimeError, match="burst"):
        execute(run)
    whole, crashed = captures(run)
    assert (whole["episode"], whole["complete"], whole["length"]) == (1, True, 6)
    assert (crashed["episode"], crashed["complete"], crashed["length"]) == (2, False, 2)
    assert crashed["replay_exact"] is True


def test_a_run_without_a_whole_episode_films_the_one_it_is_in(make_run, execute):
    run = make_run({"animation": Animation(at=[], last=1)}, evaluate_every=None, total=4)
    execute(run)
    (record,) = captures(run)
    assert (record["length"], record["complete"]) == (4, False)


def test_an_environment_without_a_picture_leaves_a_warning_and_no_film(make_run, execute):
    run = make_run({"animation": Animation(at=[0], last=0)}, evaluate_every=None, world={"picture": "none"})
    execute(run)
    (record,) = captures(run)
    assert "no GIF" in record["warning"]
    assert record["file"] is None
    assert names(run) == []
    assert json.loads((run.directory.captures / "ep000000-env0-train.json").read_text())["frames_written"] == 0


class Wild(gymnasium.Env):
    """Begins wherever it likes, whatever the seed."""

    observation_space = action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    render_mode = "rgb_array"

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.random.default_rng().uniform(-1, 1, 1).astype(np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), 0.0, False, self.steps >= 5, {}

    def render(self):
        return np.zeros((16, 16, 3), np.uint8)


def test_an_episode_that_cannot_be_played_again_is_not_filmed_and_says_so(make_run, execute, caplog):
    run = make_run({"animation": Animation(at=[], every=4)}, evaluate_every=None)
    wild, films = as_environment(Wild, 1), as_environment(Wild, 1)
    wild.reset(seed=1)
    recording = Recording(0, 0, wild.get_state())
    for _ in range(3):
        action = {"agent": np.zeros((1, 1), np.float32)}
        recording.add(action, wild.step(action))
    with caplog.at_level(logging.WARNING):
        film = replay(films, recording, None, None, False)
    assert (film.images, film.exact) == ([], False)
    assert len(caplog.records) == 1
    execute(run)
    run.hooks.hooks["animation"]._environment = films
    run.hooks.hooks["animation"]._film(run, recording, "wild", "train", {})
    assert "did not come out the same" in json.loads((run.directory.captures / "wild.json").read_text())["warning"]
    assert not (run.directory.captures / "wild.gif").exists()


def test_a_failing_picture_is_reported_once_and_never_stops_the_run(make_run, execute, caplog):
    run = make_run({"animation": Animation(at=[], every=1)}, evaluate_every=None, world={"picture": "raises"})
    with caplog.at_level(logging.WARNING):
        assert execute(run).status == "completed"
    assert caplog.text.count("no display") == 1
    assert run.heartbeat["hook_errors"] == {"animation": "on_episode_end: OSError: no display"}


def test_float_pictures_are_not_black(make_run, execute):
    run = make_run({"animation": Animation(at=[0], last=0)}, evaluate_every=None, world={"picture": "float"})
    execute(run)
    assert np.array(Image.open(run.directory.captures / names(run)[0]).convert("RGB")).max() > 150


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": 60}, r"hooks.animation.fps must lie in \(0, 50\]"),
        ({"fps": 0}, "hooks.animation.fps"),
        ({"max_frames": 1}, "hooks.animation.max_frames"),
        ({"size": 4}, "hooks.animation.size"),
        ({"every": 0}, "hooks.animation.every"),
        ({"copies": []}, "hooks.animation.copies"),
        ({"copies": [-1]}, "hooks.animation.copies"),
    ],
)
def test_nonsense_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Animation(**options)


def test_a_copy_that_does_not_exist_stops_the_run_before_it_steps(make_run, execute):
    run = make_run({"animation": Animation(copies=[2])}, num_envs=2)
    with pytest.raises(ConfigError, match=r"hooks.animation.copies: there is no copy 2, env.num_envs is 2"):
        execute(run)
    assert run.counters.env_steps == 0


@pytest.mark.parametrize(("step_seconds", "fps"), [(0.05, 20.0), (0.02, 50.0), (1.0, 1.0), (900.0, 20.0), (0.001, 20.0)])
def test_real_time_where_it_can_be_watched(step_seconds, fps):
    assert real_time(step_seconds) == pytest.approx(fps)


def test_a_row_of_a_nested_state_keeps_its_leading_axis():
    state = {"arrays": {"x": np.arange(6).reshape(3, 2)}, "generators": [{"a": 1}, {"a": 2}, {"a": 3}]}
    row = select_row(state, 1)
    assert row["arrays"]["x"].tolist() == [[2, 3]]
    assert row["generators"] == [{"a": 2}]
    row["arrays"]["x"][:] = 0
    assert state["arrays"]["x"][1].tolist() == [2, 3]
    with pytest.raises(TypeError, match="one row a copy"):
        select_row({"x": 5}, 0)
