"""Config options of the file sources: keys equal signatures, every option builds and loads, a missing path is found before a run."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.formats.catalog import descriptors
from wattloom.components.sources.formats.findings import UnreadableError
from wattloom.components.sources.protocol import KINDS, Source
from wattloom.targets import build, resolve

pytestmark = pytest.mark.filterwarnings("ignore::wattloom.components.sources.formats.findings.DataWarning")
CONF = Path(inspect.getfile(__import__("wattloom.conf", fromlist=["conf"]))).parent
FILE_MODULES = ("wattloom.components.sources.file.", "wattloom.components.sources.jobs_file.")
OPTIONS = [
    (kind, path.stem)
    for kind in KINDS
    for path in sorted((CONF / kind).glob("*.yaml"))
    if str(OmegaConf.load(path).get("_target_", "")).startswith(FILE_MODULES)
]


def node(kind, option):
    return OmegaConf.to_container(OmegaConf.load(CONF / kind / f"{option}.yaml"))


def test_every_kind_reads_files():
    found = {kind: {option for group, option in OPTIONS if group == kind} for kind in KINDS}
    assert all(options >= {"file", "csv", "parquet", "package"} for options in found.values())
    assert found["weather"] >= {"epw", "tmy3", "openmeteo"}
    assert found["carbon"] >= {"eia", "eia_balance", "electricity_maps"}
    assert found["workload"] >= {"sustaindc", "alibaba_2017", "alibaba_2018", "spot_gpu", "openb", "google_2011", "jobs_file"}
    assert found["demand"] >= {"simbench", "mapdn", "halfhour_file", "eia_balance"}


@pytest.mark.parametrize(("kind", "option"), OPTIONS)
def test_keys_equal_the_signature_and_each_is_explained(kind, option):
    content = node(kind, option)
    target = content.pop("_target_")
    parameters = inspect.signature(resolve(target)).parameters
    assert list(content) == list(parameters)
    for key, value in content.items():
        default = parameters[key].default
        stated = key in ("path", "format", "package", "region")
        assert stated or value == (list(default) if isinstance(default, tuple) else default)
    assert content["format"] is None or content["format"] in descriptors()
    for line in (CONF / kind / f"{option}.yaml").read_text().splitlines():
        assert line.startswith(("#", "_target_")) or re.search(r"  # \w", line)


def sample(files, kind, option):
    """A file for each option, and what else must be said about it."""
    stamps = files.stamps(400)
    table = files.text(
        "table.csv",
        ["time,utilization,price,demand", *(f"{t},{0.3 + i % 24 / 50},{50 + i % 24},{900 + i % 24}" for i, t in enumerate(stamps))],
    )
    hourly = [(h * 3600, 7200, 2, 1, "HP") for h in range(200)]
    written = {
        "epw": files.epw, "eia": files.carbon, "electricity_maps": files.maps, "ember": files.ember, "openmeteo": files.openmeteo,
        "sustaindc": files.workload, "halfhour_file": files.halfhour, "spot_gpu": lambda: files.jobs(jobs=hourly),
    }  # fmt: skip
    if option in written:
        return written[option](), {}
    generic = {"weather": files.epw, "carbon": files.carbon, "solar": files.halfhour}
    if option == "csv":
        if kind == "weather":
            return files.text(
                "w.csv", ["time,dry_bulb,relative_humidity", *(f"{t},{i % 24},{40 + i % 24}" for i, t in enumerate(stamps))]
            ), {"zone": "UTC"}
        columns = {"carbon": "demand", "solar": "utilization"}
        return table, {"zone": "UTC", "column": columns.get(kind)}
    if option == "file":
        return generic.get(kind, lambda: table)(), {}
    return None, {}


BUILT = [
    pair
    for pair in OPTIONS
    if pair[1] in ("epw", "eia", "electricity_maps", "ember", "openmeteo", "sustaindc", "halfhour_file", "spot_gpu", "csv", "file")
]


@pytest.mark.parametrize(("kind", "option"), BUILT)
def test_options_build_and_load(files, kind, option):
    path, more = sample(files, kind, option)
    source = build({**node(kind, option), "path": str(path), **more}, kind)
    assert isinstance(source, Source)
    assert source.kind == kind
    table = source.load(Calendar.local("2022-01-03", 7, 900, -5))
    assert table.values.shape == (672, len(table.columns))
    assert np.isfinite(table.values).all()


@pytest.mark.parametrize(("kind", "option"), OPTIONS)
def test_a_missing_path_is_found_when_the_source_is_built(tmp_path, kind, option):
    content = {**node(kind, option), "path": str(tmp_path / "absent.csv")}
    if option == "package":
        content |= {"package": "numpy", "path": "absent.csv"}
    if content.get("region") == "???":
        content["region"] = "NYIS"
    with pytest.raises(UnreadableError, match="file_missing"):
        build(content, kind)


def test_own_source_is_two_lines_of_yaml(files, tmp_path, monkeypatch):
    from wattloom.loader import Loader

    files.workload(name="cpu.csv")
    (tmp_path / "conf" / "workload").mkdir(parents=True)
    (tmp_path / "conf" / "workload" / "mine.yaml").write_text("_target_: wattloom.components.sources.file.WorkloadFile\npath: cpu.csv\n")
    monkeypatch.chdir(tmp_path)
    content = Loader.discover().content("workload", "mine")
    assert set(content) >= {"path", "missing", "transforms"}  # filled from the signature, so every key can be overridden
    table = build(content, "workload").load(Calendar.year(2022))
    assert table.names == ("utilization",)
