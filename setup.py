"""Puts what lies beside the package into the wheel: `codesign.shipped` finds it in both places."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class WithFilesBeside(build_py):
    """The package, and in its folder `data` the configuration and the schemas."""

    def run(self) -> None:
        """Build the package, then copy; an editable installation reads them where they lie."""
        super().run()
        if self.editable_mode:
            return
        for path in (ROOT / "config.yaml", *sorted((ROOT / "schemas").glob("*.yaml"))):
            target = Path(self.build_lib, "codesign", "data", path.relative_to(ROOT))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


setup(cmdclass={"build_py": WithFilesBeside})
