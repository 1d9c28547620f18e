"""What every stage needs: the checked configuration, the measurements found, digests.

in   config.yaml, data/iv/*.parquet, data/raw/*, data/crossbar/*.parquet
out  names and functions that the other rule files use
"""

import gc
import sys

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from codesign import warm
from codesign.evaluation.chunks import chunks
from codesign.fabrication.check import check_fabrication
from codesign.iv.discovery import DiscoveryError, find_measurements
from codesign.iv.names import DEVICE_ID
from codesign.provenance.digest import code_digest as digest_of
from codesign.provenance.digest import content_digest, libraries_of
from codesign.settings import (
    SettingsError,
    check_settings,
    check_tasks,
    experiments,
    read_schema,
    shared_training,
)
from codesign.tasks.mirror import mirror_of, only_lossy

FOLDER = Path(workflow.basedir)
# Thousands of jobs are millions of objects that all stay: looking among them for what can go after every 700 new
# ones, as Python does, is an eighth of the planning.
gc.set_threshold(100_000, 20, 100)

try:
    check_settings(
        config, read_schema(FOLDER / "schemas/config.schema.yaml"), name="the configuration"
    )
    check_tasks(config)
    check_fabrication(config)
    FOUND = find_measurements(iv=Path("data/iv"), raw=Path("data/raw"))
except (SettingsError, DiscoveryError) as problem:
    raise WorkflowError(str(problem)) from None

SOURCE = config["measurements"]["source"]
if SOURCE == "auto":
    SOURCE = "measured" if FOUND.devices else "virtual"
# the wildcard {lab}: empty for measured devices, a folder of its own for virtual ones
LAB = "" if SOURCE == "measured" else "virtual_lab/"
DEVICES = {
    "": FOUND.devices,
    "virtual_lab/": [f"virtual-{k:04d}" for k in range(1, config["virtual_lab"]["devices"] + 1)],
}
CHUNKS = {
    lab: chunks(devices, devices_per_job=config["evaluation"]["devices_per_job"])
    for lab, devices in DEVICES.items()
}
METHODS = config["training"]["methods"]
# gaussian and bayesmulti-fixed have no certificate that another method does not show better
CERTIFIED = [m for m in METHODS if m in ("erm", "dropout", "lognormal", "bayesmulti")]
GPU_TASKS = {name for name, task in config["tasks"].items() if task and task.get("gpu", False)}
TASKS = experiments(config)
CROSSBAR = config["crossbar"]
CROSSBAR_METHODS = [m for m in CROSSBAR["methods"] if m in METHODS]
# what a network on the array depends on: a change of anything else measures nothing again
CROSSBAR_HARDWARE = {
    name: CROSSBAR[name]
    for name in (
        "test_points",
        "usability",
        "read_voltage_v",
        "reads",
        "array",
        "conductance",
        "write",
        "limits",
        "cells",
        "circuit",
    )
}
MEASURED_RUNS = sorted(glob_wildcards("data/crossbar/{run,[^/.][^/]*}.parquet").run)
SHARED_TRAINING = shared_training(config)
CATEGORIES = {  # of the report, in reading order; its menu sorts by name
    "next": "1 What to make next",
    "usability": "2 Usability",
    "networks": "3 Networks, task by task",
    "certificates": "4 Certificates",
    "crossbar": "5 Crossbar",
    "provenance": "6 Provenance",
}
CARD_FIRST = 100  # priority of the jobs on the way to the card of the next devices: a laboratory waits for it
SET_FIGURES = ["usability_distribution", "usability_conditions", "usability_ranking"]

if SOURCE == "measured" and not FOUND.devices:
    raise WorkflowError(
        "measurements.source is measured, but data/iv and data/raw hold no measurement; "
        "put files there or set it to auto"
    )
if workflow.is_main_process:
    print(
        f"{len(DEVICES[LAB])} {'measured devices' if not LAB else 'devices of the virtual laboratory'}"
        f" (measurements.source: {config['measurements']['source']})",
        file=sys.stderr,
    )


wildcard_constraints:
    lab="(virtual_lab/)?",
    device=DEVICE_ID,
    strategy="|".join(config["campaign"]["strategies"]),
    repeat=r"\d+",
    task="|".join(TASKS),
    method="|".join(METHODS),
    round=r"\d+",
    slot=r"\d+",
    chunk=r"all|[01]+",
    record=r"simulated|measured-[^/]+",


