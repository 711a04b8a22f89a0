"""Lists of jobs from a file: the jobs themselves, and the utilisation they cause."""

import numpy as np
import pytest

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.file import WorkloadFile
from wattloom.components.sources.jobs import JobSource
from wattloom.components.sources.jobs_file import JobsFile
from wattloom.errors import ConfigError

HEAD = "job_name,organization,gpu_model,cpu_request,gpu_request,worker_num,submit_time,duration,job_type"
WEEK, HOUR = 7 * 86400, 3600


@pytest.fixture
def trace(tmp_path):
    def write(*jobs):
        path = tmp_path / "job_info_df.csv"
        path.write_text(
            "\n".join([HEAD, *(f"{i},1,A100,8,{g},{w},{at},{run},{kind}" for i, (at, run, g, w, kind) in enumerate(jobs))]) + "\n"
        )
        return str(path)

    return write


def weekly(trace):
    """One job an hour over two weeks, two GPUs for half an hour; the last closes the second week."""
    return trace(*[(h * HOUR, 1800, 2, 1, "Spot" if h % 2 else "HP") for h in range(336)])


def test_utilisation_is_the_overlap_over_the_capacity(trace):
    source = JobsFile(path=weekly(trace), capacity=4)
    calendar = Calendar.local("2024-01-01", 3, HOUR, -5)  # a Monday
    np.testing.assert_allclose(source.load(calendar).column("utilization"), 0.25)


def test_jobs_repeat_by_whole_weeks_at_the_hour_of_the_site(trace):
    source = JobsFile(path=trace((9 * HOUR, HOUR, 1, 3, "Spot"), (2 * WEEK - 1, 60, 1, 1, "HP")), slack=1.0, slack_hours=2.0)
    assert isinstance(source, JobSource)
    jobs = source.jobs(Calendar.local("2024-01-08", 28, HOUR, 5.5))
    nine = jobs.size == 3
    np.testing.assert_array_equal(jobs.arrival[nine], [9 * HOUR, 9 * HOUR + 2 * WEEK])
    np.testing.assert_array_equal(jobs.deadline[nine] - jobs.arrival[nine], [HOUR + HOUR + 2 * HOUR] * 2)
    rigid = jobs.size == 1
    np.testing.assert_array_equal((jobs.deadline - jobs.arrival)[rigid], jobs.duration[rigid])


def test_jobs_already_running_at_the_start_are_kept(trace):
    source = JobsFile(path=trace((0, 10 * HOUR, 1, 1, "HP"), (2 * WEEK - 1, 60, 1, 1, "HP")))
    jobs = source.jobs(Calendar(np.datetime64("2024-01-08T04"), HOUR, 24))
    assert jobs.arrival[0] == -4 * HOUR


def test_capacity_comes_from_one_place(trace, tmp_path):
    nodes = tmp_path / "node_info_df.csv"
    nodes.write_text("node_name,gpu_model,gpu_capacity_num,cpu_num\n0,A100,8,96\n1,A100,8,96\n")
    path = weekly(trace)
    assert JobsFile(path=path, nodes=str(nodes)).room() == 16
    with pytest.raises(ConfigError, match="both set"):
        JobsFile(path=path, nodes=str(nodes), capacity=3)
    with pytest.raises(ConfigError, match="no list of machines"):
        JobsFile(path=path, nodes=path)


def test_the_wrong_reader_names_the_right_one(trace, tmp_path):
    with pytest.raises(ConfigError, match="workload=jobs_file"):
        WorkloadFile(path=weekly(trace))
    plain = tmp_path / "cpu.csv"
    plain.write_text(",cpu_load\n" + "".join(f"{i},{0.3 + i % 7 / 20}\n" for i in range(400)))
    with pytest.raises(ConfigError, match="workload=file"):
        JobsFile(path=str(plain))


@pytest.mark.parametrize("setting", [{"slack": -1.0}, {"step_seconds": 7000}, {"capacity": 0.0}])
def test_settings_out_of_range(trace, setting):
    with pytest.raises(ConfigError):
        JobsFile(path=weekly(trace), **setting)


@pytest.mark.filterwarnings("ignore::wattloom.components.sources.formats.findings.DataWarning")
def test_headless_traces(tmp_path):
    usage = tmp_path / "part-00000-of-00500.csv"
    rows = [f"{600_000_000 + h * 3_600_000_000},{600_000_000 + (h + 1) * 3_600_000_000},7,0,5,0.25" + ",0" * 14 for h in range(200)]
    usage.write_text("\n".join(rows) + "\n")
    source = JobsFile(path=str(usage), format="google_2011", capacity=1.0)
    levels = source.table().utilization(1.0).values
    np.testing.assert_allclose(levels[1:], 0.25)
    machines = tmp_path / "server_usage.csv"
    machines.write_text("\n".join(f"{39600 + 300 * t},{m},{20 + 10 * m},0,0,0,0,0" for m in (1, 2) for t in range(288 * 8)) + "\n")
    table = WorkloadFile(path=str(machines), format="alibaba_2017").read().series["utilization"]
    np.testing.assert_allclose(table.values, 0.35)
