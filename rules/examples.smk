"""Examples that take long to make, made once: what a frozen encoder sees, voxels of a scan.

in   what data sets a task's source has, or nothing where examples are generated
out  results/examples/{experiment}/{part}.json    kept files with their sha256; fit: for training, test: for the evaluation
     results/datasets/...                         the kept files themselves, under names that hold what they depend on
Only tasks with `prepared: true` in about.yaml have these. All their jobs with a network wait for them, and run again where a
kept file's content is another one. A kept file that was removed is made again by the first job that wants it.
"""


include: "functions/examples.smk"


if PREPARED:

    rule prepare_examples:
        input:
            before=fitted_before,
        output:
            record="results/examples/{experiment}/{part}.json",
        log:
            "results/logs/prepare_examples/{experiment}-{part}.log",
        wildcard_constraints:
            experiment="|".join(PREPARED),
            part="fit|test",
        conda:
            "../envs/science.yaml"
        threads: 1
        resources:
            gpu=gpus_of_experiment,
            mem_mb=memory_mb_of_experiment,
            runtime=minutes_of_experiment,
        params:
            experiment=experiment_of,
            data=data_of,
            code=network_code("prepare_examples.py"),
        message:
            "Prepare the examples of {wildcards.experiment}, {wildcards.part}"
        script:
            "../workflow_scripts/prepare_examples.py"
