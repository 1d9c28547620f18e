"""What every stage needs: the checked configuration, the measurements found, digests.

in   config.yaml, data/iv/*.parquet, data/raw/*, data/crossbar/*.parquet
out  names and functions that the other rule files use
"""

import contextlib
import csv
import gc
import hashlib
import io
import json
import re
import sys

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from codesign import warm
from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.methods import METHOD_FILES, NOISES, method_module, method_of, noise_module
from codesign.evaluation.chunks import WHOLE, chunks
from codesign.fabrication.check import check_fabrication
from codesign.fabrication.declared import with_variables
from codesign.fabrication.laboratory import fabrication_of
from codesign.iv.discovery import DiscoveryError, find_left_out, find_measurements
from codesign.iv.formats import FormatError, importers_of, raw_suffixes
from codesign.iv.names import DEVICE_ID
from codesign.provenance.digest import code_digest as digest_of
from codesign.provenance.digest import content_digest, imports_of
from codesign.provenance.memory import forgotten
from codesign.configuration import (
    check_experiments,
    configuration_schema,
    experiments,
    refuse_old_words,
    scales,
    shared_training,
    trial_training,
)
from codesign.models.aims import aim_names
from codesign.models.family import weights_name
from codesign.settings import SettingsError, check_settings, check_yaml
from codesign.tasks.about import AboutError, about_of, baselines_module_of, module_of
from codesign.words import nearest

FOLDER = Path(workflow.basedir)
# Thousands of jobs are millions of objects that all stay: looking among them for what can go after every 700 new
# ones, as Python does, is a tenth of the planning and finds nothing.
gc.set_threshold(2_000_000, 20, 100)

try:
    # those of the command line lie on top of the Snakefile's
    on_top = list(workflow.overwrite_configfiles or [])
    below = [file for file in workflow.configfiles if not any(map(Path(file).samefile, on_top))]
    check_yaml([*below, *on_top])
    refuse_old_words(config)
    schema = with_variables(configuration_schema(FOLDER / "schemas/config.schema.yaml"), config)
    check_settings(config, schema, name="the configuration", files=[*below, *on_top])
    check_experiments(config)
    check_fabrication(config)
    raw_suffixes()  # a wrong importer is said also where there is no file yet
    FOUND = find_measurements(iv=Path("data/iv"), raw=Path("data/raw"))
    LEFT_OUT = find_left_out(iv=Path("data/iv"), raw=Path("data/raw"))
except (SettingsError, AboutError, NoiseError, FormatError, DiscoveryError) as problem:
    raise WorkflowError(str(problem)) from None

ORIGIN = config["measurements"]["origin"]
if ORIGIN == "auto":
    ORIGIN = "measured" if FOUND.devices else "virtual"
