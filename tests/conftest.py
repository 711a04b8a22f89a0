"""One thread a process (oversubscription costs a factor of a hundred), and no run directory outside a test's own folder."""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest  # noqa: E402 - the thread counts are read at import
import torch  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _runs_in_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("WATTLOOM_RUNS", str(tmp_path / "runs"))
