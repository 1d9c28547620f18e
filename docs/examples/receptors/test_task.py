"""What must hold of a task beyond that it runs."""

import torch

from codesign.tasks.contract import DataSettings, batches, score_of
from codesign.tasks.registry import task_named

TASK = task_named("receptors")
SETTINGS = DataSettings(source="generated", validation_fraction=0.15, seed=1, options={})
CPU = torch.device("cpu")


def outputs(size):
    """Logits of the validation pairs by a fresh network, in batches of one size."""
    network = TASK.network("two-branches", {}, SETTINGS, torch.Generator().manual_seed(1))
    (pairs,) = TASK.examples(SETTINGS, "validation")
    return torch.cat(
        [TASK.forward(network.module, batch) for batch in batches(TASK, pairs, size, device=CPU)]
    )


def test_an_answer_does_not_depend_on_the_batch_it_is_in():
    """Shorter sequences are padded to the longest of their batch, and padding must count for nothing."""
    torch.testing.assert_close(outputs(7), outputs(300))


def test_a_network_starts_from_its_generator_alone():
    """All methods must start from the same values, and another job must find them again."""
    torch.manual_seed(5)
    first = outputs(300)
    torch.manual_seed(6)
    assert torch.equal(first, outputs(300))


def test_an_output_that_is_no_number_is_a_wrong_answer():
    """The worst devices give such outputs; they must not count as right, nor end the evaluation."""
    (batch,) = batches(TASK, TASK.examples(SETTINGS, "test")[0], 400, device=CPU)
    scorer = TASK.scorer()
    scorer.update(torch.full((400, 1), torch.nan), batch)
    assert score_of(scorer, ["mcc", "accuracy"]) == {"mcc": -1.0, "accuracy": 0.0}


def test_parts_share_no_pair():
    """What is validated or tested on was not trained on."""
    train, test = TASK.examples(SETTINGS, "train", "test")
    seen = {(tuple(peptide.tolist()), tuple(receptor.tolist())) for peptide, receptor, _ in train}
    assert not [
        1 for peptide, receptor, _ in test if (tuple(peptide.tolist()), tuple(receptor.tolist())) in seen
    ]
