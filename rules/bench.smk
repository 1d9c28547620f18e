"""The crossbar on the bench: included where bench.attached is true, which profiles/bench alone sets.

in   results/{lab}crossbar/{method}/networks.safetensors   trained networks
     the file that bench.wiring names                      what is connected to what
out  data/crossbar/{run}.parquet                           one measurement run, named by bench.run;
                                                           {run}-interrupted-{time}.parquet of one cut short
     results/crossbar/measured-{run}/receipt.json          that it has been made
A measurement is made once: where its file is there, it is an ordinary input and this rule is not. It is no output
of the job: Snakemake removes outputs of jobs that fail, and a job can fail after it has measured.
"""

from codesign.configuration import beyond_limits
from codesign.crossbar.wiring import read_wiring

if config["bench"]["run"] is None or config["bench"]["wiring"] is None:
    raise WorkflowError(
        "bench.attached is true: bench.run must name this measurement, e.g. 2026-11-24-a, and "
        "bench.wiring the file that says what is connected; nothing was put on the array"
    )


try:
    WIRED = read_wiring(config["bench"]["wiring"]).limits
    BEYOND = beyond_limits(CROSSBAR, vars(WIRED), whose=f"{config['bench']['wiring']}: limits")
    if BEYOND:
        raise SettingsError("\n".join(BEYOND))
except SettingsError as problem:
    raise WorkflowError(f"{problem}\nNothing was put on the array.") from None


if config["bench"]["run"] not in MEASURED_RUNS:

    rule measure_crossbar:
        input:
            networks=expand(
                "results/{lab}crossbar/{method}/networks.safetensors",
                lab=LAB,
                method=CROSSBAR_METHODS,
            ),
            wiring=config["bench"]["wiring"],
        output:
            receipt=receipt_of(config["bench"]["run"]),
        log:
            f"results/logs/measure_crossbar/{config['bench']['run']}.log",
        conda:
            "../envs/science.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=1440,
            instrument=1,
        params:
            record=f"data/crossbar/{config['bench']['run']}.parquet",
            name=CROSSBAR["experiment"],
            experiment=EXPERIMENTS.get(CROSSBAR["experiment"]),
            data=crossbar_data,
            methods=CROSSBAR_METHODS,
            crossbar=CROSSBAR_HARDWARE,
            bench=config["bench"],
            code=network_code("measure_crossbar.py", noise=False),
        message:
            f"Measure {config['bench']['run']} on the crossbar"
        script:
            "../workflow_scripts/measure_crossbar.py"
