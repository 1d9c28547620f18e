"""What tasks declare, and whether the configuration goes with it."""

from pathlib import Path

import pytest
import yaml

from codesign.configuration import check_experiments
from codesign.settings import SettingsError

CONFIG = Path(__file__).resolve().parents[3] / "config.yaml"


def test_levels_that_a_figure_of_a_task_shows_must_be_there():
    """Else the run would end where the figure's rows are kept, after every training."""
    settings = yaml.safe_load(CONFIG.read_text())
    check_experiments(settings)
    settings["profiles"]["synthetic"] = [1.0, 0.4]
    with pytest.raises(SettingsError, match=r"profiles\.synthetic: 0\.5 is missing.*moons"):
        check_experiments(settings)
