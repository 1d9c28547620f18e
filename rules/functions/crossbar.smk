"""What the rules of rules/crossbar.smk ask of the configuration and of each other."""


def crossbar_data(wildcards):
    """Which examples the crossbar is given."""
    return division_of(CROSSBAR["experiment"])


def crossbar_definition(wildcards):
    """The crossbar's task, for records that do not say it themselves."""
    return ABOUT[CROSSBAR["experiment"]].name if CROSSBAR["experiment"] in ABOUT else None


def crossbar_noise(wildcards):
    """The noise that a method trains the crossbar's networks with."""
    return f"results/{wildcards.lab}search/{CROSSBAR['experiment']}/{wildcards.method}/chosen.json"


def is_measured(wildcards):
    """Whether a record is one of the bench."""
    return wildcards.record != "simulated"


def receipt_of(run):
    """What says that a measurement has been made: a job's output, as the measurement itself must never be one."""
    return f"results/crossbar/measured-{run}/receipt.json"


def files_of_record(wildcards):
    """What a record is waited for by: its files, and of a measurement that this run makes the receipt."""
    run = wildcards.record.removeprefix("measured-")
    if is_measured(wildcards) and run not in MEASURED_RUNS:
        return [receipt_of(run)]
    return record_files(wildcards)


def record_files(wildcards):
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
        f"results/{LAB}figures/{kind}-simulated.pdf"
        for kind in kinds
        if CROSSBAR["experiment"] in EXPERIMENTS
    ]
    runs = sorted(
        {*MEASURED_RUNS, *([config["bench"]["run"]] if config["bench"]["attached"] else [])}
    )
    return names + [f"results/figures/{kind}-measured-{run}.pdf" for run in runs for kind in kinds]
