"""Tables to pages that a browser shows: what `make report` has besides figures.

in   results/{lab}fabrication/proposals.parquet, card.json      the next devices to make
     results/{lab}usability.parquet                             a row a device
     every table and figure the report accounts for             published_results
     results/provenance/                                        records of jobs, written by every script
out  results/{lab}report/proposals.html                         what to make next
     results/{lab}report/usability.html                         every device, best first
     results/{lab}report/provenance.html                        what the results were made from
Records are no inputs: they lie beside the outputs of the jobs they tell of, and make none run.
"""


include: "functions/report.smk"


rule write_proposals_page:
    input:
        table="results/{lab}fabrication/proposals.parquet",
        card="results/{lab}fabrication/card.json",
    output:
        page=report(
            "results/{lab}report/proposals.html",
            caption="../report/proposals_page.rst",
            category=CATEGORIES["next"],
            labels={"figure": "devices to make (table)"},
        ),
    log:
        "results/logs/write_proposals_page/{lab}proposals.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        variables=variables_here,
        code=code_digest("write_proposals_page.py"),
    message:
        "Write the page of the next devices"
    script:
        "../workflow_scripts/write_proposals_page.py"


rule write_usability_page:
    input:
        usability="results/{lab}usability.parquet",
    output:
        page=report(
            "results/{lab}report/usability.html",
            caption="../report/usability_page.rst",
            category=CATEGORIES["usability"],
            labels={"figure": "all devices (table)"},
        ),
    log:
        "results/logs/write_usability_page/{lab}usability.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        confidence=config["extraction"]["confidence"],
        variables=variables_here,
        code=code_digest("write_usability_page.py"),
    message:
        "Write the page of the devices"
    script:
        "../workflow_scripts/write_usability_page.py"


rule write_provenance_page:
    input:
        usability="results/{lab}usability.parquet",
        scores=summaries_of_experiments,
        published=published_results,
        after=panel_is_chosen,
    output:
        page=report(
            "results/{lab}report/provenance.html",
            caption="../report/provenance.rst",
            category=CATEGORIES["provenance"],
            labels={"figure": "what the results were made from (table)"},
        ),
    log:
        "results/logs/write_provenance_page/{lab}provenance.log",
    conda:
        "../envs/science.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiments=list(EXPERIMENTS),
        code=code_digest("write_provenance_page.py"),
    message:
        "Write the page of what the results were made from"
    script:
        "../workflow_scripts/write_provenance_page.py"
