"""A small network on a crossbar, of the experiment that crossbar.experiment names: trained networks, the simulated twin, and figures of any record.

in   results/{lab}search/{experiment}/{method}/chosen.json                the noise a method trains with, of crossbar.level
     results/{lab}profiles/panel.parquet                             devices that simulated cells follow
     data/crossbar/{run}.parquet                                     bench measurements, drawn on any machine
out  results/{lab}crossbar/{method}/networks.safetensors             one network a run
     results/{lab}crossbar/simulated/{method}.parquet                what the twin made of them
     results/{lab}crossbar/{record}/summary.parquet, .csv            accuracies; runs.csv, errors.csv behind them
     results/{lab}crossbar/{record}/energy.parquet, .csv             energy; constants.csv with every source
     results/{lab}figures/crossbar-{accuracy,errors,conductances}-{record}.pdf, .png, .svg, .csv
     results/{lab}figures/energy-{record}.pdf, .png, .svg, .csv
{record} is `simulated`, or `measured-{run}` for a file of data/crossbar; the two never mix.
"""


include: "functions/crossbar.smk"


rule train_crossbar:
    input:
        chosen=crossbar_noise,
        examples=records_of(CROSSBAR["experiment"], "fit"),
        after=panel_is_chosen,
    output:
        networks="results/{lab}crossbar/{method}/networks.safetensors",
    log:
        "results/logs/train_crossbar/{lab}{method}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        name=CROSSBAR["experiment"],
        experiment=EXPERIMENTS.get(CROSSBAR["experiment"]),
        data=crossbar_data,
        training=SHARED_TRAINING,
        runs=CROSSBAR["runs"],
        level=CROSSBAR["level"],
        seed=config["seed"],
        code=network_code("train_crossbar.py", noise_module),
    message:
        "Train the crossbar's networks with {wildcards.method}"
    script:
        "../workflow_scripts/train_crossbar.py"


rule simulate_crossbar:
    input:
        networks="results/{lab}crossbar/{method}/networks.safetensors",
        panel=panel_of_lab,
        examples=records_of(CROSSBAR["experiment"], "fit", "test"),
    output:
        record="results/{lab}crossbar/simulated/{method}.parquet",
    log:
        "results/logs/simulate_crossbar/{lab}{method}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        name=CROSSBAR["experiment"],
        experiment=EXPERIMENTS.get(CROSSBAR["experiment"]),
        data=crossbar_data,
        crossbar=CROSSBAR_HARDWARE,
        seed=config["seed"],
        code=network_code("simulate_crossbar.py", noise=False),
    message:
        "Run the networks of {wildcards.method} on the simulated crossbar"
    script:
        "../workflow_scripts/simulate_crossbar.py"


rule summarise_crossbar:
    input:
        records=files_of_record,
        after=panel_is_chosen_for_twin,
    output:
        summary="results/{lab}crossbar/{record}/summary.parquet",
        csv="results/{lab}crossbar/{record}/summary.csv",
        runs="results/{lab}crossbar/{record}/runs.csv",
        errors="results/{lab}crossbar/{record}/errors.csv",
    log:
        "results/logs/summarise_crossbar/{lab}{record}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        records=record_files,
        measured=is_measured,
        bins=CROSSBAR["bins"],
        confidence=config["evaluation"]["confidence"],
        resamples=config["evaluation"]["resamples"],
        seed=config["seed"],
        code=code_digest("summarise_crossbar.py"),
    message:
        "Summarise the {wildcards.record} crossbar"
    script:
        "../workflow_scripts/summarise_crossbar.py"


rule count_energy:
    input:
        records=files_of_record,
        after=panel_is_chosen_for_twin,
    output:
        energy="results/{lab}crossbar/{record}/energy.parquet",
        csv="results/{lab}crossbar/{record}/energy.csv",
        constants="results/{lab}crossbar/{record}/constants.csv",
    log:
        "results/logs/count_energy/{lab}{record}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        records=record_files,
        measured=is_measured,
        pulse=config["energy"],
        array=[CROSSBAR["array"]["rows"], CROSSBAR["array"]["columns"]],
        code=code_digest("count_energy.py"),
    message:
        "Count the energy of the {wildcards.record} crossbar"
    script:
        "../workflow_scripts/count_energy.py"


rule draw_crossbar:
    input:
        records=files_of_record,
        summary="results/{lab}crossbar/{record}/summary.parquet",
        errors="results/{lab}crossbar/{record}/errors.csv",
        after=panel_is_chosen_for_twin,
    output:
        accuracy_pdf="results/{lab}figures/crossbar-accuracy-{record}.pdf",
        accuracy_png=report(
            "results/{lab}figures/crossbar-accuracy-{record}.png",
            caption="../report/crossbar_accuracy.rst",
            category=CATEGORIES["crossbar"],
            labels={"figure": "accuracy", "record": "{record}"},
        ),
        accuracy_svg="results/{lab}figures/crossbar-accuracy-{record}.svg",
        accuracy_csv="results/{lab}figures/crossbar-accuracy-{record}.csv",
        errors_pdf="results/{lab}figures/crossbar-errors-{record}.pdf",
        errors_png=report(
            "results/{lab}figures/crossbar-errors-{record}.png",
            caption="../report/crossbar_errors.rst",
            category=CATEGORIES["crossbar"],
            labels={"figure": "errors", "record": "{record}"},
        ),
        errors_svg="results/{lab}figures/crossbar-errors-{record}.svg",
        errors_csv="results/{lab}figures/crossbar-errors-{record}.csv",
        conductances_pdf="results/{lab}figures/crossbar-conductances-{record}.pdf",
        conductances_png=report(
            "results/{lab}figures/crossbar-conductances-{record}.png",
            caption="../report/crossbar_conductances.rst",
            category=CATEGORIES["crossbar"],
            labels={"figure": "conductances", "record": "{record}"},
        ),
        conductances_svg="results/{lab}figures/crossbar-conductances-{record}.svg",
        conductances_csv="results/{lab}figures/crossbar-conductances-{record}.csv",
    log:
        "results/logs/draw_crossbar/{lab}{record}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        records=record_files,
        measured=is_measured,
        task=crossbar_definition,
        confidence=config["evaluation"]["confidence"],
        array=[CROSSBAR["array"]["rows"], CROSSBAR["array"]["columns"]],
        tolerance=CROSSBAR["write"]["tolerance"],
        code=methods_code("draw_crossbar.py"),
    message:
        "Draw the {wildcards.record} crossbar"
    script:
        "../workflow_scripts/draw_crossbar.py"


rule draw_energy:
    input:
        energy="results/{lab}crossbar/{record}/energy.parquet",
        constants="results/{lab}crossbar/{record}/constants.csv",
        after=panel_is_chosen_for_twin,
    output:
        pdf="results/{lab}figures/energy-{record}.pdf",
        png=report(
            "results/{lab}figures/energy-{record}.png",
            caption="../report/energy.rst",
            category=CATEGORIES["crossbar"],
            labels={"figure": "energy", "record": "{record}"},
        ),
        svg="results/{lab}figures/energy-{record}.svg",
        csv="results/{lab}figures/energy-{record}.csv",
    log:
        "results/logs/draw_energy/{lab}{record}.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=methods_code("draw_energy.py"),
    message:
        "Draw the energy of the {wildcards.record} crossbar"
    script:
        "../workflow_scripts/draw_energy.py"
