"""A working directory of its own, and nothing left behind of what it registered or imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wattloom.registry import REGISTRY


class Lab:
    """A user's folder: ``write`` puts files into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before, entries, objects, admitted = set(sys.modules), dict(REGISTRY._entries), dict(REGISTRY._objects), set(REGISTRY.admitted)
    yield Lab(tmp_path)
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    REGISTRY._entries, REGISTRY._objects, REGISTRY.admitted = entries, objects, admitted


PARTS = '''
class Cooler:
    """Takes heat away.

    Args:
        cop: Coefficient of performance, 1.
    """

    def __init__(self, cop: float = 3.0, mode: str | None = None) -> None:
        self.cop = cop


class Site:
    """An environment with a part."""

    def __init__(self, chilling: Cooler, size: float = 1.0, num_envs: int = 1) -> None:
        self.chilling, self.size = chilling, size


class Learner:
    """An algorithm with a key that the default one lacks."""

    def __init__(self, clip: float = 0.2, sizes: tuple[int, ...] = (64, 64)) -> None:
        self.clip = clip


class Watcher:
    def __init__(self, threshold: float = 1.0) -> None:
        self.threshold = threshold
'''

SITE_YAML = """# @package _global_
# A site with a chilling part.
defaults:
  - /chilling: plain
  - _self_
env:
  _target_: lab_site.Site
  size: 1.0 # m
  num_envs: 1 # copies
  chilling: ${chilling}
"""


@pytest.fixture
def site(lab):
    """A lab whose ./conf holds an environment with a part, an algorithm and a hook."""
    lab.write("lab_site.py", PARTS)
    lab.write("conf/env/site.yaml", SITE_YAML)
    lab.write(
        "conf/env/big_site.yaml", "# @package _global_\ndefaults:\n  - site\n  - override /chilling: open\n  - _self_\nenv:\n  size: 9.0\n"
    )
    lab.write("conf/chilling/plain.yaml", "_target_: lab_site.Cooler\n")
    lab.write("conf/chilling/open.yaml", "_target_: lab_site.Cooler\ncop: ???\n")
    lab.write("conf/algorithm/learner.yaml", "_target_: lab_site.Learner\n")
    lab.write("conf/hooks/watcher.yaml", "_target_: lab_site.Watcher\n")
    return lab
