"""Time of average precision on crowded scenes, against the development kit's loops written out in Python.

    python benchmarks/average_precision.py [--scenes 80]

Both give the 18 values of three classes, three difficulties and two views at 40 positions, and they are
compared. The loops are those of tests/unit/tasks/driving/test_precision.py, one scene and one threshold after
the other as in the kit's source; overlaps are counted in both. Processor time of one core.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from codesign.tasks.driving.precision import average_precision
from tests.unit.tasks.driving.test_precision import crowd, slow


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scenes", type=int, default=80, help="crowded scenes")
    scenes = parser.parse_args().scenes
    objects, found = crowd(np.random.default_rng(2), scenes=scenes, objects=20, found=20)
    average_precision(objects, found)  # what is done once is not counted
    start = time.process_time()
    fast = average_precision(objects, found, form="kitti", recalls=40)
    middle = time.process_time()
    loops = {key: slow(objects, found, *key, "kitti")[2] for key in fast}
    end = time.process_time()
    for key, value in fast.items():
        if (value is None) != (loops[key] is None) or (value is not None and abs(value - loops[key]) > 1e-12):
            raise SystemExit(f"{key}: {value} here, {loops[key]} by the loops")
    print(f"{scenes} scenes, {len(objects.scenes)} objects, {len(found.scenes)} detections, 18 equal values")
    print(f"here  {middle - start:7.3f} s")
    print(f"loops {end - middle:7.3f} s   {(end - middle) / (middle - start):.0f} times as long")


if __name__ == "__main__":
    main()
