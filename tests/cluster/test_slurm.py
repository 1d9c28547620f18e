"""The workflow through sbatch: the tables of one machine, whatever becomes of its jobs."""

from itertools import pairwise

import pytest
import yaml

from tests.cluster.cluster import node, scripts_in, slurm, until
from tests.cluster.conftest import QUICK

pytestmark = pytest.mark.cluster
EVERYTHING = (*QUICK, "proposals", "device_figures", "evaluation", "certificates")


def test_a_cluster_makes_the_tables_of_one_machine(project, submit, measurements, tmp_path):
    """Every table and network, byte for byte; small jobs together, both nodes used, logs of failures only."""
    run = submit(project, *EVERYTHING, site={"jobs": 3})
    here = measurements.copy(tmp_path / "here")
    here.snakemake(*EVERYTHING)
    assert run.ended() == 0, run.text()[-6000:]
    made, expected = project.tables(), here.tables()
    assert len(expected) > 40
    assert sorted(made) == sorted(expected)
    assert [name for name in expected if made[name] != expected[name]] == []

    jobs = run.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert {job.node for job in jobs} == {"n1", "n2"}
    assert {job.gpus for job in jobs} == {0}
    [extractions] = [job for job in jobs if "extractions" in job.comment]
    # four devices side by side, on as many cores as the profile gives a submission
    assert (extractions.cpus, extractions.memory_mb, extractions.minutes) == (4, 4000, 5)
    assert len(jobs) < run.text().count("Finished jobid")
    assert list((project.folder / "results/logs").glob("slurm/**/*.log")) == []
    assert project.scheduled(*EVERYTHING) == {}


def test_a_killed_computation_is_submitted_again_with_more_memory(project, submit, undisturbed):
    """The script dies as one that ran out of memory does; the second attempt asks for twice as much."""
    run = submit(project, *QUICK)
    run.computing().kill()
    assert run.ended() == 0, run.text()[-6000:]
    assert project.tables() == undisturbed
    first, second = run.jobs()[:2]
    assert (first.state, second.state) == ("FAILED", "COMPLETED")
    assert (second.memory_mb, second.minutes) == (2 * first.memory_mb, 2 * first.minutes)
    [log] = (project.folder / "results/logs/slurm").glob(f"**/{first.job}.log")
    assert "died with <Signals.SIGKILL: 9>" in log.read_text()


def test_a_job_that_outgrows_its_memory_is_submitted_again_with_more(project, submit, undisturbed):
    """SLURM itself kills it: the script needs more than the first attempt asks for, less than the second."""
    project.edit(  # the first attempt is killed long before it goes on; the second is looked at, and may
        "workflow_scripts/tabulate_usability.py",
        "    counts = stack_devices(",
        "    ballast = b'x' * 1_000_000_000\n"
        "    __import__('time').sleep(5 if snakemake.resources.mem_mb > 1000 else 300)\n"
        "    del ballast\n"
        "    counts = stack_devices(",
    )
    asks = {"tabulate_usability": {"mem_mb": "1000 * attempt", "runtime": "10 * attempt"}}
    run = submit(project, *QUICK, site={"set-resources": asks})
    assert run.ended() == 0, run.text()[-6000:]
    assert project.tables() == undisturbed
    first, second = (job for job in run.jobs() if job.rule() == "tabulate_usability")
    assert (first.memory_mb, second.memory_mb) == (1000, 2000)
    assert (first.state in ("FAILED", "CANCELLED", "OUT_OF_MEMORY"), second.state) == (True, "COMPLETED")
    [log] = (project.folder / "results/logs/slurm").glob(f"**/{first.job}.log")
    assert "memory limit" in log.read_text()


