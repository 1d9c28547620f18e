"""Scores, searches and correlations to figures: PDF, PNG and the numbers drawn.

in   results/{lab}evaluation/{experiment}-summary.parquet, -comparison.parquet, correlation.csv, correlation-points.csv
     results/baselines/{experiment}.parquet                         what needs no network, where the task says it
     results/{lab}search/{experiment}/{method}/chosen.json, results/{lab}profiles/panel.parquet
     results/{lab}usability.parquet                                 origin and intervals of the devices
out  results/{lab}figures/{metric}-{experiment}.pdf, .png, .svg, .csv           scores on usability levels
     results/{lab}figures/device-{metric}-{experiment}.pdf, .png, .svg, .csv    scores on each device
     results/{lab}figures/fidelity-{metric}-{experiment}.pdf, .png, .svg, .csv  levels and devices on one curve
     results/{lab}figures/calibrated-{metric}-{experiment}.pdf, .png, .svg, .csv  the same on levels, calibrated beside
     results/{lab}figures/gained-{metric}-{experiment}.pdf, .png, .svg, .csv    searched noise less fixed noise
     results/{lab}figures/starts-{metric}-{experiment}.pdf, .png, .svg, .csv    by starting scale, where asked for
     results/{lab}figures/search-{experiment}.pdf, .png, .svg, .csv             trials of the noise search
     results/{lab}figures/noise-{experiment}.pdf, .png, .svg, .csv              noise trained with, noise of the devices
     results/{lab}figures/{figure}-{experiment}.pdf, .png, .svg, .csv      what only this task has
     results/{lab}figures/correlation.pdf, .png, .svg, .csv               does usability predict?
"""


include: "functions/network_figures.smk"


rule draw_scores:
    input:
        summary="results/{lab}evaluation/{experiment}-summary.parquet",
        usability="results/{lab}usability.parquet",
        baselines=baselines_of_experiment,
    output:
        levels_pdf="results/{lab}figures/{metric}-{experiment}.pdf",
        levels_png=report(
            "results/{lab}figures/{metric}-{experiment}.png",
            caption="../report/scores.rst",
            category=CATEGORIES["networks"],
            subcategory="{experiment}",
            labels={"figure": "{metric} by usability"},
        ),
        levels_svg="results/{lab}figures/{metric}-{experiment}.svg",
        levels_csv="results/{lab}figures/{metric}-{experiment}.csv",
        devices_pdf="results/{lab}figures/device-{metric}-{experiment}.pdf",
        devices_png=report(
            "results/{lab}figures/device-{metric}-{experiment}.png",
            caption="../report/device_scores.rst",
            category=CATEGORIES["networks"],
            subcategory="{experiment}",
            labels={"figure": "{metric} by device"},
        ),
        devices_svg="results/{lab}figures/device-{metric}-{experiment}.svg",
        devices_csv="results/{lab}figures/device-{metric}-{experiment}.csv",
        fidelity_pdf="results/{lab}figures/fidelity-{metric}-{experiment}.pdf",
        fidelity_png=report(
            "results/{lab}figures/fidelity-{metric}-{experiment}.png",
            caption="../report/fidelity_scores.rst",
            category=CATEGORIES["networks"],
            subcategory="{experiment}",
            labels={"figure": "{metric} by fidelity"},
        ),
        fidelity_svg="results/{lab}figures/fidelity-{metric}-{experiment}.svg",
        fidelity_csv="results/{lab}figures/fidelity-{metric}-{experiment}.csv",
    log:
        "results/logs/draw_scores/{lab}{metric}-{experiment}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        metric=metric_of,
        evaluation_confidence=config["evaluation"]["confidence"],
        usability_confidence=config["extraction"]["confidence"],
        titles=titles_of_baselines,
        chosen_with=config["search"]["calibration"],
        code=methods_code("draw_scores.py"),
    message:
        "Draw the {wildcards.metric} of {wildcards.experiment}"
    script:
        "../workflow_scripts/draw_scores.py"


if CALIBRATED:

    rule draw_calibrated:
        input:
            summary="results/{lab}evaluation/{experiment}-summary.parquet",
            usability="results/{lab}usability.parquet",
            baselines=baselines_of_experiment,
        output:
            pdf="results/{lab}figures/calibrated-{metric}-{experiment}.pdf",
            png=report(
                "results/{lab}figures/calibrated-{metric}-{experiment}.png",
                caption="../report/calibrated.rst",
                category=CATEGORIES["networks"],
                subcategory="{experiment}",
                labels={"figure": "{metric} by usability, calibrated"},
            ),
            svg="results/{lab}figures/calibrated-{metric}-{experiment}.svg",
            csv="results/{lab}figures/calibrated-{metric}-{experiment}.csv",
        log:
            "results/logs/draw_calibrated/{lab}{metric}-{experiment}.log",
        conda:
            "../envs/science.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=10,
        params:
            metric=metric_of,
            titles=titles_of_baselines,
            chosen_with=config["search"]["calibration"],
            code=methods_code("draw_calibrated.py"),
        message:
            "Draw the {wildcards.metric} of {wildcards.experiment} after calibration"
        script:
            "../workflow_scripts/draw_calibrated.py"


