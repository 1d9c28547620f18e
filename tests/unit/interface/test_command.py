"""`codesign hold`: files in, table and figure out, and what is missing is said in one line."""

import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import codesign
from codesign.__main__ import main
from codesign.schemas.holding import HELD
from codesign.tables import read_metadata, read_table

NET = """
from torch import nn
from beside import WIDTH

def make():
    return nn.Sequential(nn.Linear(4, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 3))

def fails():
    raise RuntimeError("no such width")

number = lambda: 3
"""
ALWAYS = ["hold", "--model", "net.py:make", "--data", "data.npz", "--device", "wire-1.parquet"]


@pytest.fixture
def here(sweeps, tmp_path, monkeypatch):
    """A folder with a network, its weights, data and a device."""
    monkeypatch.chdir(tmp_path)
    for name in ("net", "beside"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "beside.py").write_text("WIDTH = 8\n")
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    torch.save(model.state_dict(), tmp_path / "w.pt")
    torch.save({"epoch": 1, "state_dict": model.state_dict()}, tmp_path / "checkpoint.pt")
    torch.save(model, tmp_path / "whole.pt")
    rng = np.random.default_rng(1)
    x, more = rng.normal(size=(60, 4)), rng.normal(size=(50, 4))
    y = model(torch.tensor(x, dtype=torch.float32)).argmax(1).numpy()
    np.savez(tmp_path / "data.npz", inputs=x, targets=y, calibration_inputs=more)
    np.savez(tmp_path / "bare.npz", input=x, targets=y)
    np.savez(tmp_path / "test.npz", inputs=x, targets=y, names=np.arange(60))
    np.savez(tmp_path / "objects.npz", inputs=np.array([{}], dtype=object), targets=y)
    np.save(tmp_path / "one.npz", x)
    (tmp_path / "one.npz.npy").rename(tmp_path / "one.npz")
    (tmp_path / "wire-1.parquet").write_bytes(sweeps.read_bytes())
    return tmp_path, model, (x, y, more)


@pytest.mark.parametrize("weights", ["w.safetensors", "w.pt"])
def test_table_and_figure_are_those_of_python(here, capsys, weights):
    """The same scores, as CSV and Parquet, and a figure of some size; what is printed is what Python "
    "prints."""
    folder, model, (x, y, _) = here
    assert main([*ALWAYS, "--weights", weights, "--programmings", "3", "--seed", "6", "--out", "out"]) == 0
    held = codesign.hold(model, x, y, "wire-1.parquet", programmings=3, seed=6)
    rows = read_table(folder / "out/hold.parquet", schema=HELD).to_pylist()
    assert [row["value"] for row in rows] == held.scores().tolist()
    assert {row["ideal"] for row in rows} == {1.0}
    assert (folder / "out/hold.csv").read_text().splitlines()[0] == ",".join(HELD.names)
    assert (folder / "out/hold.png").stat().st_size > 10_000 and (
        folder / "out/hold.pdf"
    ).stat().st_size > 5000
    out = capsys.readouterr().out
    assert out.startswith(str(held)) and "no --weights" not in out and "out/hold.png" in out
    assert read_metadata(folder / "out/hold.parquet")["origin"] == "virtual"


def test_calibration_with_so_many_examples(here):
    """Drawn from calibration_inputs by the seed; `none` stands beside."""
    folder, *_ = here
    asked = [
        *ALWAYS,
        "--weights",
        "w.pt",
        "--programmings",
        "2",
        "--calibrate",
        "20",
        "--calibration",
        "offset",
    ]
    assert main(asked) == 0 == main([*asked, "--out", "again"])
    rows = read_table(folder / "hold/hold.parquet", schema=HELD).to_pylist()
    assert [row["calibration"] for row in rows] == ["none", "offset"] * 2
    assert read_metadata(folder / "hold/hold.parquet")["calibration_examples"] == 20
    assert (folder / "hold/hold.csv").read_bytes() == (folder / "again/hold.csv").read_bytes()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param(["--model", "net:make"], "write it as net.py:make", id="model"),
        pytest.param(["--model", "no.py:make"], "--model no.py: not there", id="no-file"),
        pytest.param(["--model", "net.py:mak"], "net.py has no mak (did you mean make?)", id="no-function"),
        pytest.param(["--model", "net.py:fails"], "fails: RuntimeError: no such width", id="fails"),
        pytest.param(["--model", "net.py:number"], "gives int, not a torch.nn.Module", id="no-module"),
        pytest.param(["--weights", "no.pt"], "--weights no.pt: not there", id="no-weights"),
        pytest.param(["--weights", "net.py"], "write weights as one of .safetensors, .pt, .pth", id="kind"),
        pytest.param(["--weights", "whole.pt"], "more than tensors, such as a whole network", id="pickled"),
        pytest.param(["--weights", "checkpoint.pt"], "holds epoch, state_dict, not tensors", id="checkpoint"),
        pytest.param(["--data", "bare.npz"], "bare.npz has no inputs (did you mean input?)", id="inputs"),
        pytest.param(["--data", "no.npz"], "--data no.npz: not there", id="no-data"),
        pytest.param(["--data", "one.npz"], "one array without a name", id="npy"),
        pytest.param(["--data", "net.py"], "no complete .npz of numbers", id="no-npz"),
        pytest.param(["--data", "objects.npz"], "no complete .npz of numbers", id="objects"),
        pytest.param(
            ["--data", "test.npz", "--calibrate", "5"], "has no calibration_inputs", id="none-there"
        ),
        pytest.param(["--calibrate", "51"], "data.npz has 50 calibration_inputs", id="too-many"),
        pytest.param(["--device", "none.xlsx"], "none.xlsx: not there", id="device"),
        pytest.param(["--config", "no.yaml"], "no.yaml: No such file", id="config"),
        pytest.param(["--out", "net.py"], "net.py is no folder", id="out"),
    ],
)
def test_what_is_missing_is_said_in_one_line(here, capsys, asked, said):
    """And nothing is written."""
    folder, *_ = here
    assert main([*ALWAYS, *asked]) == 1
    out, err = capsys.readouterr()
    assert out == "" and said in err.splitlines()[-1]
    assert "pickle" not in err
    assert not (folder / "hold").exists()


def test_weights_of_another_network_are_refused(here, capsys):
    """By the name that is missing or has another shape."""
    folder, *_ = here
    (folder / "beside.py").write_text("WIDTH = 9\n")
    assert main([*ALWAYS, "--weights", "w.pt"]) == 1
    assert "w.pt: of another network" in capsys.readouterr().err


def test_what_is_there_is_replaced_by_force_alone(here, capsys):
    """And arrays that nothing reads are told."""
    asked = [*ALWAYS, "--data", "test.npz", "--programmings", "1"]
    assert main(asked) == 0
    out, err = capsys.readouterr()
    assert "not read of test.npz: names" in err and "no --weights: scored as net.py:make makes it" in out
    assert main(asked) == 1
    assert "hold/hold.parquet is there already; --out names another folder" in capsys.readouterr().err
    assert main([*asked, "--force"]) == 0


def test_help_says_what_there_is(capsys):
    """Without loading torch's half."""
    with pytest.raises(SystemExit) as stopped:
        main(["hold", "--help"])
    said = capsys.readouterr().out
    assert stopped.value.code == 0
    assert all(
        word in said for word in ("--model", "--weights", "--data", "--device", "--calibrate", "--out")
    )