def code_digest(script):
    """Digest of a script of workflow_scripts and of the library code it reaches."""
    return digest_of(FOLDER / "workflow_scripts" / script, package=FOLDER / "codesign")


def say_where_to_look():
    """Tell, before the first job, where the card of the next devices will stand, and how all is seen."""
    if any(job.rule.name == "draw_proposals" for job in workflow.dag.needrun_jobs()):
        print(
            f"next devices to make: results/{LAB}figures/proposals.pdf (in about a minute)\n"
            "everything as a page: make report",
            file=sys.stderr,
        )


def start_warm():
    """Let the jobs of this run start in a process that has their libraries loaded; see codesign/warm.

    Not where jobs run elsewhere or in environments of their own, nor on the bench, which ends its
    measurements by itself when it is told to stop. What stands before every command takes programs
    alone, not what a shell understands, so that it stays away from workflows with commands.
    """
    if (
        not workflow.local_exec
        or not workflow.is_main_process
        or workflow.deployment_settings.deployment_method
        or config["bench"]["attached"]
        or any(rule.shellcmd for rule in workflow.rules)
    ):
        return
    waiting = {job.rule for job in workflow.dag.needrun_jobs() if job.rule.script}
    urgent_first = sorted((r for r in workflow.rules if r in waiting), key=lambda r: -r.priority)
    libraries = [
        name
        for rule in urgent_first
        for name in libraries_of(
            FOLDER / "workflow_scripts" / Path(rule.script).name, package=FOLDER / "codesign"
        )
    ]
    command = warm.prefix(dict.fromkeys(libraries))
    if command:
        shell.prefix(command)


def raw_of_device(wildcards):
    """Instrument files with this device id: one, or several that will be refused."""
    return FOUND.raw.get(wildcards.device, [f"data/raw/no-instrument-file-of-{wildcards.device}"])


def sidecar_of_device(wildcards):
    """NAME.meta.yaml beside the instrument file, where there is one."""
    return FOUND.sidecars.get(wildcards.device, [])


def conditions_workbooks(wildcards):
    """Workbooks of data/raw that describe devices rather than measure one."""
    return FOUND.conditions


def imported_sweeps():
    """Canonical files of every instrument file in data/raw."""
    return expand("data/iv/{device}.parquet", device=sorted(FOUND.raw))


def virtual_sweeps():
    """Canonical files of the virtual laboratory."""
    return expand("results/virtual_lab/iv/{device}.parquet", device=DEVICES["virtual_lab/"])


def canonical_file(lab, device):
    """The canonical file of a measured or virtual device."""
    return f"{'results/virtual_lab/iv' if lab else 'data/iv'}/{device}.parquet"


def sweeps_of_device(wildcards):
    """The canonical file of one device."""
    return canonical_file(wildcards.lab, wildcards.device)


def sweeps_digest(wildcards):
    """Digest of a measurement's content; '' before it is made.

    Snakemake compares contents only where a file is newer than what was made of it; a measurement
    that is replaced by an older file, or while a job reads it, would go unnoticed. No argument
    `input`: a parameter that has it does not count as a reason to run again.
    """
    return content_digest([sweeps_of_device(wildcards)])


def sources_digest(wildcards):
    """Digest of everything one import reads; '' where there is nothing to import."""
    sidecar, conditions = sidecar_of_device(wildcards), conditions_workbooks(wildcards)
    return content_digest([*raw_of_device(wildcards), *sidecar, *conditions])


def device_rows(wildcards):
    """One extracted row a device, in name order."""
    return expand(
        "results/{lab}devices/{device}.parquet", lab=wildcards.lab, device=DEVICES[wildcards.lab]
    )


def device_figures():
    """One figure a device."""
    return expand("results/{lab}figures/devices/{device}.pdf", lab=LAB, device=DEVICES[LAB])


def campaign_runs():
    """One closed-loop search a strategy and repeat."""
    return expand(
        "results/virtual_lab/campaign/{strategy}/{repeat}.parquet",
        strategy=config["campaign"]["strategies"],
        repeat=range(1, config["campaign"]["repeats"] + 1),
    )


