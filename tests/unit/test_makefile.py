"""What the Makefile says of its targets and of ARGS is so."""

import re
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.parametrize("target", ["run", "report"])
def test_args_reach_snakemake(target, tmp_path):
    """Every command that runs the workflow takes them; nothing is run here."""
    given = "--configfile config.yaml config.mnist.yaml"
    (tmp_path / "Makefile").write_text(MAKEFILE.read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("constraints", "requirements", "requirements-dev", "requirements-docs"):
        (tmp_path / "envs").mkdir(exist_ok=True)
        (tmp_path / f"envs/{name}.txt").touch()
    command = ["make", "--dry-run", target, f"ARGS={given}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    runs = [line for line in done.stdout.splitlines() if "bin/snakemake" in line]
    assert runs and all(given in line for line in runs)


def test_every_phony_target_exists():
    """A name without a rule would succeed and do nothing."""
    text = MAKEFILE.read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split()
    assert set(phony) <= set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
