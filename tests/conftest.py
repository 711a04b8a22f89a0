"""One thread a process (oversubscription costs a factor of a hundred), and no run directory outside a test's own folder."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np  # noqa: E402 - the thread counts are read at import
import pytest  # noqa: E402
import torch  # noqa: E402

from wattloom.registry import REGISTRY  # noqa: E402

torch.set_num_threads(1)
EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests share what they build, so they stay in one process; pages of the documentation share nothing and spread over all."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return nodeid if file == "tests/docs/test_pages.py" else file

    return ByFile(config, log)


@pytest.fixture(autouse=True)
def _runs_in_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("WATTLOOM_RUNS", str(tmp_path / "runs"))


def imported_experiments():
    return [
        name
        for name, module in list(sys.modules.items())
        if str(getattr(module, "__file__", None) or "").startswith(f"{EXPERIMENTS}{os.sep}")
    ]


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_behind():
    """Several studies have a ``study.py``, and names once registered are listed to whoever comes next: both end with the file that brought them."""
    before = REGISTRY.entries()
    yield
    left = [f"{entry.kind}={entry.name}" for entry in REGISTRY.entries() - before] + imported_experiments()
    assert not left, f"this file leaves behind what the next one meets: {left}"


@pytest.fixture(scope="module")
def scripts():
    """Import modules of a folder of ``experiments`` as its own scripts import them: ``scripts("grid33", "study", "references")``."""
    before = REGISTRY.entries()
    with pytest.MonkeyPatch.context() as patch:

        def load(folder, *names):
            patch.syspath_prepend(str(EXPERIMENTS / folder))
            return [importlib.import_module(name) for name in names]

        yield load
    for name in imported_experiments():
        del sys.modules[name]
    for entry in REGISTRY.entries() - before:
        REGISTRY.remove(entry.kind, entry.name)


def compare(one, two, path="", ignoring=()):
    if isinstance(one, tuple | list):
        assert type(one) is type(two), path
        one, two = dict(enumerate(one)), dict(enumerate(two))
    if isinstance(one, dict):
        assert set(one) == set(two), f"{path}: {set(one) ^ set(two)}"
        for key in one:
            if key not in ignoring:
                compare(one[key], two[key], f"{path}/{key}", ignoring)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, two), path
    elif isinstance(one, np.ndarray) and one.dtype == object:
        compare(list(one), list(two), path, ignoring)
    elif isinstance(one, np.ndarray | np.generic | float):
        a, b = np.asarray(one), np.asarray(two)
        assert (a.dtype, a.shape) == (b.dtype, b.shape), path
        np.testing.assert_array_equal(a, b, err_msg=path)
    else:
        assert one == two, path


@pytest.fixture
def assert_same():
    """Compare nested dictionaries, lists, arrays and tensors bit for bit, types included; keys of ``ignoring`` aside."""
    return compare


@pytest.fixture
def assert_equal_runs():
    """Compare the newest checkpoints and the logs of two runs, wall-clock fields aside."""
    from wattloom.checkpoint import CheckpointStore
    from wattloom.telemetry.logger import without_wall_clock
    from wattloom.telemetry.reader import read_records

    def equal(one, two):
        left, right = (CheckpointStore(path / "checkpoints").load() for path in (one, two))
        assert left.step == right.step
        for part in ("algorithm", "environment", "run"):
            compare(left.parts[part], right.parts[part], part, ("loggers", "seconds"))
        logs = [[without_wall_clock(record) for record in read_records(path / "logs" / "metrics.jsonl").records] for path in (one, two)]
        assert logs[0] == logs[1]
        assert any(record["event"] == "evaluation" for record in logs[0])

    return equal
