"""Empirical risk minimisation: ordinary training, what every other method is compared with."""

from codesign.bayesmulti.methods import Method

METHOD = Method(
    name="erm",
    title="ERM",
    role="baseline",
    noise=None,
    parameters={},
    sites=("none",),
    limit=None,
    certified=True,
    colour="black",
    marker="s",
    line=(0, (4, 1.5)),
    prominent=True,
)
