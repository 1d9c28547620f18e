"""Text of QCoDeS: three comment lines say names, labels, and how many values each setpoint has."""

import re
from collections.abc import Sequence

COUNTS = re.compile(r"#\s*\d+(?:\s+\d+)*")


def setpoints_of(lines: Sequence[str], *, columns: int) -> tuple[int, ...]:
    """Columns that are setpoints of loops in one another, the first ones; none where there is but one loop.

    Under `# dac  repeat  current`, labels in quotes, and `# 11  3` the outer loop sets 11 values of dac,
    the inner one 3 of repeat.

    Args:
        lines: The file as written.
        columns: Columns of the table, which has at least one more than setpoints.

    Source:
        QCoDeS, legacy data format (`qcodes_loop.data.gnuplot_format`).
    """
    head = [line.strip() for line in lines[:20] if line.strip()][:3]
    if len(head) < 3 or not all(line.startswith("#") for line in head) or not COUNTS.fullmatch(head[2]):
        return ()
    if '"' not in head[1]:
        return ()
    count = len(head[2].lstrip("# \t").split())
    return tuple(range(count)) if 1 < count < columns else ()
