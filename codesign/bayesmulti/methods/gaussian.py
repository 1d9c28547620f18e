"""Gaussian noise on the weights: Joshi et al., Nat. Commun. 11, 2473 (2020), without their clipping.

Not certified: no certificate fits additive noise, and that of its network is not better than ERM's.
"""

from codesign.bayesmulti.methods import Limit, Method

METHOD = Method(
    name="gaussian",
    title="Gaussian weight noise",
    role="rival",
    noise="gaussian",
    parameters={"std": "Gaussian std / max|w|"},
    sites=("weight",),
    limit=Limit("standard deviation over the largest weight", largest=None),
    certified=False,
    colour="orange",
    marker="v",
    line=(0, (1, 1)),
    prominent=False,
)
