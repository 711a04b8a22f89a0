"""The built wheel, installed outside the checkout, holds everything: it trains, lists its options and generates its series."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("framework", "components", "conf", "pyproject.toml", "README.md", "LICENSE")


def run(folder: Path, site: Path, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    code = "import sys, wattloom; assert 'site' in wattloom.__file__, wattloom.__file__; from wattloom.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:  # built from a copy: two builds in one folder meet, and the checkout stays as it is
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (folder / "source").mkdir(exist_ok=True)
        copy(ROOT / name, folder / "source" / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(folder / "source")]
    done = subprocess.run(build, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=600)
    return folder / "site"


@pytest.mark.slow
def test_the_wheel_trains_outside_the_checkout(site, tmp_path):
    run(tmp_path, site, "experiment=pendulum_td3_small", "runner.total_steps=1200", "evaluation.every=600", "runs_dir=runs")
    (report,) = tmp_path.glob("runs/*/*/*/report.html")
    assert report.stat().st_size > 10_000
    assert list(report.parent.glob("captures/*.gif"))
    assert (report.parent / "checkpoints" / "latest").is_file()


@pytest.mark.slow
def test_the_wheel_lists_what_the_checkout_lists(site, tmp_path):
    from wattloom.loader import Loader

    loader = Loader.discover()
    shown = run(tmp_path, site, "list")
    for group in loader.groups:
        for option in loader.options(group):
            assert option in shown, f"{group}={option} is not in the wheel"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weather/synthetic:ny", "carbon/synthetic:ca", "workload/synthetic"])
def test_the_wheel_carries_its_tables(site, tmp_path, name):
    assert "mean" in run(tmp_path, site, "data", "inspect", name)


@pytest.mark.slow
def test_the_wheel_installs_no_generic_top_level_module(site):
    tops = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info") and path.name != "bin"}
    assert tops == {"wattloom"}
