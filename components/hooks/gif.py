"""Animated GIFs with honest timing: which frames to keep, how long each is shown, and what a frame may be."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.environment import Array
from wattloom.telemetry.files import write_bytes_atomically

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FPS = 50
"""A GIF counts in 10 ms, and players slow frames of 10 ms down: 20 ms is the shortest that is shown as written."""
_COLOURS, _EXACT = 128, 16


def subsample(total: int, most: int | None) -> list[int]:
    """Return at most ``most`` frame numbers out of ``total``, evenly spread, with the first and the last."""
    if most is None or total <= most:
        return list(range(total))
    return [int(k) for k in np.unique(np.linspace(0, total - 1, most).round().astype(int))]


def delays(frames: Sequence[int], fps: float) -> list[int]:
    """Return how long each frame is shown, ms, multiples of 10.

    Times are rounded cumulatively, so that the whole animation is never off by more than 5 ms, whatever ``fps`` and however frames are thinned.

    Args:
        frames: Frame numbers in order.
        fps: Frames a second before thinning, at most :data:`MAX_FPS`.
    """
    times = np.round(np.array([*(frame - frames[0] for frame in frames), frames[-1] - frames[0] + 1]) * 100.0 / fps)
    return [int(delay) * 10 for delay in np.diff(times)]


def as_rgb(frame: Any) -> Array:
    """Return a frame as uint8 ``(H, W, 3)``.

    Accepts greyscale ``(H, W)`` or ``(H, W, 1)``, colour and colour with alpha (dropped). Numbers that are not uint8 are scaled by 255 where none
    exceeds 1, else clipped to 0 … 255; NaN is black.

    Raises:
        ValueError: Another shape.
    """
    image = np.asarray(frame)
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        raise ValueError(f"a frame must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), not {image.shape}")
    image = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[:, :, :3]
    if image.dtype == np.uint8:
        return image
    numbers = np.nan_to_num(image.astype(np.float64), nan=0.0, posinf=255.0, neginf=0.0)
    is_unit = (image.dtype.kind in "fb") and numbers.max(initial=0.0) <= 1.0
    return np.clip(numbers * 255.0 if is_unit else numbers, 0.0, 255.0).round().astype(np.uint8)


def shrink(frame: Array, longest: int | None) -> Image:
    """Return the frame as an image whose longer side is at most ``longest`` pixels."""
    from PIL import Image

    image = Image.fromarray(frame)
    if longest is not None and max(image.size) > longest:
        factor = longest / max(image.size)
        image = image.resize((max(round(image.width * factor), 1), max(round(image.height * factor), 1)), Image.Resampling.LANCZOS)
    return image


def write_gif(path: Path, frames: Sequence[Image], shown_ms: Sequence[int]) -> None:
    """Write an endlessly repeating GIF, whole or not at all; equal neighbours are merged, their times added.

    Args:
        path: The file.
        frames: Images of one size.
        shown_ms: How long each is shown, ms.
    """
    from PIL import Image

    palette = _common_palette(frames)
    flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    flat[0].save(buffer, format="GIF", save_all=True, append_images=flat[1:], duration=list(shown_ms), loop=0, optimize=False, disposal=1)
    write_bytes_atomically(path, buffer.getvalue())


def _common_palette(frames: Sequence[Image]) -> Image:
    """Return one palette for all frames: colours do not flicker and files stay small.

    The commonest colours of the first frame are kept exactly. The rest is shared out over every frame, a colour weighing by the logarithm of its
    pixels: an arrow that a few frames show keeps its colour beside the background.
    """
    from PIL import Image

    pixels = np.concatenate([np.asarray(frame)[::3, ::3, :3].reshape(-1, 3) for frame in frames]).astype(np.int32)
    cells = (pixels[:, 0] >> 3 << 10) | (pixels[:, 1] >> 3 << 5) | pixels[:, 2] >> 3  # 8 levels of a channel make one cell
    counts = np.bincount(cells)
    shown = np.flatnonzero(counts)
    sums = [np.bincount(cells, weights=pixels[:, channel])[shown] for channel in range(3)]
    colours = np.stack([(total / counts[shown]).round() for total in sums], axis=1).astype(np.uint8)
    sheet = np.repeat(colours, 1 + np.log2(counts[shown]).astype(np.int64), axis=0)
    shared = Image.fromarray(sheet[None]).quantize(_COLOURS - _EXACT, method=Image.Quantize.MEDIANCUT).getpalette() or []
    exact, often = np.unique(np.asarray(frames[0])[..., :3].reshape(-1, 3), axis=0, return_counts=True)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*exact[np.argsort(-often, kind="stable")[:_EXACT]].ravel().tolist(), *shared])
    return palette