# the wildcard {lab}: empty for measured devices, a folder of its own for virtual ones
LAB = "" if ORIGIN == "measured" else "virtual_lab/"
DEVICES = {
    "": FOUND.devices,
    "virtual_lab/": [f"virtual-{k:04d}" for k in range(1, config["virtual_lab"]["devices"] + 1)],
}
CHUNKS = {
    lab: chunks(devices, devices_per_job=config["evaluation"]["devices_per_job"])
    for lab, devices in DEVICES.items()
}
METHODS = config["training"]["methods"]
CERTIFIED = [method for method in METHODS if method_of(method).certified]
EXPERIMENTS = experiments(config)
SCALES = scales(config)
ABOUT = {
    name: about_of(said["task"]).of_source(said["source"]) for name, said in EXPERIMENTS.items()
}
CERTIFIABLE = [name for name, about in ABOUT.items() if about.certificates]
METRICS = sorted({metric for about in ABOUT.values() for metric in about.metrics})
OWN_FIGURES = sorted({figure for about in ABOUT.values() for figure in about.figures})
CROSSBAR = config["crossbar"]
CROSSBAR_METHODS = [m for m in CROSSBAR["methods"] if m in METHODS]
# what a network on the array depends on: a change of anything else measures nothing again
CROSSBAR_HARDWARE = {
    name: CROSSBAR[name]
    for name in (
        "test_points",
        "level",
        "read_voltage_v",
        "reads",
        "calibrations",
        "calibration_examples",
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
TRIAL_TRAINING = trial_training(config)
# a network of a method is chosen for each of these; those that turn out alike are trained once
AIMS = aim_names(config["profiles"]["panel"], search_for=config["search"]["for"])
REPEATS = range(1, config["training"]["repeats"] + 1)
CATEGORIES = {  # of the report, in reading order; its menu sorts by name
    "next": "1 What to make next",
    "usability": "2 Usability",
    "networks": "3 Networks, experiment by experiment",
    "certificates": "4 Certificates",
    "crossbar": "5 Crossbar",
    "provenance": "6 Provenance",
}
CARD_FIRST = 100  # priority of the jobs on the way to the card of the next devices: a laboratory waits for it
SET_FIGURES = ["usability_distribution", "usability_conditions", "usability_ranking"]

if ORIGIN == "measured" and not FOUND.devices:
    raise WorkflowError(
        "measurements.origin is measured, but data/iv and data/raw hold no measurement; "
        "put files there or set it to auto"
    )
if ORIGIN == "virtual" and config["measurements"]["origin"] == "auto" and LEFT_OUT:
    raise WorkflowError(
        f"data/raw and data/iv hold {len(LEFT_OUT)} file(s), and none of them is read:\n"
        + "\n".join(f"  {left.path}: {left.why}; {left.remedy}" for left in LEFT_OUT[:5])
        + ("\n  ..." if LEFT_OUT[5:] else "")
        + "\nRemove them, or set measurements.origin to virtual, for the devices of the virtual laboratory."
    )
if LEFT_OUT and workflow.is_main_process:
    print(
        f"{len(LEFT_OUT)} file(s) of data/raw and data/iv are left out, e.g. {LEFT_OUT[0].path} "
        f"({LEFT_OUT[0].why}); python -m codesign.iv check data lists them",
        file=sys.stderr,
    )
if workflow.is_main_process:
    FORGOTTEN = forgotten(
        Path("results"), memory=Path(".snakemake/metadata"), config=config, checkout=FOLDER
    )
    if FORGOTTEN:
        logger.warning(FORGOTTEN)
    print(
        f"{len(DEVICES[LAB])} {'measured devices' if not LAB else 'devices of the virtual laboratory'}"
        f" (measurements.origin: {config['measurements']['origin']})",
        file=sys.stderr,
    )


wildcard_constraints:
    lab="(virtual_lab/)?",
    device=DEVICE_ID,
    strategy="|".join(config["campaign"]["strategies"]),
    repeats=r"\d+(-\d+)?",
    repeat=r"\d+",
    analog="weights|all|differential",
    experiment="|".join(EXPERIMENTS),
    method="|".join(METHODS),
    metric="|".join(METRICS),
    round=r"\d+",
    start=r"\d+",
    chunk=r"all|[01]+",
    record=r"simulated|measured-[^/]+",


def together(count, most):
    """1 ... count, at most `most` of them in one job."""
    return [range(first, min(first + most, count + 1)) for first in range(1, count + 1, most)]


def two_gigabytes(wildcards, attempt):
    """Memory of such a job in MB; rules that are made in a loop have no line in a cluster's profile."""
    return 2000 * attempt


def ten_minutes(wildcards, attempt):
    """Longest duration of such a job in minutes."""
    return 10 * attempt


def fabrication_of_lab(lab):
    """Section `fabrication` as a laboratory has it: the virtual one keeps the paper's variables."""
    return fabrication_of(config["fabrication"], virtual=lab != "")


def fabrication_here(wildcards):
    """The same of a job's laboratory."""
    return fabrication_of_lab(wildcards.lab)


def variables_here(wildcards):
    """What a job's laboratory varies."""
    return fabrication_here(wildcards)["variables"]


def space_here(wildcards):
    """Its levels."""
    return fabrication_here(wildcards)["space"]


def devices_of(lab):
    """Devices of one laboratory; all that a table, a figure or a network rests on begins with them."""
    if not DEVICES[lab]:
        raise WorkflowError(
            "measured devices are asked for (results/... without virtual_lab), but data/iv and data/raw hold no "
            "measurement; put files there; those of the virtual laboratory are results/virtual_lab/..."
        )
    return DEVICES[lab]


def code_digest(script, **loaded):
    """Digest of a script of workflow_scripts, or of a whole path, and of the library code it reaches.

    `loaded` names what it loads by name (`modules`) and what declarations tell it (`data`).
    """
    return digest_of(FOLDER / "workflow_scripts" / script, package=FOLDER / "codesign", **loaded)


def modules_of_method(method):
    """What a job that trains with a method, or draws it, loads by name."""
    return [method_module(method), noise_module(method)]


def computing_code(script, about, *modules, method=None):
    """The digest of a job that computes with a task, and where it asks for one, with a method.

    Of both counts what they declare of the computation, by content: titles, labels and looks change figures alone.
    """
    data = about.computing
    if method is not None:
        modules, data = [*modules, METHOD_FILES], [data, method_of(method).computing]
    return code_digest(script, modules=[module_of(about.name), *modules], data=data)


def network_code(script, *loaded, method=False, noise=True):
    """The digest of a job that computes with an experiment's network: its own task counts and no other.

    It is worked out once a run and experiment. Code that is edited while the run goes on counts in the next.

    Args:
        script: In workflow_scripts.
        loaded: Functions from the method of the job to a module that it loads by name.
        method: Whether the job asks what its method is.
        noise: False where the job could load a noise and loads none.
    """

    known = {}

    def digest(wildcards):
        experiment = wildcards.get("experiment", CROSSBAR["experiment"])
        asked = experiment, wildcards.get("method")
        if asked not in known:
            modules = [module(wildcards.method) for module in loaded]
            if not noise:
                modules.append(NOISES)
            known[asked] = computing_code(
                script, ABOUT[experiment], *modules, method=wildcards.method if method else None
            )
        return known[asked]

    return digest


def methods_code(script, *more):
    """The digest of a job that draws the methods compared; `more` it loads by name."""
    return code_digest(script, modules=[*map(method_module, METHODS), *more])


def refuse_misspelt_targets():
    """End a run that asks for a target by a name that no rule has, with those it may mean.

    Snakemake has the targets only after the files of rules are read, and would then say that there is no rule to
    produce such a file; so the command line is read here once more, where it holds a word that is no rule.
    """
    known = {each.name for each in workflow.rules}
    targets = [each.name for each in workflow.rules if not each.output]
    words = {word for word in sys.argv[1:] if re.fullmatch(r"[A-Za-z_-]+", word) and word[0] != "-"}
    strange = {word for word in words - known if not Path(word).exists()}
    if not strange or not workflow.is_main_process or "snakemake" not in sys.argv[0]:
        return
    from snakemake.cli import parse_args

    with contextlib.redirect_stderr(io.StringIO()):
        asked = parse_args(sys.argv[1:])[1].targets
    for name in sorted(strange & {str(target) for target in asked}):
        raise WorkflowError(
            f"there is no target {name!r}{nearest(name.replace('-', '_'), targets)}. "
            f"Targets are {', '.join(targets)}, as snakemake --list-target-rules lists them, and files in results."
        )


def say_where_to_look():
    """Tell, before the first job, where the card of the next devices will stand, and how all is seen."""
    if any(job.rule.name == "draw_proposals" for job in workflow.dag.needrun_jobs()):
        print(
            f"next devices to make: results/{LAB}figures/proposals.pdf (in about a minute)\n"
            "everything as a page: make report",
            file=sys.stderr,
        )


def say_what_was_left_out():
    """Tell, after the last job, which devices have no usability; without it only figures and tables say so."""
    table = Path(f"results/{LAB}usability.csv")
    if not workflow.is_main_process or not table.is_file():
        return
    with table.open(newline="", encoding="utf-8") as file:
        lost = [row for row in csv.DictReader(file) if row["status"] != "ok"]
    if lost:
        names = ", ".join(
            f"{row['device']} ({row['status'].replace('_', ' ')})" for row in lost[:5]
        )
        print(
            f"{len(lost)} device(s) without usability: {names}{', ...' if lost[5:] else ''}; "
            f"{table} has the reasons",
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
        or any(each.shellcmd for each in workflow.rules)
    ):
        return
    waiting = {job.rule for job in workflow.dag.needrun_jobs() if job.rule.script}
    urgent_first = sorted((r for r in workflow.rules if r in waiting), key=lambda r: -r.priority)
    loaded = [module_of(about.name) for about in ABOUT.values()]
    loaded += [module for method in METHODS for module in modules_of_method(method)]
    imports = [
        name
        for each in urgent_first
        for name in imports_of(
            FOLDER / "workflow_scripts" / Path(each.script).name,
            package=FOLDER / "codesign",
            modules=loaded,
        )
    ]
    command = warm.prefix(dict.fromkeys(imports), package=FOLDER / "codesign")
    if command:
        shell.prefix(command)


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
