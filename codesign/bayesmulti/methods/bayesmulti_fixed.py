"""BayesMulti without its search: the probabilities are those of `training.fixed`.

Not certified: BayesMulti shows the same certificates.
"""

from codesign.bayesmulti.methods import Method

METHOD = Method(
    name="bayesmulti-fixed",
    title="BayesMulti, fixed noise",
    role="own",
    noise="multinomial",
    parameters={"p_zero": "BayesMulti p₁ (zeros)", "p_half": "BayesMulti p₂ (halves)"},
    sites=("activation", "weight"),
    limit=None,
    certified=False,
    colour="sky",
    marker="P",
    line=(0, (2, 1)),
    prominent=False,
)