def experiment_of(wildcards):
    """Data, network and training of a task, as config.yaml has them."""
    return TASKS[wildcards.task]


def refuse_unknown_account():
    """End a run on SLURM whose account is not the user's, before anything is submitted.

    The plugin refuses it job by job, but its refusal of a group of jobs is lost: the run would wait
    without a word for jobs that were never submitted.
    """
    account = (workflow.resource_settings.default_resources or {}).get("slurm_account")
    if workflow.local_exec or account is None:
        return
    from snakemake_executor_plugin_slurm.accounts import validate_account

    for name in str(account.raw).replace(",", " ").split():
        try:
            validate_account(name, logger)
        except WorkflowError as problem:
            raise WorkflowError(
                f"slurm_account: {problem}\nNothing was submitted; correct slurm_account in your site.yaml, or "
                "delete the line where jobs need no account."
            ) from None


def gpus_of_task(wildcards):
    """GPUs of a job that computes with a network."""
    return int(wildcards.task in GPU_TASKS)


def memory_mb_of_task(wildcards, attempt):
    """Memory of such a job in MB: more with every attempt."""
    return (16000 if wildcards.task in GPU_TASKS else 6000) * attempt


def minutes_of_task(wildcards, attempt):
    """Longest duration of such a job in minutes: more with every attempt."""
    return (1440 if wildcards.task in GPU_TASKS else 240) * attempt


def data_of(wildcards):
    """How a task's examples are split; where they lie is said by the machine (`placed`)."""
    return _data_of(wildcards.task)


def _data_of(task):
    lossy = TASKS[task]["source"] == "cifar10" and only_lossy(mirror_of(config))
    return {
        "seed": config["seed"],
        "validation_fraction": config["training"]["validation_fraction"],
        "lossy": lossy,
    }


def panel_of_lab(wildcards):
    """Devices that noise is searched for; known when they are chosen."""
    return checkpoints.choose_panel.get(lab=wildcards.lab).output.panel


def levels_of_lab(wildcards):
    """Synthetic profiles; known when the panel is chosen."""
    return checkpoints.choose_panel.get(lab=wildcards.lab).output.levels


def panel_is_chosen(wildcards):
    """No file, but not before the panel is chosen.

    After a checkpoint Snakemake judges anew only the jobs that ask for it; any other job behind
    one of them would keep the reason it had before. So every job between panel and summary asks,
    and where a new device leaves the panel as it was, none of them runs.
    """
    checkpoints.choose_panel.get(lab=wildcards.lab)
    return []


def rounds_of(method):
    """Rounds of the noise search; none for a method that has nothing to search."""
    return config["search"]["rounds"] if method in config["search"]["limits"] else 0


def trials_of_rounds(wildcards, rounds):
    """Every trial of the first rounds of a search."""
    return expand(
        "results/{lab}search/{task}/{method}/round-{round}-slot-{slot}.parquet",
        lab=wildcards.lab,
        task=wildcards.task,
        method=wildcards.method,
        round=range(1, rounds + 1),
        slot=range(1, config["search"]["slots"] + 1),
    )


def trials_before(wildcards):
    """Trials of the rounds before this one."""
    return trials_of_rounds(wildcards, int(wildcards.round) - 1)


def trials_of_search(wildcards):
    """Every trial of a method's search."""
    return trials_of_rounds(wildcards, rounds_of(wildcards.method))


def sweeps_of_chunk(wildcards):
    """Canonical files of the devices that one job takes."""
    return [
        canonical_file(wildcards.lab, device) for device in CHUNKS[wildcards.lab][wildcards.chunk]
    ]


def sweeps_digest_of_chunk(wildcards):
    """Digest of the contents of `sweeps_of_chunk`; see `sweeps_digest`."""
    return content_digest(sweeps_of_chunk(wildcards))


def rows_of_chunk(wildcards):
    """Extracted rows of the devices that one job takes."""
    return expand(
        "results/{lab}devices/{device}.parquet",
        lab=wildcards.lab,
        device=CHUNKS[wildcards.lab][wildcards.chunk],
    )


def device_evaluations(wildcards):
    """Scores on devices, all chunks of one task and method."""
    return expand(
        "results/{lab}evaluation/{task}/{method}/devices-{chunk}.parquet",
        lab=wildcards.lab,
        task=wildcards.task,
        method=wildcards.method,
        chunk=CHUNKS[wildcards.lab],
    )


