"""Tables to figures: PDF, PNG and the numbers drawn.

in   data/iv, results/{lab}devices, results/{lab}usability.parquet, results/{lab}fabrication, campaign
out  results/{lab}figures/devices/{device}.pdf, .png, .svg, .csv     one device
     results/{lab}figures/{name}.pdf, .png, .svg, .csv               the set, the card, the campaign
"""


include: "functions/figures.smk"


# One process draws several devices, and of them those alone that something has changed of: `update` leaves the others'
# figures in place. A job a figure would double the time that thousands of devices take to plan.
for FIGURES in figures_together():

    rule:
        name:
            FIGURES.rule
        input:
            sweeps=as_inputs(FIGURES.sweeps),
            devices=FIGURES.rows,
        output:
            pdfs=update(FIGURES.of("pdf")),
            pngs=update(FIGURES.of("png")),
            svgs=update(FIGURES.of("svg")),
            csvs=update(FIGURES.of("csv")),
        log:
            FIGURES.log,
        conda:
            "../envs/science.yaml"
        threads: 1
        resources:
            mem_mb=two_gigabytes,
            runtime=ten_minutes,
        params:
            sweeps=FIGURES.sweeps,
            besides=besides(FIGURES.sweeps),
            measured=FIGURES.sweeps_digest,
            variables=FIGURES.variables,
            # of what a device is called, too: a figure that was drawn by the same code stays as it is
            code=code_digest("draw_devices.py", data=FIGURES.variables),
        message:
            FIGURES.message
        script:
            "../workflow_scripts/draw_devices.py"


rule draw_usability:
    input:
        usability="results/{lab}usability.parquet",
    output:
        distribution_pdf="results/{lab}figures/usability_distribution.pdf",
        distribution_png=report(
            "results/{lab}figures/usability_distribution.png",
            caption="../report/usability_distribution.rst",
            category=CATEGORIES["usability"],
            labels={"figure": "distribution of usability"},
        ),
        distribution_svg="results/{lab}figures/usability_distribution.svg",
        distribution_csv="results/{lab}figures/usability_distribution.csv",
        conditions_pdf="results/{lab}figures/usability_conditions.pdf",
        conditions_png=report(
            "results/{lab}figures/usability_conditions.png",
            caption="../report/usability_conditions.rst",
            category=CATEGORIES["usability"],
            labels={"figure": "by fabrication condition"},
        ),
        conditions_svg="results/{lab}figures/usability_conditions.svg",
        conditions_csv="results/{lab}figures/usability_conditions.csv",
        ranking_pdf="results/{lab}figures/usability_ranking.pdf",
        ranking_png=report(
            "results/{lab}figures/usability_ranking.png",
            caption="../report/usability_ranking.rst",
            category=CATEGORIES["usability"],
            labels={"figure": "ranking of the devices"},
        ),
        ranking_svg="results/{lab}figures/usability_ranking.svg",
        ranking_csv="results/{lab}figures/usability_ranking.csv",
    log:
        "results/logs/draw_usability/{lab}usability.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        variables=variables_here,
        space=space_here,
        confidence=config["extraction"]["confidence"],
        code=code_digest("draw_usability.py"),
    message:
        "Draw the set of devices"
    script:
        "../workflow_scripts/draw_usability.py"


rule draw_proposals:
    input:
        table="results/{lab}fabrication/proposals.parquet",
        card="results/{lab}fabrication/card.json",
    output:
        pdf="results/{lab}figures/proposals.pdf",
        png=report(
            "results/{lab}figures/proposals.png",
            caption="../report/proposals.rst",
            category=CATEGORIES["next"],
            labels={"figure": "page for the bench"},
        ),
        svg="results/{lab}figures/proposals.svg",
        csv="results/{lab}figures/proposals.csv",
    log:
        "results/logs/draw_proposals/{lab}proposals.log",
    priority: CARD_FIRST
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        variables=variables_here,
        code=code_digest("draw_proposals.py"),
    message:
        "Draw the card of the next devices"
    script:
        "../workflow_scripts/draw_proposals.py"


rule draw_campaign:
    input:
        summary="results/virtual_lab/campaign.csv",
    output:
        pdf="results/virtual_lab/figures/campaign.pdf",
        png=report(
            "results/virtual_lab/figures/campaign.png",
            caption="../report/campaign.rst",
            category=CATEGORIES["next"],
            labels={"figure": "search against random"},
        ),
        svg="results/virtual_lab/figures/campaign.svg",
        csv="results/virtual_lab/figures/campaign.csv",
    log:
        "results/logs/draw_campaign.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        space_filling=config["fabrication"]["space_filling"],
        code=code_digest("draw_campaign.py"),
    message:
        "Draw the campaign"
    script:
        "../workflow_scripts/draw_campaign.py"
