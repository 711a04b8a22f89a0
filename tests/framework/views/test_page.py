"""Curves and the one-page summary of runs in every condition, drawn from files alone."""

import json
import re
import socket

import pytest
from PIL import Image

from wattloom.views.curves import draw_curves
from wattloom.views.page import write_page


def line(event, step, **values):
    return json.dumps({"source": "train", "event": event, "step": step, "updates": 0, "episodes": 0, "time": 0.0, **values}) + "\n"


@pytest.fixture
def run(tmp_path):
    """Return a function that makes a run folder out of the lines of its metric file and its status."""

    def make(metrics="", **status):
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "metrics.jsonl").write_text(metrics)
        if status:
            (tmp_path / "status.json").write_text(json.dumps(status))
        return tmp_path

    return make


def episodes(count):
    return "".join(
        line("episode", 200 * (k + 1), **{"rollout/return": -1000.0 + 10 * k, "rollout/return_mean": -900.0, "env/e": 0.1 * k})
        for k in range(count)
    )


def evaluation(step, mean, **more):
    values = {
        "eval/return_mean": mean,
        "eval/return_std": 1.0,
        "eval/return_min": mean - 5,
        "eval/return_max": mean + 5,
        "eval/length_mean": 200,
        "eval/episodes": 3,
    }
    return line("evaluation", step, **{**values, **more})


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page.read_text(), flags=re.S))


def test_a_run_with_nothing_still_has_a_page(tmp_path):
    text = text_of(write_page(tmp_path))
    assert "No evaluation found" in text
    assert "No episode has ended" in text
    assert "unknown" in text


@pytest.mark.parametrize("count", [1, 2, 9, 40])
def test_any_number_of_episodes_draws(run, tmp_path, count):
    folder = run(episodes(count))
    written = draw_curves(folder, tmp_path)
    assert [path.name for path in written] == ["learning.png", "metrics.png"]
    image = Image.open(tmp_path / "learning.png").convert("RGB")
    assert image.size[0] >= 1200
    assert len({image.getpixel((x, y)) for x in range(0, image.width, 7) for y in range(0, image.height, 7)}) > 5


def test_evaluations_alone_draw_a_learning_curve(run, tmp_path):
    assert [path.name for path in draw_curves(run(evaluation(100, -5.0)), tmp_path)] == ["learning.png"]


def test_null_values_do_not_stop_the_drawing(run, tmp_path):
    nothing = {"eval/return_mean": None, "eval/return_min": None, "eval/return_max": None}
    metrics = line("episode", 1, **{"rollout/return": None}) + line("update", 1, **{"train/a": None}) + line("evaluation", 1, **nothing)
    assert len(draw_curves(run(metrics), tmp_path)) == 2


def test_many_columns_are_limited_to_what_fits(run, tmp_path):
    metrics = line("update", 1, **{f"train/l{k}": 1.0 for k in range(40)})
    (path,) = draw_curves(run(metrics), tmp_path)
    assert Image.open(path).size[1] < 3000


def test_the_page_stands_alone(run):
    folder = run(episodes(20) + evaluation(1000, -300.0), state="completed", step=4000, target=4000, episodes=20)
    page = write_page(folder).read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!data:)", page)
    assert "<script" not in page
    assert page.count("data:image/png;base64,") >= 2


def test_the_page_shows_the_best_evaluation_and_the_latest(run):
    means = [-500.0, -100.0, *[-200.0 - k for k in range(30)]]
    folder = run("".join(evaluation(1000 * (k + 1), mean) for k, mean in enumerate(means)), state="completed", step=32_000, target=32_000)
    page = write_page(folder)
    text = text_of(page)
    assert "12 of 32 shown" in text
    assert re.findall(r"<tr class=best><td>([\d,]+)</td>", page.read_text()) == ["2,000"]
    assert "optimistic" in text
    assert "mean of 3 episodes only" in text


def test_a_dead_run_is_called_dead(run):
    folder = run(
        episodes(3) + '{"event":"epi', state="running", host=socket.gethostname(), pid=999_999_999, process_start=1.0, step=600, target=9000
    )
    text = text_of(write_page(folder))
    assert " dead " in text
    assert "half-written" in text
    assert "6.6 % of 9,000" in text


def test_text_from_outside_cannot_become_markup(run):
    folder = run("", state="failed", error="<script>alert(1)</script>", hook_errors={"<b>": "<i>"})
    page = write_page(folder).read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;" in page


def test_films_are_embedded_first_and_latest(run):
    folder = run(episodes(1), state="completed", step=200, target=200)
    (folder / "captures").mkdir()
    rows = []
    for k in range(6):
        Image.new("RGB", (4, 4), (k * 40, 0, 0)).save(folder / "captures" / f"{k}.gif")
        rows.append({"file": f"{k}.gif", "phase": "train", "episode": k, "return": -1.0, "length": 5, "step": k})
    rows.append({"file": None, "phase": "train", "episode": 9, "warning": "no picture"})
    rows.append({"file": "gone.gif", "phase": "train", "episode": 10})
    (folder / "captures" / "captures.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = write_page(folder, films=3).read_text()
    assert re.findall(r"<b>Training episode (\d+)</b>", page) == ["0", "4", "5"]


def test_the_same_facts_are_in_the_summary_file(run):
    folder = run(episodes(12) + evaluation(2000, -42.5), state="completed", step=2400, target=2400, episodes=12)
    write_page(folder)
    facts = json.loads((folder / "summary.json").read_text())
    assert facts["state"] == "completed"
    assert facts["best_evaluation"]["eval/return_mean"] == -42.5
    assert facts["training"]["rollout/return_mean"] == -900.0
    assert facts["status"]["step"] == 2400


def test_drawing_again_uses_the_newest_records(run):
    folder = run(episodes(5), state="running", step=1000, target=9000)
    write_page(folder)
    before = (folder / "curves" / "learning.png").read_bytes()
    with (folder / "logs" / "metrics.jsonl").open("a") as file:
        file.write(evaluation(1000, -100.0))
    write_page(folder)
    assert (folder / "curves" / "learning.png").read_bytes() == before
    write_page(folder, redraw=True)
    assert (folder / "curves" / "learning.png").read_bytes() != before