def evaluations_of_task(wildcards):
    """Scores of every method on one task."""
    return expand(
        "results/{lab}evaluation/{task}/{method}.parquet",
        lab=wildcards.lab,
        task=wildcards.task,
        method=METHODS,
    )


def summaries_of_tasks(wildcards):
    """Summaries of every task."""
    return expand("results/{lab}evaluation/{task}-summary.parquet", lab=wildcards.lab, task=TASKS)


def certificates_of_task(wildcards):
    """Certificates of every method that is certified."""
    return expand(
        "results/{lab}certificates/{task}/{method}.parquet",
        lab=wildcards.lab,
        task=wildcards.task,
        method=CERTIFIED,
    )


def definition_of(wildcards):
    """What kind of task this is: data, metric, chance level."""
    return TASKS[wildcards.task]["task"]


def chosen_of_searches(wildcards):
    """Chosen noise of every method that searches for it."""
    return expand(
        "results/{lab}search/{task}/{method}/chosen.json",
        lab=wildcards.lab,
        task=wildcards.task,
        method=[method for method in METHODS if rounds_of(method)],
    )


def network_figures():
    """Figures of every task, and whether usability predicts."""
    kinds = ["accuracy", "device-accuracy"]
    if any(rounds_of(method) for method in METHODS):
        kinds.append("search")
    names = [f"{kind}-{task}" for kind in kinds for task in TASKS]
    if "bayesmulti" in METHODS:
        names += [f"noise-{task}" for task in TASKS]
    return expand("results/{lab}figures/{name}.pdf", lab=LAB, name=[*names, "correlation"])


def published_results(wildcards):
    """Tables and figures that the provenance page accounts for, with everything behind them."""
    tables = [
        "usability.csv",
        "fabrication/proposals.csv",
        "fabrication/card.json",
        "evaluation/correlation.csv",
        *(f"evaluation/{task}-summary.csv" for task in TASKS),
        *(f"certificates/{task}.csv" for task in TASKS),
        *(
            f"crossbar/simulated/{table}.csv"
            for table in ("summary", "energy")
            if CROSSBAR["task"] in TASKS
        ),
    ]
    names = [*SET_FIGURES, "proposals", *(f"certificates-{task}" for task in TASKS)]
    return [
        *expand("results/{lab}{table}", lab=wildcards.lab, table=tables),
        *expand("results/{lab}figures/{name}.pdf", lab=wildcards.lab, name=names),
        *network_figures(),
    ]


def crossbar_data(wildcards):
    """Which examples the crossbar is given."""
    return _data_of(CROSSBAR["task"])


def crossbar_definition(wildcards):
    """What kind of task the crossbar's is, for records that do not say it themselves."""
    return TASKS[CROSSBAR["task"]]["task"] if CROSSBAR["task"] in TASKS else None


def crossbar_noise(wildcards):
    """The noise that a method trains the crossbar's networks with."""
    return f"results/{wildcards.lab}search/{CROSSBAR['task']}/{wildcards.method}/chosen.json"


def is_measured(wildcards):
    """Whether a record is one of the bench."""
    return wildcards.record != "simulated"


def files_of_record(wildcards):
    """One file of the bench, or a simulated one a method."""
    if is_measured(wildcards):
        return [f"data/crossbar/{wildcards.record.removeprefix('measured-')}.parquet"]
    return expand(
        "results/{lab}crossbar/simulated/{method}.parquet",
        lab=wildcards.lab,
        method=CROSSBAR_METHODS,
    )


def panel_is_chosen_for_twin(wildcards):
    """A bench measurement rests on no panel."""
    return [] if is_measured(wildcards) else panel_is_chosen(wildcards)


def crossbar_figures(*kinds):
    """Figures of the twin and of every measurement there is."""
    names = [
        f"results/{LAB}figures/{kind}-simulated.pdf" for kind in kinds if CROSSBAR["task"] in TASKS
    ]
    runs = sorted(
        {*MEASURED_RUNS, *([config["bench"]["run"]] if config["bench"]["attached"] else [])}
    )
    return names + [f"results/figures/{kind}-measured-{run}.pdf" for run in runs for kind in kinds]
