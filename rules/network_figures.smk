"""Scores, searches and correlations to figures: PDF, PNG and the numbers drawn.

in   results/{lab}evaluation/{task}-summary.parquet, correlation.csv, correlation-points.csv
     results/{lab}search/{task}/{method}/chosen.json, results/{lab}profiles/panel.parquet
     results/{lab}usability.parquet                                 origin and intervals of the devices
out  results/{lab}figures/accuracy-{task}.pdf, .png, .csv           scores on usability levels
     results/{lab}figures/device-accuracy-{task}.pdf, .png, .csv    scores on each device
     results/{lab}figures/search-{task}.pdf, .png, .csv             trials of the noise search
     results/{lab}figures/noise-{task}.pdf, .png, .csv              noise trained with, noise of the devices
     results/{lab}figures/correlation.pdf, .png, .csv               does usability predict?
"""


rule draw_accuracy:
    input:
        summary="results/{lab}evaluation/{task}-summary.parquet",
        usability="results/{lab}usability.parquet",
    output:
        accuracy_pdf="results/{lab}figures/accuracy-{task}.pdf",
        accuracy_png=report(
            "results/{lab}figures/accuracy-{task}.png",
            caption="../report/accuracy.rst",
            category=CATEGORIES["networks"],
            subcategory="{task}",
            labels={"figure": "accuracy by usability"},
        ),
        accuracy_csv="results/{lab}figures/accuracy-{task}.csv",
        device_pdf="results/{lab}figures/device-accuracy-{task}.pdf",
        device_png=report(
            "results/{lab}figures/device-accuracy-{task}.png",
            caption="../report/device_accuracy.rst",
            category=CATEGORIES["networks"],
            subcategory="{task}",
            labels={"figure": "accuracy by device"},
        ),
        device_csv="results/{lab}figures/device-accuracy-{task}.csv",
    log:
        "results/logs/draw_accuracy/{lab}{task}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        task=definition_of,
        evaluation_confidence=config["evaluation"]["confidence"],
        usability_confidence=config["extraction"]["confidence"],
        code=code_digest("draw_accuracy.py"),
    message:
        "Draw the scores of {wildcards.task}"
    script:
        "../workflow_scripts/draw_accuracy.py"


rule draw_search:
    input:
        chosen=chosen_of_searches,
        panel=panel_of_lab,
    output:
        pdf="results/{lab}figures/search-{task}.pdf",
        png=report(
            "results/{lab}figures/search-{task}.png",
            caption="../report/search.rst",
            category=CATEGORIES["networks"],
            subcategory="{task}",
            labels={"figure": "noise searched"},
        ),
        csv="results/{lab}figures/search-{task}.csv",
    log:
        "results/logs/draw_search/{lab}{task}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        task=definition_of,
        slots=config["search"]["slots"],
        draws=config["search"]["draws"],
        limits=config["search"]["limits"],
        code=code_digest("draw_search.py"),
    message:
        "Draw the noise search of {wildcards.task}"
    script:
        "../workflow_scripts/draw_search.py"


rule draw_noise:
    input:
        chosen="results/{lab}search/{task}/bayesmulti/chosen.json",
        panel=panel_of_lab,
    output:
        pdf="results/{lab}figures/noise-{task}.pdf",
        png=report(
            "results/{lab}figures/noise-{task}.png",
            caption="../report/noise.rst",
            category=CATEGORIES["networks"],
            subcategory="{task}",
            labels={"figure": "noise trained with"},
        ),
        csv="results/{lab}figures/noise-{task}.csv",
    log:
        "results/logs/draw_noise/{lab}{task}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_digest("draw_noise.py"),
    message:
        "Draw the noise of {wildcards.task}"
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
            subcategory="all tasks",
            labels={"figure": "does usability predict?"},
        ),
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
        tasks=list(TASKS),
        confidence=config["evaluation"]["confidence"],
        code=code_digest("draw_correlation.py"),
    message:
        "Draw whether usability predicts"
    script:
        "../workflow_scripts/draw_correlation.py"
