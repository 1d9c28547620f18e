"""What the rules of rules/certificates.smk ask of the configuration and of each other."""


def chance_of_experiment(wildcards):
    """Share of right decisions of a network that has learnt nothing."""
    return ABOUT[wildcards.experiment].chance_right


def certificates_of_experiment(wildcards):
    """Certificates of every method that is certified."""
    return expand(
        "results/{lab}certificates/{experiment}/{method}.parquet",
        lab=wildcards.lab,
        experiment=wildcards.experiment,
        method=CERTIFIED,
    )
