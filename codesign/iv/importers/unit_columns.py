"""Units in columns of their own, beside the values: `Reading, Unit, ..., Source, Source Unit`."""

from dataclasses import replace

from codesign.iv.importers.headers import read_header, split_unit
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table
from codesign.iv.importers.units import unit_of


def with_unit_columns(table: Table) -> Table:
    """The table with the units of such columns behind the names they belong to.

    A column `Source Unit` belongs to `Source`, one that is only called `Unit` to the column left of it.
    Buffers of Keithley's 2450 and its relatives, saved at the instrument, are of this kind.

    Raises:
        ImportRefused: A column holds several units.
    """
    columns = [k for k, name in enumerate(table.header) if name and read_header(name).quantity == "unit"]
    if not columns:
        return table
    header, used = list(table.header), []
    names = {name.lower(): k for k, name in reversed(list(enumerate(table.header)))}
    for k in columns:
        words = {str(cell).strip() for cell in table.columns[k] if cell is not None and str(cell).strip()}
        units = [word for word in words if unit_of(word)]
        if not units:
            continue
        of = table.header[k].lower().removesuffix("s").removesuffix("unit").rstrip(" _-")
        at = names.get(of, -1) if of else k - 1
        if at < 0 or at in columns or unit_of(split_unit(header[at])[1]):
            continue
        if len(words) > 1:
            raise ImportRefused(
                f"the unit changes from row to row: {', '.join(sorted(words)[:6])}",
                where=f"column {table.name(k)}",
                remedy="export with one fixed range or unit",
            )
        header[at] = f"{split_unit(header[at])[0]} ({units[0]})"
        used.append(k)
    kept = [k for k in range(len(header)) if k not in used]
    return replace(table, header=[header[k] for k in kept], columns=[table.columns[k] for k in kept])