def test_jobs_of_an_experiment_at_full_scale_get_a_gpu_each(project, submit, tmp_path):
    """Asked for and held while they run: the cluster has one, so those that could run at once take turns."""
    project.edit(
        "codesign/tasks/moons/about.yaml",
        "  small: {memory_mb: 6000, minutes: 240}\n",
        "  full: {memory_mb: 16000, minutes: 1440, gpus: 1}\n",
    )
    moons = yaml.safe_load((project.folder / "config.yaml").read_text())["experiments"]["moons"]
    project.configure(
        {"experiments": {"moons": moons | {"scale": "full"}}, "evaluation": {"devices_per_job": 4}}
    )
    project.snakemake("profiles")
    here = project.copy(tmp_path / "here")
    evaluated = [f"evaluation/moons/erm/{name}" for name in ("levels-1", "devices-1-all")]
    targets = [f"results/{name}.parquet" for name in (*evaluated, "certificates/moons/erm")]
    run = submit(project, *targets)
    here.snakemake(*targets)
    assert run.ended() == 0, run.text()[-6000:]
    assert project.tables() == here.tables()

    jobs = run.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert [job.rule() for job in jobs if not job.gpus] == ["choose_noise"]
    held = sorted((job for job in jobs if job.gpus), key=lambda job: job.began)
    evaluated = ["certify_network", "evaluate_devices", "evaluate_levels"]
    corners = ["run_corner_trial"] * 2  # one a starting scale
    assert sorted(job.rule() for job in held) == [*evaluated, *corners, "train_network"]
    assert {(job.gpus, job.node, job.memory_mb, job.minutes) for job in held} == {(1, "n1", 16000, 1440)}
    assert all(one.ended <= other.began for one, other in pairwise(held)), held


def test_a_cancelled_job_is_submitted_again(project, submit, undisturbed):
    """scancel of a running job, by a person or by SLURM at its time limit."""
    run = submit(project, *QUICK)
    slurm("scancel", run.running().job)
    assert run.ended() == 0, run.text()[-6000:]
    assert project.tables() == undisturbed
    assert [job.state for job in run.jobs()][:2] == ["CANCELLED", "COMPLETED"]


def test_a_run_without_retries_fails_and_is_resumed(project, submit, undisturbed):
    """Nothing half made is left where a job was killed; the next run makes it and repeats nothing."""
    project.snakemake("results/devices/device-1.parquet")
    run = submit(project, *QUICK, "--retries", "0")
    run.computing().kill()
    assert run.ended() != 0
    assert not (project.folder / "results/usability.parquet").exists()
    again = submit(project, *QUICK)
    assert again.ended() == 0, again.text()[-6000:]
    assert "device-1.parquet" not in again.text().split("Finished jobid")[0]
    assert project.tables() == undisturbed


def test_jobs_of_a_lost_node_go_on_elsewhere(project, submit, undisturbed):
    """Power cut: the node and its jobs are gone; SLURM notices, and runs the job on the other node."""
    run = submit(project, *QUICK, site={"default-resources": {"slurm_partition": "frail"}})
    job = run.running()
    run.computing()
    node("fail", job.node)
    try:

        def given_back() -> bool:
            [found] = [each for each in run.jobs() if each.job == job.job]
            return found.state == "PENDING"

        until(given_back, "SLURM takes the job back", run.text)
        slurm("scontrol", "update", f"JobId={job.job}", "StartTime=now")  # not after two minutes, its default
        assert run.ended() == 0, run.text()[-6000:]
    finally:
        node("start", job.node)
    assert project.tables() == undisturbed
    [other] = {each.node for each in run.jobs()}
    assert other != job.node


def test_a_run_whose_submitting_snakemake_died_is_resumed(project, submit, undisturbed):
    """Its jobs do not know and run on; cancelled by the run's name, unlocked, and run again."""
    run = submit(project, *QUICK)
    run.running()
    run.kill()
    assert [job.state for job in run.jobs()] == ["RUNNING"]
    slurm("scancel", "--name", run.name())
    until(lambda: {job.state for job in run.jobs()} == {"CANCELLED"}, "its jobs are gone", run.text)
    until(lambda: scripts_in(project.folder) == [], "nothing of them is at work", run.text)
    refused = submit(project, *QUICK)
    assert refused.ended() != 0 and "--unlock" in refused.text()
    project.snakemake("--unlock")
    again = submit(project, *QUICK)
    assert again.ended() == 0, again.text()[-6000:]
    assert project.tables() == undisturbed
