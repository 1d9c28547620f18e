"""A column: name, type, unit and meaning."""

import pyarrow as pa


def field(name: str, dtype: pa.DataType, unit: str, meaning: str) -> pa.Field:
    """An Arrow field that carries its unit ('' where it has none) and its meaning."""
    return pa.field(name, dtype, metadata={"unit": unit, "meaning": meaning})
