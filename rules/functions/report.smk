"""What the rules of rules/report.smk ask of the configuration and of each other."""


def published_results(wildcards):
    """Tables and figures that the provenance page accounts for, with everything behind them."""
    tables = [
        "usability.csv",
        "fabrication/proposals.csv",
        "fabrication/card.json",
        "evaluation/correlation.csv",
        *(f"evaluation/{experiment}-summary.csv" for experiment in EXPERIMENTS),
        *(f"certificates/{experiment}.csv" for experiment in CERTIFIABLE),
        *(
            f"crossbar/simulated/{table}.csv"
            for table in ("summary", "energy")
            if CROSSBAR["experiment"] in EXPERIMENTS
        ),
    ]
    names = [
        *SET_FIGURES,
        "proposals",
        *(f"certificates-{experiment}" for experiment in CERTIFIABLE),
    ]
    return [
        *expand("results/{lab}{table}", lab=wildcards.lab, table=tables),
        *expand("results/{lab}figures/{name}.pdf", lab=wildcards.lab, name=names),
        *network_figures(),
    ]
