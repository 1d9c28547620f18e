"""From I-V sweeps to the next device to make, and to networks that hold on them: the workflow on one page."""

import os

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/measurements.smk"
include: "rules/devices.smk"
include: "rules/fabrication.smk"
include: "rules/profiles.smk"
include: "rules/examples.smk"
include: "rules/training.smk"
include: "rules/evaluation.smk"
include: "rules/certificates.smk"
include: "rules/network_figures.smk"
include: "rules/figures.smk"
include: "rules/report.smk"
include: "rules/crossbar.smk"


if config["bench"]["attached"]:

    include: "rules/bench.smk"


onstart:
    if not os.access("results" if os.path.exists("results") else ".", os.W_OK):
        raise WorkflowError(
            "results cannot be written: make the folder writable, or run in a copy of the project. "
            "Nothing has run; what is there stays as it was."
        )
    refuse_unknown_account()
    start_warm()
    say_where_to_look()
    # On one machine the cores limit what starts. Snakemake's limit of 100 starts a second comes with a timer
    # that looks at every waiting job again each second, one more of them for each finished job. No option turns it
    # off: max-jobs-per-timespan takes no null, 0 starts nothing, and with a longer span Snakemake ends that much later.
    if workflow.local_exec and hasattr(workflow.scheduler, "job_rate_limiter"):
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    say_what_was_left_out()


localrules:
    all,
    first,
    import_raw,
    usability,
    proposals,
    campaign,
    profiles,
    networks,
    evaluation,
    certificates,
    device_figures,
    network_figures,
    crossbar,
    energy,
    figures,
    pages,


rule import_raw:
    input:
        imported_sweeps(),
    message:
        "Instrument files of data/raw are imported"


rule usability:
    input:
        expand("results/{lab}usability.{suffix}", lab=LAB, suffix=["parquet", "csv", "xlsx"]),
    message:
        "Usability table"


rule proposals:
    input:
        expand("results/{lab}fabrication/proposals.csv", lab=LAB),
    message:
        "Next devices to make"


rule first:
    input:
        rules.usability.input,
        rules.proposals.input,
        expand("results/{lab}figures/{name}.pdf", lab=LAB, name=[*SET_FIGURES, "proposals"]),
    message:
        "A first answer: how good each device is, and what to make next"


rule campaign:
    input:
        "results/virtual_lab/campaign.csv",
        "results/virtual_lab/figures/campaign.pdf",
    message:
        "Closed-loop search on the virtual laboratory"


rule profiles:
    input:
        expand("results/{lab}profiles/panel.parquet", lab=LAB),
        expand("results/{lab}profiles/devices-{chunk}.parquet", lab=LAB, chunk=CHUNKS[LAB]),
    message:
        "Device profiles: what networks are programmed on"


rule networks:
    input:
        expand(
            "results/{lab}models/{experiment}/{method}/repeat-{repeat}/spec.json",
            lab=LAB,
            experiment=EXPERIMENTS,
            method=METHODS,
            repeat=REPEATS,
        ),
    message:
        "Trained networks"


rule evaluation:
    input:
        expand("results/{lab}evaluation/{experiment}-summary.csv", lab=LAB, experiment=EXPERIMENTS),
        expand("results/{lab}evaluation/correlation.csv", lab=LAB),
        expand("results/baselines/{experiment}.csv", experiment=BASELINED),
        expand(
            "results/{lab}evaluation/{experiment}-analog.csv",
            lab=LAB,
            experiment=EXPERIMENTS if BESIDE else [],
        ),
    message:
        "Scores of programmed networks"


rule ablation:
    input:
        expand(
            "results/{lab}figures/starts-{metric}.pdf",
            lab=LAB,
            metric=[
                f"{metric}-{name}" for name, about in ABOUT.items() for metric in about.metrics
            ],
        ),
    message:
        "What the starting scale alone does: beside everything else, not part of it"


rule certificates:
    input:
        expand("results/{lab}certificates/{experiment}.csv", lab=LAB, experiment=CERTIFIABLE),
        expand(
            "results/{lab}figures/certificates-{experiment}.pdf", lab=LAB, experiment=CERTIFIABLE
        ),
    message:
        "What can be promised of the networks"


rule device_figures:
    input:
        device_figures(),
        expand("results/{lab}figures/{name}.pdf", lab=LAB, name=SET_FIGURES),
        expand("results/{lab}figures/proposals.pdf", lab=LAB),
    message:
        "Figures of the devices and of the next ones to make"


rule network_figures:
    input:
        network_figures(),
    message:
        "Figures of the networks"


rule crossbar:
    input:
        crossbar_figures("crossbar-accuracy", "crossbar-errors", "crossbar-conductances"),
    message:
        "Networks on the crossbar"


rule energy:
    input:
        crossbar_figures("energy"),
    message:
        "Energy of a multiply-accumulate"


rule figures:
    input:
        rules.device_figures.input,
        rules.network_figures.input,
        expand(
            "results/{lab}figures/certificates-{experiment}.pdf", lab=LAB, experiment=CERTIFIABLE
        ),
        "results/virtual_lab/figures/campaign.pdf",
    message:
        "Figures"


rule pages:
    input:
        expand(
            "results/{lab}report/{name}.html",
            lab=LAB,
            name=["proposals", "usability", "provenance"],
        ),
    message:
        "Pages of the report"


rule all:
    default_target: True
    input:
        rules.usability.input,
        rules.proposals.input,
        rules.campaign.input,
        rules.evaluation.input,
        rules.certificates.input,
        rules.figures.input,
        rules.crossbar.input,
        rules.energy.input,
        rules.pages.input,
    message:
        "Everything: tables, proposals, campaign, networks, crossbar, figures and the pages of the report"


refuse_misspelt_targets()
