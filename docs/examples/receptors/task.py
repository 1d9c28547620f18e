"""Does a short peptide fit a receptor? Generated pairs: the two fit if their charges have opposite signs."""

import torch
from torch import nn

from codesign.models.network import Network
from codesign.seeds import derived_seed
from codesign.tasks.contract import DataSource, Task

NUMBERS = {"train": 1500, "validation": 300, "test": 400}  # of pairs
CHARGES = torch.tensor([0, 1, 1, -1, -1] + [0] * 16)  # of residues 1 to 20; 0 stands behind a sequence's end


class Pairs(list):
    def __init__(self, part, seed):
        self.source = DataSource("peptide pairs", "generated", "fit by opposite charges", "")
        draw = torch.Generator().manual_seed(derived_seed(seed, "receptors", part))
        for _ in range(NUMBERS[part]):
            lengths = [torch.randint(*ends, (1,), generator=draw) for ends in ((5, 11), (15, 31))]
            both = [torch.randint(1, 21, (int(length),), generator=draw) for length in lengths]
            self.append((*both, (CHARGES[both[0]].sum() * CHARGES[both[1]].sum() < 0).float()[None]))


class TwoBranches(nn.Module):
    def __init__(self):
        super().__init__()
        self.residue, self.fit = nn.Embedding(21, 8), nn.Linear(16, 1)
        self.peptide, self.receptor = nn.Linear(8, 16), nn.GRU(8, 16, batch_first=True)

    def forward(self, batch):  # the mean of each branch over residues that are there; logits, (batch, 1)
        masks = [(batch[name] > 0)[:, :, None] for name in ("peptide", "receptor")]
        read = self.peptide(self.residue(batch["peptide"])), self.receptor(self.residue(batch["receptor"]))[0]
        peptide, receptor = ((x * mask).sum(1) / mask.sum(1) for x, mask in zip(read, masks, strict=True))
        return self.fit(peptide * receptor)


class Answers:
    def __init__(self):
        self.kept = []  # a batch each: what is so, what was answered, the output

    def update(self, output, batch):
        so = batch["fits"] > 0
        said = torch.where(output.isfinite(), output > 0, ~so)  # no number is a wrong answer
        self.kept.append(torch.stack([so, said, output]).flatten(1).double().cpu())

    def compute(self):
        so, said = answers = torch.cat(self.kept, 1)[:2]
        mcc = answers.corrcoef()[0, 1].nan_to_num(0)  # 0 where one answer is always given
        return {"mcc": float(mcc), "accuracy": float((so == said).double().mean())}

    def details(self):  # a row a pair, for the figure; none where nothing was counted
        return [{"fits": so, "logit": logit} for kept in self.kept for so, _, logit in kept.T.tolist()]


class Receptors(Task):
    def examples(self, settings, *parts):
        return tuple(Pairs(part, settings.seed) for part in parts)

    def collate(self, items):
        padded = [nn.utils.rnn.pad_sequence(column, batch_first=True) for column in zip(*items, strict=True)]
        return dict(zip(("peptide", "receptor", "fits"), padded, strict=True))

    def network(self, name, options, settings, generator):
        module = TwoBranches()
        for parameter in module.parameters() if generator else ():
            nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5, generator=generator)
        analog = ("peptide.weight", "receptor.weight_ih_l0", "receptor.weight_hh_l0", "fit.weight")
        return Network(module, analog, activation_noise=("fit",))

    def loss(self, output, batch):
        return nn.functional.binary_cross_entropy_with_logits(output, batch["fits"]), len(output)

    def scorer(self, *, details=False):
        return Answers()


TASK = Receptors()
