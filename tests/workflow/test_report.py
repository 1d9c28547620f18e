"""`make report` of a tiny run, opened in a headless Chromium: what a laboratory sees."""

import csv
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codesign.provenance.records import Records
from tests.workflow.tiny import ENVIRONMENT, LONGEST_S, REPOSITORY, Project

CATEGORIES = [
    "1 What to make next",
    "2 Usability",
    "3 Networks, experiment by experiment",
    "4 Certificates",
    "5 Crossbar",
    "6 Provenance",
]
"""As the menu has to show them."""
FIGURES = [
    "results/figures/proposals.png",
    "results/virtual_lab/figures/campaign.png",
    "results/figures/usability_conditions.png",
    "results/figures/usability_distribution.png",
    "results/figures/usability_ranking.png",
    "results/figures/correlation.png",
    "results/figures/device-accuracy-moons.png",
    "results/figures/fidelity-accuracy-moons.png",
    "results/figures/accuracy-moons.png",
    "results/figures/calibrated-accuracy-moons.png",
    "results/figures/decisions-moons.png",
    "results/figures/search-moons.png",
    "results/figures/noise-moons.png",
    "results/figures/certificates-moons.png",
    "results/figures/crossbar-accuracy-simulated.png",
    "results/figures/crossbar-conductances-simulated.png",
    "results/figures/energy-simulated.png",
    "results/figures/crossbar-errors-simulated.png",
]
"""In reading order."""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="session")
def _reported(shared, _trained) -> Project:
    """The Makefile's own target, with an environment that is ready."""

    def make(folder: Path) -> None:
        project = _trained.copy(folder)
        shutil.copy2(REPOSITORY / "Makefile", folder)
        command = folder / ".venv/bin/snakemake"
        command.parent.mkdir(parents=True)
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m snakemake "$@"\n')
        command.chmod(0o755)
        (folder / ".venv/.ready").touch()
        done = subprocess.run(
            ["make", "report", "CORES=2"],
            cwd=project.folder,
            # without what a make around these tests was told
            env={name: value for name, value in ENVIRONMENT.items() if name not in ("MAKEFLAGS", "ARGS")},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_S,
        )
        assert done.returncode == 0, done.stdout[-6000:]

    return shared("reported", make)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A Chromium without a network and with a profile of its own."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium with its driver (Debian: apt-get install chromium chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--window-size=1500,950",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def opened(_reported, browser):
    """The report, loaded and drawn."""
    browser.get((_reported.folder / "results/report.html").as_uri())
    _wait(
        lambda: browser.execute_script(
            "const found = [...document.querySelectorAll('#front-page img.result')];"
            "return found.length > 0 && found.every(image => image.complete && image.naturalWidth > 1);"
        )
    )
    return browser


def _wait(holds) -> None:
    deadline = time.time() + 60
    while not holds():
        assert time.time() < deadline, "the page did not get there within a minute"
        time.sleep(0.2)


def _errors(browser) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def _proposals(project) -> list[dict]:
    with (project.folder / "results/fabrication/proposals.csv").open(newline="") as file:
        return list(csv.DictReader(file))


_CELLS = (
    "return [...document.querySelectorAll('#proposals tbody tr')]"
    ".map(row => [...row.cells].map(cell => cell.innerText));"
)
_LARGE = "document.querySelector('div.grow img, div.grow iframe')"


def test_the_front_page_shows_the_next_devices_to_make(opened, _reported):
    """The proposals table is on the page that opens, at the top, with the numbers of the file."""
    rows = opened.execute_script(_CELLS)
    expected = [
        [r["rank"], r["perovskite"], r["length_um"], r["diameter_nm"], r["pb_min"], r["ag_nm"]]
        for r in _proposals(_reported)
    ]
    assert [row[:6] for row in rows] == expected and len(rows) == 2
    top = "return document.querySelector('#proposals').getBoundingClientRect();"
    place = opened.execute_script(top)
    height, width = opened.execute_script("return [window.innerHeight, window.innerWidth];")
    assert place["top"] > 0 and place["bottom"] < height and place["right"] <= width
    assert _errors(opened) == []


def test_every_figure_is_shown_with_its_caption(opened):
    """Each one decoded, of a readable size, inside the window, in reading order."""
    shown = opened.execute_script(
        "return [...document.querySelectorAll('#front-page figure')].map(f => {"
        " const image = f.querySelector('img.result');"
        " const path = image && Object.keys(results).find(p => results[p].data_uri === image.src);"
        " return {path: path, width: image && image.getBoundingClientRect().width,"
        "   right: f.getBoundingClientRect().right, caption: f.querySelector('figcaption').innerText}; });"
    )
    assert [each["path"] for each in shown if each["path"]] == FIGURES
    assert len(shown) == len(FIGURES) + 3
    width = opened.execute_script("return window.innerWidth;")
    for each in shown:
        assert len(each["caption"]) > 100 and each["right"] <= width
        assert each["path"] is None or each["width"] > 300
    assert _errors(opened) == []


