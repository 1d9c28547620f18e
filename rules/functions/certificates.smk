"""What the rules of rules/certificates.smk ask of the configuration and of each other."""


def chance_of_experiment(wildcards):
    """Score of a network that has learnt nothing."""
    return ABOUT[wildcards.experiment].metric.chance


def certificates_of_experiment(wildcards):
    """Certificates of every method that is certified."""
    return expand(
        "results/{lab}certificates/{experiment}/{method}.parquet",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        method=CERTIFIED,
    )