rule draw_starts:
    input:
        scores=starts_of_experiment,
        usability="results/{lab}usability.parquet",
    output:
        pdf="results/{lab}figures/starts-{metric}-{experiment}.pdf",
        png="results/{lab}figures/starts-{metric}-{experiment}.png",
        svg="results/{lab}figures/starts-{metric}-{experiment}.svg",
        csv="results/{lab}figures/starts-{metric}-{experiment}.csv",
    log:
        "results/logs/draw_starts/{lab}{metric}-{experiment}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        metric=metric_of,
        confidence=config["evaluation"]["confidence"],
        resamples=config["evaluation"]["resamples"],
        seed=config["seed"],
        code=methods_code("draw_starts.py"),
    message:
        "Draw the {wildcards.metric} of {wildcards.experiment} by starting scale"
    script:
        "../workflow_scripts/draw_starts.py"


if COMPARED:

    rule draw_gained:
        input:
            comparison="results/{lab}evaluation/{experiment}-comparison.parquet",
            usability="results/{lab}usability.parquet",
        output:
            pdf="results/{lab}figures/gained-{metric}-{experiment}.pdf",
            png=report(
                "results/{lab}figures/gained-{metric}-{experiment}.png",
                caption="../report/gained.rst",
                category=CATEGORIES["networks"],
                subcategory="{experiment}",
                labels={"figure": "{metric} gained by searching"},
            ),
            svg="results/{lab}figures/gained-{metric}-{experiment}.svg",
            csv="results/{lab}figures/gained-{metric}-{experiment}.csv",
        log:
            "results/logs/draw_gained/{lab}{metric}-{experiment}.log",
        conda:
            "../envs/science.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=10,
        params:
            metric=metric_of,
            confidence=config["evaluation"]["confidence"],
            code=methods_code("draw_gained.py"),
        message:
            "Draw what searching gained in {wildcards.metric} of {wildcards.experiment}"
        script:
            "../workflow_scripts/draw_gained.py"


if OWN_FIGURES:

    rule draw_details:
        input:
            details=details_of_experiment,
            levels=levels_of_lab,
        output:
            pdf="results/{lab}figures/{figure}-{experiment}.pdf",
            png=report(
                "results/{lab}figures/{figure}-{experiment}.png",
                caption="../report/task_figure.rst",
                category=CATEGORIES["networks"],
                subcategory="{experiment}",
                labels={"figure": "{figure}"},
            ),
            svg="results/{lab}figures/{figure}-{experiment}.svg",
            csv="results/{lab}figures/{figure}-{experiment}.csv",
        log:
            "results/logs/draw_details/{lab}{figure}-{experiment}.log",
        wildcard_constraints:
            figure="|".join(OWN_FIGURES),
        conda:
            "../envs/science.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=10,
        params:
            module=figures_module_of,
            caption=caption_of_figure,
            code=details_code,
        message:
            "Draw the {wildcards.figure} of {wildcards.experiment}"
        script:
            "../workflow_scripts/draw_details.py"


rule draw_search:
    input:
        chosen=chosen_of_searches,
        panel=panel_of_lab,
    output:
        pdf="results/{lab}figures/search-{experiment}.pdf",
        png=report(
            "results/{lab}figures/search-{experiment}.png",
            caption="../report/search.rst",
            category=CATEGORIES["networks"],
            subcategory="{experiment}",
            labels={"figure": "noise searched"},
        ),
        svg="results/{lab}figures/search-{experiment}.svg",
        csv="results/{lab}figures/search-{experiment}.csv",
    log:
        "results/logs/draw_search/{lab}{experiment}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        metric=metric_of,
        slots=config["search"]["slots"],
        programmings=config["search"]["programmings"],
        calibration=config["search"]["calibration"],
        limits=config["search"]["limits"],
        listed=sorted(config["search"]["given"]),
        code=methods_code("draw_search.py", NOISES),
    message:
        "Draw the noise search of {wildcards.experiment}"
    script:
        "../workflow_scripts/draw_search.py"


rule draw_noise:
    input:
        chosen="results/{lab}search/{experiment}/bayesmulti/chosen.json",
        panel=panel_of_lab,
    output:
        pdf="results/{lab}figures/noise-{experiment}.pdf",
        png=report(
            "results/{lab}figures/noise-{experiment}.png",
            caption="../report/noise.rst",
            category=CATEGORIES["networks"],
            subcategory="{experiment}",
            labels={"figure": "noise trained with"},
        ),
        svg="results/{lab}figures/noise-{experiment}.svg",
        csv="results/{lab}figures/noise-{experiment}.csv",
    log:
        "results/logs/draw_noise/{lab}{experiment}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("draw_noise.py", modules=modules_of_method("bayesmulti")),
    message:
        "Draw the noise of {wildcards.experiment}"
    script:
        "../workflow_scripts/draw_noise.py"


rule draw_correlation:
    input:
        correlation="results/{lab}evaluation/correlation.csv",
        points="results/{lab}evaluation/correlation-points.csv",
        usability="results/{lab}usability.parquet",
    output:
        pdf="results/{lab}figures/correlation.pdf",
        png=report(
            "results/{lab}figures/correlation.png",
            caption="../report/correlation.rst",
            category=CATEGORIES["networks"],
            subcategory="all experiments",
            labels={"figure": "does usability predict?"},
        ),
        svg="results/{lab}figures/correlation.svg",
        csv="results/{lab}figures/correlation.csv",
    log:
        "results/logs/draw_correlation/{lab}correlation.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiments={name: metric_said(about.metric) for name, about in ABOUT.items()},
        confidence=config["evaluation"]["confidence"],
        code=methods_code("draw_correlation.py"),
    message:
        "Draw whether usability predicts"
    script:
        "../workflow_scripts/draw_correlation.py"
