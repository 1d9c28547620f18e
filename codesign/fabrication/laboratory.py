"""Which variables, levels and conditions a laboratory has: the configuration's, or the virtual one's."""

from collections.abc import Mapping

from codesign.variables import PAPER, PAPER_SPACE, PAPER_START, Variables

AS_THE_PAPER = {
    "variables": PAPER.to_settings(),
    "space": PAPER_SPACE,
    "start": PAPER_START,
    "exclude": [],
    "pending": [],
    "encoding": "physical",
}
"""Settings that speak of variables, where the virtual laboratory cannot have those of the configuration."""


def fabrication_of(fabrication: Mapping, *, virtual: bool) -> dict:
    """Section `fabrication` of a configuration as one laboratory has it.

    The virtual laboratory hides its landscapes over the paper's five variables. Where the configuration has
    others, it works in the paper's space, from the paper's first device, and with the same search else.

    Args:
        fabrication: The section, checked.
        virtual: Whether it is the virtual laboratory's.

    Returns:
        The section without variables that are null, and without what `space` and `start` say of them.
    """
    variables = {name: said for name, said in fabrication["variables"].items() if said is not None}
    if virtual and not Variables.of(variables).are_the_papers:
        return {**fabrication, **AS_THE_PAPER}
    return {
        **fabrication,
        "variables": variables,
        **{
            key: {name: said for name, said in fabrication[key].items() if name in variables}
            for key in ("space", "start")
        },
    }
