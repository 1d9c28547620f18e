"""Networks on a crossbar."""

import pyarrow as pa

from codesign.schemas.fields import field

CROSSBAR = pa.schema(
    [
        field("method", pa.string(), "", "training method"),
        field("run", pa.int32(), "", "run, from 1: a training and a programming of its own"),
        field("calibration", pa.string(), "", "after programming: none | offset"),
        field("examples", pa.int32(), "", "test points multiplied"),
        field("software_accuracy", pa.float64(), "", "accuracy of the network in software on these points"),
        field("array_accuracy", pa.float64(), "", "accuracy with the array's multiplications"),
        field("product_layer", pa.list_(pa.int32()), "", "layer of each product, from 1"),
        field("product_output", pa.list_(pa.int32()), "", "output of that layer, from 0"),
        field("product_example", pa.list_(pa.int32()), "", "test point, from 0"),
        field("product_software", pa.list_(pa.float64()), "", "weights times the layer's input, no bias"),
        field("product_array", pa.list_(pa.float64()), "", "the same as the array gave it, calibrated if so"),
        field("cell_layer", pa.list_(pa.int32()), "", "layer of each programmed cell, from 1"),
        field("cell_tile", pa.list_(pa.int32()), "", "part of the layer's matrix, from 0"),
        field("cell_load", pa.list_(pa.int32()), "", "filling of the array, from 0"),
        field("cell_row", pa.list_(pa.int32()), "", "row of the array"),
        field("cell_column", pa.list_(pa.int32()), "", "column of the array"),
        field("cell_target_s", pa.list_(pa.float64()), "S", "conductance asked for"),
        field("cell_reached_s", pa.list_(pa.float64()), "S", "conductance read after write-verify"),
        field("cell_pulses", pa.list_(pa.int32()), "", "programming pulses"),
        field("cell_ok", pa.list_(pa.bool_()), "", "within tolerance"),
        field("cell_mean_square_v2", pa.list_(pa.float64()), "V^2", "mean squared voltage of the row"),
        field("calibration_examples", pa.int32(), "", "training examples that calibrated"),
        field("calibration_reads", pa.int32(), "", "readings of a tile's columns that they took"),
        field("calibration_gain", pa.list_(pa.float64()), "", "of each output, layer after layer"),
        field("calibration_offset", pa.list_(pa.float64()), "", "of each output, in units of its product"),
    ]
)
"""One network and calibration a row: programmed on a crossbar and compared with itself in software."""

UNCALIBRATED = {
    "calibration": "none",
    "calibration_examples": 0,
    "calibration_reads": 0,
    "calibration_gain": [],
    "calibration_offset": [],
}
"""What these columns hold of a network as it was programmed, and so of files that lack them."""
