"""Every command and snippet of README and docs runs, in the order of its page, in a folder of its own.

``bash`` fences run as they stand, ``console`` fences run their ``$`` lines, ``python`` fences run as one script a fence that shares a page's folder.
A comment before a fence may say otherwise: ``<!-- file: NAME -->`` writes the fence to a file, ``<!-- not run: REASON -->`` skips it,
``<!-- fails -->`` expects a non-zero exit code, ``<!-- slow -->`` leaves it to the slow stage.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"(?:<!--\s*(?P<directive>[^>]*?)\s*-->\s*\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```", re.M | re.S)
EXECUTED = ("bash", "console", "python")


@dataclass
class Fence:
    language: str
    body: str
    directive: str

    @property
    def slow(self) -> bool:
        return self.directive.startswith("slow")


def fences(page: Path) -> list[Fence]:
    return [Fence(m["language"], m["body"], m["directive"] or "") for m in FENCE.finditer(page.read_text())]


def command_of(fence: Fence) -> list[str]:
    if fence.language == "python":
        return [sys.executable, "-c", fence.body]
    lines = fence.body.splitlines()
    if fence.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return ["bash", "-euo", "pipefail", "-c", "\n".join(lines)]


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "COLUMNS": "120",
        "OMP_NUM_THREADS": "1",
    }


def play(page: Path, folder: Path, slow: bool) -> int:
    count = 0
    for fence in fences(page):
        if fence.directive.startswith("file:"):
            target = folder / fence.directive.removeprefix("file:").strip()
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(fence.body)
            continue
        if fence.language not in EXECUTED or fence.directive.startswith("not run:") or (fence.slow and not slow):
            continue
        done = subprocess.run(command_of(fence), cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=1800)
        failed = done.returncode != 0
        assert failed == fence.directive.startswith("fails"), (
            f"{page.name}:\n{fence.body}\n-> {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        count += 1
    return count


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_snippets_run(page, tmp_path):
    play(page, tmp_path, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if any(f.slow for f in fences(p))], ids=lambda page: str(page.relative_to(ROOT)))
def test_slow_snippets_run(page, tmp_path):
    assert play(page, tmp_path, slow=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_exist(page):
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
