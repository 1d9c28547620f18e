"""What the rules of rules/fabrication.smk ask of the configuration and of each other."""


def campaign_runs():
    """One closed-loop search a strategy and repeat."""
    return expand(
        "results/virtual_lab/campaign/{strategy}/{repeat}.parquet",
        strategy=config["campaign"]["strategies"],
        repeat=range(1, config["campaign"]["repeats"] + 1),
    )
