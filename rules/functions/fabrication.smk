"""What the rules of rules/fabrication.smk ask of the configuration and of each other."""


def campaign_runs():
    """Closed-loop searches of each strategy: "3" is repeat 3, "1-10" the first ten."""
    said = config["campaign"]
    return expand(
        "results/virtual_lab/campaign/{strategy}/{repeats}.parquet",
        strategy=said["strategies"],
        repeats=[
            "-".join(map(str, dict.fromkeys((repeats[0], repeats[-1]))))
            for repeats in together(said["repeats"], said["repeats_per_job"])
        ],
    )


def repeats_of_job(wildcards):
    """The repeats that a job of the campaign makes, as its file's name says."""
    numbers = [int(number) for number in wildcards.repeats.split("-")]
    return [*range(numbers[0], numbers[-1] + 1)]
