"""Search hidden landscapes of the virtual laboratory, device by device."""

from pathlib import Path

from codesign.fabrication.campaign import run_campaign, with_truth
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space
from codesign.log import log_to
from codesign.nonideality.branch import Extraction
from codesign.provenance.records import recorded
from codesign.schemas.campaign import CAMPAIGN
from codesign.seeds import derived_seed, generator
from codesign.tables import write_table
from codesign.variables import Variables
from codesign.virtual_lab.devices import make_and_extract
from codesign.virtual_lab.landscape import Landscape
from codesign.virtual_lab.sweeps import VirtualLab


def main(
    *,
    evaluations: Path,
    strategy: str,
    repeats: list[int],
    count: int,
    fabrication: dict,
    virtual_lab: dict,
    extraction: dict,
    seed: int,
) -> None:
    """Run one campaign a repeat; strategies share the landscape and the devices' noise of a repeat."""
    import torch

    torch.set_num_threads(1)
    settings = dict(fabrication)
    variables = Variables.of(settings.pop("variables"))
    space = Space(settings.pop("space"), settings.pop("exclude"), variables)
    search = Search(**settings | {"pending": (), "batch": 1})
    lab = VirtualLab(**{k: v for k, v in virtual_lab.items() if k not in ("devices", "landscape")})
    how = Extraction(**extraction)
    rows = []
    for repeat in repeats:
        rows += _campaign(strategy, repeat, count, space, search, lab, how, seed)
    write_table(rows, evaluations, schema=CAMPAIGN)


def _campaign(
    strategy: str,
    repeat: int,
    count: int,
    space: Space,
    search: Search,
    lab: VirtualLab,
    how: Extraction,
    seed: int,
) -> list[dict]:
    """The rows of one repeat, with what its landscape hides."""
    landscape = Landscape.draw(space.levels, generator(seed, "campaign", repeat), search.start)
    noise = derived_seed(seed, "campaign-devices", repeat)

    def laboratory(evaluation: int, condition: dict) -> tuple[float | None, float]:
        row = make_and_extract(f"device-{evaluation}", condition, landscape, lab, how, noise)
        return row["usability"], row["usability_std"] or 0.0

    rows = run_campaign(
        strategy, space, search, laboratory, evaluations=count, rng=generator(seed, "random-search", repeat)
    )
    hidden = landscape.usability(rows)
    optimum = float(landscape.usability(space.grid()).max())
    complete = with_truth(rows, strategy=strategy, repeat=repeat, hidden=hidden, optimum=optimum)
    print(f"repeat {repeat}: best {complete[-1]['best_hidden']:.3f} of {optimum:.3f} after {count} devices")
    return complete


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            evaluations=Path(snakemake.output.evaluations),
            strategy=snakemake.wildcards.strategy,
            repeats=snakemake.params.repeats,
            count=snakemake.params.evaluations,
            fabrication=snakemake.params.fabrication,
            virtual_lab=snakemake.params.virtual_lab,
            extraction=snakemake.params.extraction,
            seed=snakemake.params.seed,
        )
