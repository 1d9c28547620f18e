"""What the rules of rules/network_figures.smk ask of the configuration and of each other."""

CALIBRATED = [kind for kind in config["evaluation"]["calibrations"] if kind != "none"]
"""Kinds of calibration to draw beside the networks as they are programmed."""


def metric_of(wildcards):
    """The primary metric of an experiment's task, or the one that a figure is of."""
    about = ABOUT[wildcards.experiment]
    return metric_said(about.metrics[wildcards.get("metric", about.primary)])


def metric_said(metric):
    """A metric as a parameter of a rule holds it."""
    return {
        "name": metric.name,
        "title": metric.title,
        "better": metric.better,
        "chance": metric.chance,
    }


def baselines_of_experiment(wildcards):
    """Scores of what needs no network; nothing where the task has no such baselines."""
    if not ABOUT[wildcards.experiment].baselines:
        return []
    return [f"results/baselines/{wildcards.experiment}.parquet"]


def titles_of_baselines(wildcards):
    """Baselines of an experiment's task, as figures write them."""
    return {name: each.title for name, each in ABOUT[wildcards.experiment].baselines.items()}


def chosen_of_searches(wildcards):
    """What was chosen for every method, searched or not."""
    return expand(
        "results/{lab}search/{experiment}/{method}/chosen.json",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        method=METHODS,
    )


def starts_of_experiment(wildcards):
    """Scores of every method in one experiment, from each starting scale."""
    return expand(
        "results/{lab}evaluation/{experiment}/{method}/starts.parquet",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        method=METHODS,
    )


def details_of_experiment(wildcards):
    """What the networks left for the task's own figures: of all methods, or of those its task names."""
    return expand(
        "results/{lab}evaluation/{experiment}/{method}/details.parquet",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        method=ABOUT[wildcards.experiment].methods_shown(METHODS),
    )


def figures_module_of(wildcards):
    """Module with the functions that draw a task's own figures."""
    return f"codesign.tasks.{ABOUT[wildcards.experiment].name}.figures"


def caption_of_figure(wildcards):
    """What the report says under one of them."""
    return ABOUT[wildcards.experiment].figures[wildcards.figure]


def details_code(wildcards):
    """Digest of a job that draws a task's own figure: the task's figures module counts."""
    return methods_code("draw_details.py", figures_module_of(wildcards))


def own_figure_names():
    """Figures that only one task has, of each of its experiments."""
    return [f"{figure}-{name}" for name, about in ABOUT.items() for figure in about.figures]


def network_figures():
    """Figures of every experiment, one a metric, and whether usability predicts."""
    names = [
        f"{kind}{metric}-{name}"
        for kind in (
            *("", "device-", "fidelity-"),
            *(["calibrated-"] if CALIBRATED else []),
            *(["gained-"] if COMPARED else []),
        )
        for name, about in ABOUT.items()
        for metric in about.metrics
    ]
    if any(rounds_of(method) for method in METHODS):
        names += [f"search-{name}" for name in EXPERIMENTS]
    if "bayesmulti" in METHODS:
        names += [f"noise-{name}" for name in EXPERIMENTS]
    names += [*own_figure_names(), "correlation"]
    return expand("results/{lab}figures/{name}.pdf", lab=LAB, name=names)
