"""Training under the memristors' own disturbance, log-normal factors on the weights (the paper, Eq. 7)."""

from codesign.bayesmulti.methods import Limit, Method

METHOD = Method(
    name="lognormal",
    title="Log-normal weight noise",
    role="rival",
    noise="lognormal",
    parameters={"sigma": "log-normal σ"},
    sites=("weight",),
    limit=Limit("standard deviation of the logarithm", largest=None),
    certified=True,
    colour="purple",
    marker="D",
    line=(0, (5, 1)),
    prominent=False,
)
