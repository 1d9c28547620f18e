"""A method's mistake is one message when the workflow is read: file, field, and what is allowed."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from codesign.bayesmulti.checks import COLOURS, MARKERS, noise_kinds, parameters_of
from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.methods import Method, method_names, method_of

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = REPOSITORY / "docs/examples/uniform"
METHOD = "codesign/bayesmulti/methods/uniform.py"
NOISE = "codesign/bayesmulti/noises/uniform.py"
READ = """
import sys
from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.methods import limits_schema
try:
    limits_schema()
except NoiseError as error:
    print(error)
assert not {"torch", "matplotlib", "numpy"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the package, to add a method to."""
    folder = tmp_path_factory.mktemp("checks")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "codesign/bayesmulti", folder / "codesign/bayesmulti", ignore=ignored)
    for name in ("__init__.py", "words.py"):
        shutil.copy2(REPOSITORY / "codesign" / name, folder / "codesign" / name)
    return folder


def said_of(project: Path, file: str, before: str, after: str) -> str:
    """What reading the methods says once one piece of text of the example is another."""
    for name in (METHOD, NOISE):
        shutil.copy2(EXAMPLE / Path(name).parent.name / "uniform.py", project / name)
    text = (project / file).read_text()
    assert before in text
    (project / file).write_text(text.replace(before, after))
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=os.environ | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=project,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        pytest.param(METHOD, "METHOD =", "METHODS =", "METHOD is missing; write METHOD = ", id="METHOD"),
        pytest.param(METHOD, "prominent=False,\n)", "prominent=False,\n", "line 5: not Python", id="syntax"),
        pytest.param(METHOD, 'name="uniform"', 'name="even"', "name must be uniform", id="name"),
        pytest.param(METHOD, "marker=", "markr=", r"no field markr \(did you mean marker\?\)", id="field"),
        pytest.param(METHOD, "    prominent=False,\n", "", "Method lacks prominent; its", id="lacking"),
        pytest.param(METHOD, 'role="rival"', 'role="foe"', "role must be one of baseline", id="role"),
        pytest.param(METHOD, "certified=False", "certified=0", "certified must be True or False", id="bool"),
        pytest.param(
            METHOD,
            'noise="uniform"',
            'noise="unifrom"',
            r"noise must be .*mean uniform",
            id="noise",
        ),
        pytest.param(METHOD, '("weight",)', '("weigths",)', r"sites must .*did you mean weight", id="sites"),
        pytest.param(METHOD, '("weight",)', '("weight")', "sites must .* got 'weight'", id="sites-as-text"),
        pytest.param(
            METHOD, '"width":', '"widht":', "noise uniform: width; got widht .*mean width", id="parameters"
        ),
        pytest.param(METHOD, '"vermilion"', '"lilac"', "colour must be one of black, orange", id="colour"),
        pytest.param(METHOD, 'marker="X"', 'marker="+"', "marker must be one of Matplotlib's", id="marker"),
        pytest.param(METHOD, "(6, 1, 1, 1)", "(6, 1, 1)", "line must be one of", id="line"),
        pytest.param(METHOD, "largest=1.0", "largest=0", "limit must be None or Limit", id="limit"),
        pytest.param(METHOD, ", largest=1.0", "", "Limit lacks largest", id="limit-lacking"),
        pytest.param(NOISE, "NOISE =", "NOISES =", "NOISE is missing; .* NOISE = Uniform", id="NOISE"),
        pytest.param(NOISE, '= "uniform"', '= "even"', "kind must be .*\"uniform\", got 'even'", id="kind"),
        pytest.param(NOISE, "width: float", "width: float\n    mean: float", "uniform: width, mean", id="2"),
    ],
)
def test_a_mistake_is_said_with_file_and_field(project, file, before, after, message):
    """One line, no traceback, before anything has run."""
    said = said_of(project, file, before, after)
    assert re.search(message, said), said
    assert said.startswith(f"{file}: ") or (file == NOISE and said.startswith(METHOD)), said
    assert "\n" not in said


def test_the_example_is_right(project):
    """The table above begins with a file that is taken."""
    assert said_of(project, METHOD, "METHOD =", "METHOD =") == ""


def test_words_are_those_of_matplotlib_and_of_the_figures():
    """They are written down so that neither is imported to check them."""
    from matplotlib.lines import Line2D

    from codesign.figures.methods import COLOURS as PAINTED

    assert set(COLOURS) == set(PAINTED)
    assert set(MARKERS) == set(Line2D.filled_markers)


@pytest.mark.parametrize("kind", noise_kinds())
def test_a_noise_is_read_as_python_reads_it(kind):
    """Kinds and parameters by the syntax tree are those of the classes."""
    from codesign.bayesmulti.noises import noise_class
    from codesign.bayesmulti.noises import noise_kinds as kinds_by_import

    assert noise_kinds() == kinds_by_import()
    assert parameters_of(kind) == tuple(field.name for field in fields(noise_class(kind)))


def test_a_noise_from_elsewhere_is_left_to_the_first_job(tmp_path):
    """Its fields cannot be seen in the file, so nothing is claimed of them."""
    (tmp_path / "twice.py").write_text("from codesign.bayesmulti.noises.dropout import NOISE\n")
    assert parameters_of("twice", tmp_path) is None


@pytest.mark.parametrize("name", method_names())
def test_only_looks_are_no_computation(name):
    """Title, labels and looks may change; the rest is what results rest on, or chooses jobs."""
    method = method_of(name)
    looks = {"title": "another", "colour": "#123456", "marker": "h", "line": ":", "prominent": True}
    labels = dict.fromkeys(method.parameters, "another")
    assert replace(method, **looks, role="rival", parameters=labels).computing == method.computing
    chooses_jobs = {"certified"}
    counted = {"name", "noise", "parameters", "sites", "limit"}
    assert {field.name for field in fields(Method)} == {*looks, "role", *counted, *chooses_jobs}


def test_the_page_lists_what_is_free():
    """Colours and markers that no method has."""
    page = (REPOSITORY / "docs/adding-a-method.md").read_text(encoding="utf-8")
    methods = [method_of(name) for name in method_names()]
    colours = [word for word in COLOURS if word not in {method.colour for method in methods}]
    markers = [sign for sign in MARKERS if sign not in {method.marker for method in methods}]
    assert f"free are {' and '.join(f'`{word}`' for word in colours)}" in page
    assert f"free are {' '.join(f'`{sign}`' for sign in markers)}" in page


def test_a_method_of_another_noise_is_refused():
    """Also where no file is read."""
    with pytest.raises(NoiseError, match="noise must be None or one of dropout"):
        replace(method_of("dropout"), noise="additive")
