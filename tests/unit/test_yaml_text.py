"""YAML files that say something twice, or another number than they show."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from codesign.yaml_text import YamlError, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", ["'a' stands twice", "lines 1 and 3"]),
        ("x:\n  limits: {a: 1}\n  limits: {a: 2}\n", ["'limits'", "lines 2 and 3"]),
        ("x: [{p: 1, p: 1}]\n", ["'p' stands twice"]),
        ("x: 015\n", ["line 1: 015", "base 8", "leading zeros"]),
        ("x:\n  - 1:30\n", ["line 2: 1:30", "base 60", "colons"]),
        ("x: 1:30.5\n", ["base 60"]),
        ("x: [1, 2\n", ["not YAML"]),
        ("x: 0777777777777777777777777\n", ["base 8"]),
    ],
)
def test_what_is_read_otherwise_than_meant_is_refused_with_its_line(text, words):
    """YAML itself keeps the last of two, and reads such numbers to another base."""
    with pytest.raises(YamlError) as refused:
        parse_yaml(text)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("x: '015'\ny: \"1:30\"\n", {"x": "015", "y": "1:30"}),
        ("x: 0\ny: 0.5\nz: 1.0e-3\nw: -7\n", {"x": 0, "y": 0.5, "z": 1e-3, "w": -7}),
        ("a: {x: 1}\nb: {x: 1}\n", {"a": {"x": 1}, "b": {"x": 1}}),
        ("a: &k {x: 1}\nb: *k\n", {"a": {"x": 1}, "b": {"x": 1}}),
        ("1: a\n'1': b\n", {1: "a", "1": "b"}),
    ],
)
def test_everything_else_is_read_as_yaml_reads_it(text, found):
    """A key may stand in several mappings, and numbers in quotes are texts."""
    assert parse_yaml(text) == found


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(_values)
def test_what_yaml_writes_comes_back(value):
    """No false alarm on anything that a library writes."""
    assert parse_yaml(yaml.safe_dump(value)) == value


def test_a_file_of_another_encoding_is_named(tmp_path):
    """With the line, and what to do."""
    for encoding, word in (("utf-16", "UTF-16"), ("latin-1", "another encoding")):
        path = tmp_path / f"{encoding}.yaml"
        path.write_bytes("a: 1\nb: µm\n".encode(encoding))
        with pytest.raises(YamlError, match=rf"{path.name}: line \d.*{word}; save the file as UTF-8"):
            read_yaml(path)
    (tmp_path / "bom.yaml").write_bytes("a: µ\n".encode("utf-8-sig"))
    assert read_yaml(tmp_path / "bom.yaml") == {"a": "µ"}
