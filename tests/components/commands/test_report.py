"""``wattloom report``: the page of a run, drawn again from its folder."""

import json

import pytest

from wattloom.components.commands import report
from wattloom.errors import RunError


def test_the_page_is_written_and_its_path_printed(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("run_name: my_run\nseed: 1\n")
    (tmp_path / "status.json").write_text(json.dumps({"state": "failed", "error": "OutOfMemory", "step": 5, "target": 10}))
    assert report.main([str(tmp_path)]) == 0
    page = tmp_path / "report.html"
    assert capsys.readouterr().out.strip() == str(page)
    assert "my_run" in page.read_text()
    assert "OutOfMemory" in page.read_text()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="is not a run directory"):
        report.main([str(tmp_path)])