def test_the_menu_has_the_categories_in_reading_order(opened):
    """What to make first, provenance last."""
    entries = opened.execute_script(
        "return [...document.querySelectorAll('nav li span')].map(s => s.innerText);"
    )
    assert [entry for entry in entries if re.match(r"\d ", entry)] == CATEGORIES


def test_every_result_opens_in_full_with_its_caption_beside_it(opened):
    """A heading of the front page leads to the figure or table, and home leads back."""
    links = "return document.querySelectorAll('#front-page h4 a').length;"
    for k in range(opened.execute_script(links)):
        opened.execute_script(f"document.querySelectorAll('#front-page h4 a')[{k}].click();")
        _wait(lambda: opened.execute_script(f"return !document.querySelector('#front-page') && !!{_LARGE};"))
        path, kind = opened.execute_script("return [app.state.resultPath, app.state.content];")
        assert kind == ("html" if path.endswith(".html") else "img")
        assert (
            "DESCRIPTION" in opened.execute_script("return document.querySelector('nav').innerText;").upper()
        )
        top = opened.execute_script(f"return {_LARGE}.getBoundingClientRect().top;")
        assert top >= 0, "the top of a tall figure is out of reach"
        if path.endswith("proposals.html"):
            opened.switch_to.frame(opened.find_element("css selector", "iframe"))
            assert len(opened.execute_script(_CELLS)) == 2
            opened.switch_to.default_content()
        opened.execute_script("app.setView({navbarMode: 'menu', content: 'rulegraph'});")
        _wait(lambda: opened.execute_script("return document.querySelector('#front-page') !== null;"))
    assert _errors(opened) == []


def test_the_report_asks_nothing_of_a_network(opened):
    """A laboratory opens it where there is none: everything is in the one file."""
    asked = opened.execute_script("return performance.getEntriesByType('resource').map(r => r.name);")
    assert [name for name in asked if not name.startswith(("data:", "blob:"))] == []


def test_the_provenance_of_the_report_is_that_of_the_records(opened, _reported):
    """Configuration, packages, measurements and every published file, on its page."""
    records = Records(_reported.folder / "results")
    [config] = {record.config for record in records.records}
    shown = opened.execute_script("return document.querySelector('#provenance').innerText;")
    assert config[:12] in shown and "torch 2." in shown and "two moons" in shown
    page = (_reported.folder / "results/report/provenance.html").read_text(encoding="utf-8")
    assert "no record" not in page
    for name in (
        "device-1.parquet",
        "fabrication/proposals.csv",
        "figures/accuracy-moons.pdf",
        "tolerated_drops",
    ):
        assert name in page


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("results/usability.parquet", "pyarrow"),
        ("results/fabrication/proposals.csv", "botorch"),
        ("results/figures/accuracy-moons.png", "matplotlib"),
    ],
)
def test_every_result_of_the_workflow_names_its_origin(_reported, name, package):
    """`codesign provenance FILE`: the rule, the measurements by checksum, what its job imported."""
    done = subprocess.run(
        [sys.executable, "-m", "codesign", "provenance", "--json", name],
        cwd=_reported.folder,
        env=ENVIRONMENT,
        text=True,
        capture_output=True,
        check=True,
    )
    [told] = json.loads(done.stdout)
    assert told["found"] == "record" and told["made_as"] == name
    assert sorted(told["given"]) == [f"data/iv/device-{k}.parquet" for k in (1, 2, 3, 4)]
    assert told["environment"]["packages"][package]


def test_records_make_no_job_run(_reported, tmp_path):
    """They are nobody's input: with or without them there is nothing to do."""
    project = _reported.copy(tmp_path / "project")
    assert project.scheduled() == {}
    shutil.rmtree(project.folder / "results/provenance")
    assert project.scheduled() == {}


def test_an_archive_holds_the_page_and_its_figures_as_files(_reported, tmp_path):
    """For hundreds of figures: `make report REPORT=results/report.zip`."""
    project = _reported.copy(tmp_path / "project")
    subprocess.run(
        ["make", "report", "CORES=2", "REPORT=results/report.zip"],
        cwd=project.folder,
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        timeout=LONGEST_S,
    )
    shutil.unpack_archive(project.folder / "results/report.zip", tmp_path / "unpacked")
    assert len(list((tmp_path / "unpacked/report/data/raw").glob("*/*.png"))) == len(FIGURES)
    assert (tmp_path / "unpacked/report/report.html").stat().st_size > 1_000_000
