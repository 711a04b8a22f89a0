"""GIF timing, thinning and frame formats; files are read back."""

import numpy as np
import pytest
from PIL import Image

from wattloom.components.hooks.gif import as_rgb, delays, shrink, subsample, write_gif


@pytest.mark.parametrize(("total", "most"), [(201, 200), (201, 50), (10, 3), (1000, 2), (7, 7), (5, None), (1, 2)])
def test_thinning_keeps_first_and_last_and_spreads_evenly(total, most):
    kept = subsample(total, most)
    assert kept[0] == 0
    assert kept[-1] == total - 1
    assert len(kept) == min(total, most or total)
    gaps = np.diff(kept)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("fps", [50, 33, 30, 29.97, 24, 20, 12.5, 7, 1])
@pytest.mark.parametrize("stride", [1, 3])
def test_delays_are_whole_10_ms_and_never_drift(fps, stride):
    frames = list(range(0, 301, stride))
    shown = delays(frames, fps)
    assert all(delay % 10 == 0 and delay >= 20 for delay in shown)
    begins = np.concatenate([[0], np.cumsum(shown)])[:-1]
    assert np.abs(begins - np.array(frames) * 1000.0 / fps).max() <= 5.0 + 1e-9
    assert abs(sum(shown) - (frames[-1] + 1) * 1000.0 / fps) <= 5.0 + 1e-9


def test_thirty_frames_a_second_alternate_rather_than_run_fast():
    assert delays([0, 1, 2, 3, 4, 5], 30) == [30, 40, 30, 30, 40, 30]


def test_a_single_frame_is_shown_for_one_period():
    assert delays([0], 20) == [50]


COLOUR = np.array([[[0, 64, 128], [255, 128, 0]]])


@pytest.mark.parametrize(
    "frame",
    [
        COLOUR.astype(np.uint8),
        COLOUR.astype(np.float32),
        COLOUR / 255.0,
        COLOUR.astype(np.int64),
        np.concatenate([COLOUR, np.full((1, 2, 1), 7)], axis=2).astype(np.uint8),
    ],
    ids=["uint8", "float in 0..255", "float in 0..1", "int", "with alpha"],
)
def test_every_colour_format_gives_the_same_picture(frame):
    image = as_rgb(frame)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, COLOUR)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 1)])
def test_grey_becomes_three_equal_channels(shape):
    image = as_rgb(np.array([0.0, 0.5, 1.0, np.nan]).reshape(shape))
    np.testing.assert_array_equal(image[..., 0].reshape(-1), [0, 128, 255, 0])
    np.testing.assert_array_equal(image[..., 0], image[..., 2])


def test_values_out_of_range_are_clipped():
    np.testing.assert_array_equal(as_rgb(np.array([[-5.0, 300.0], [np.inf, -np.inf]]))[..., 0], [[0, 255], [255, 0]])


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (1, 2, 2, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="a frame must be"):
        as_rgb(np.zeros(shape, np.uint8))


def test_shrinking_keeps_the_proportions_and_never_enlarges():
    frame = np.zeros((100, 200, 3), np.uint8)
    assert shrink(frame, 50).size == (50, 25)
    assert shrink(frame, 500).size == (200, 100)
    assert shrink(frame, None).size == (200, 100)
    assert shrink(np.zeros((1, 400, 3), np.uint8), 100).size == (100, 1)


def test_the_file_plays_as_long_as_it_should_although_equal_frames_are_merged(tmp_path):
    frames = [Image.new("RGB", (20, 10), (k // 5 * 80, 0, 0)) for k in range(15)]
    write_gif(tmp_path / "a.gif", frames, delays(range(15), 30))
    film = Image.open(tmp_path / "a.gif")
    total = 0
    for k in range(film.n_frames):
        film.seek(k)
        total += film.info["duration"]
    assert film.n_frames == 3
    assert total == 500
    assert film.info["loop"] == 0


def test_colours_survive(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((200, 30, 40), (20, 160, 90), (250, 250, 250))]
    write_gif(tmp_path / "a.gif", frames, [100] * 3)
    film = Image.open(tmp_path / "a.gif")
    for k, colour in enumerate(((200, 30, 40), (20, 160, 90), (250, 250, 250))):
        film.seek(k)
        assert np.abs(np.array(film.convert("RGB"))[4, 4].astype(int) - colour).max() <= 3


@pytest.mark.parametrize("mark", [(226, 142, 32), (38, 110, 182)])
def test_a_small_mark_in_one_frame_keeps_its_colour(tmp_path, mark):
    pictures = [np.full((64, 64, 3), (250, 250, 248), np.uint8) for _ in range(41)]
    for k, picture in enumerate(pictures):
        shades = np.linspace(0.0, 1.0, 40)[:, None, None]
        picture[:40, k % 20 : k % 20 + 20] = ((1 - shades) * (196, 70, 58) + shades * (250, 250, 248)).round()
    pictures[20][50:54, 30:34] = mark
    write_gif(tmp_path / "film.gif", [Image.fromarray(picture) for picture in pictures], [100] * 41)
    with Image.open(tmp_path / "film.gif") as film:
        film.seek(20)
        shown = np.asarray(film.convert("RGB"))
    assert np.abs(shown[52, 32].astype(int) - mark).max() <= 4
    assert tuple(shown[60, 10]) == (250, 250, 248)
