"""Uniform weight noise: training under factors that are equally likely anywhere around 1."""

from codesign.bayesmulti.methods import Limit, Method

METHOD = Method(
    name="uniform",
    title="Uniform weight noise",
    role="rival",
    noise="uniform",
    parameters={"width": "uniform half width"},
    sites=("weight",),
    limit=Limit("half width of the factor; above 1 it would turn signs", largest=1.0),
    certified=False,
    colour="vermilion",
    marker="X",
    line=(0, (6, 1, 1, 1)),
    prominent=False,
)
