"""The paper's method: multinomial noise (Eq. 1) whose probabilities are searched for."""

from codesign.bayesmulti.methods import Limit, Method

METHOD = Method(
    name="bayesmulti",
    title="BayesMulti",
    role="own",
    noise="multinomial",
    parameters={"p_zero": "BayesMulti p₁ (zeros)", "p_half": "BayesMulti p₂ (halves)"},
    sites=("activation", "weight"),
    limit=Limit("p1 + p2", largest=0.9),
    certified=True,
    colour="blue",
    marker="o",
    line="-",
    prominent=True,
)
