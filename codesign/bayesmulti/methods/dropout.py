"""Dropout whose rate is searched for, layer by layer or one for all: Ye et al. (BayesFT, DAC 2021)."""

from codesign.bayesmulti.methods import Limit, Method

METHOD = Method(
    name="dropout",
    title="Dropout (BayesFT)",
    role="rival",
    noise="dropout",
    parameters={"rate": "dropout rate"},
    sites=("activation", "weight"),
    limit=Limit("rate", largest=0.9),
    certified=True,
    colour="green",
    marker="^",
    line=(0, (3, 1, 1, 1)),
    prominent=False,
)
