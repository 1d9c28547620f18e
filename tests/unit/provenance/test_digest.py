"""The digest follows formulas, not words."""

import pytest

from codesign.provenance.digest import code_digest, imports_of


@pytest.fixture
def tree(tmp_path):
    """A script, a package of three modules, one of them not imported."""
    package = tmp_path / "lab"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text('"""The package."""\n')
    (package / "inner/__init__.py").write_text("")
    (package / "inner/deep.py").write_text("def f(x):\n    return 2 * x\n")
    (package / "used.py").write_text(
        '"""Used."""\nfrom lab.inner.deep import f\n\n\ndef g(x):\n    return f(x) + 1\n'
    )
    (package / "other.py").write_text("A = 1\n")
    script = tmp_path / "script.py"
    script.write_text("from lab.used import g\n\nprint(g(1))\n")
    return script, package


def changed(tree, name, text):
    script, package = tree
    before = code_digest(script, package=package)
    path = script if name == "script" else package / name
    path.write_text(text)
    return code_digest(script, package=package) != before


@pytest.mark.parametrize(
    ("name", "text", "matters"),
    [
        pytest.param("inner/deep.py", "def f(x):\n    return 3 * x\n", True, id="formula-two-imports-away"),
        pytest.param(
            "inner/deep.py", 'def f(x):\n    """Twice."""\n    return 2 * x  # double\n', False, id="words"
        ),
        pytest.param("other.py", "A = 2\n", False, id="module-not-reached"),
        pytest.param("__init__.py", "B = 1\n", False, id="the-package-itself"),
        pytest.param("inner/__init__.py", "B = 1\n", True, id="init-of-a-folder"),
        pytest.param("script", "from lab.used import g\n\nprint(g(2))\n", True, id="the-script"),
        pytest.param(
            "used.py", "from .inner.deep import f\n\n\ndef g(x):\n    return f(x) + 1\n", True, id="import"
        ),
    ],
)
def test_only_code_that_the_script_reaches_counts(tree, name, text, matters):
    """A changed formula reruns what rests on it and nothing else."""
    assert changed(tree, name, text) == matters


def test_relative_imports_are_followed(tree):
    """Behind a relative import a change counts as behind an absolute one."""
    (tree[1] / "used.py").write_text("from .inner import deep\n\n\ndef g(x):\n    return deep.f(x)\n")
    assert changed(tree, "inner/deep.py", "def f(x):\n    return 5 * x\n")


@pytest.mark.parametrize("name", ["log.py", "provenance/records.py"])
def test_how_a_job_is_written_down_is_no_formula(tree, name):
    """A change to logs or records must not train a network again."""
    script, package = tree
    module = package / name
    module.parent.mkdir(exist_ok=True)
    module.write_text("A = 1\n")
    place = name.removesuffix(".py").replace("/", ".")
    script.write_text(f"from lab.{place} import A\n")
    assert not changed(tree, name, "A = 2\n")


@pytest.fixture
def registry(tree):
    """The same tree, whose script asks a folder of kinds for one by name."""
    script, package = tree
    (package / "kinds").mkdir()
    (package / "kinds/__init__.py").write_text(
        "from importlib import import_module\n\n\ndef kind(name):\n"
        '    return import_module(f"{__name__}.{name}")\n'
    )
    (package / "kinds/salt.py").write_text("from lab.other import A\n\nSHARE = A\n")
    (package / "kinds/pepper.py").write_text("SHARE = 2\n")
    script.write_text("from lab.kinds import kind\n\nprint(kind('salt').SHARE)\n")
    return script, package


@pytest.mark.parametrize(
    ("modules", "name", "matters"),
    [
        pytest.param((), "kinds/pepper.py", True, id="unsaid-counts-whole"),
        pytest.param((), "kinds/new.py", True, id="unsaid-counts-new-ones"),
        pytest.param(("lab.kinds.salt",), "kinds/salt.py", True, id="the-one-that-is-said"),
        pytest.param(("lab.kinds.salt",), "other.py", True, id="what-it-imports"),
        pytest.param(("lab.kinds.salt",), "kinds/pepper.py", False, id="another-one"),
        pytest.param(("lab.kinds.salt",), "kinds/new.py", False, id="a-new-one"),
        pytest.param(("lab.kinds",), "kinds/salt.py", False, id="none"),
        pytest.param(("lab.kinds",), "kinds/__init__.py", True, id="the-registry"),
        pytest.param(("lab.used",), "kinds/salt.py", True, id="said-elsewhere"),
    ],
)
def test_a_module_loaded_by_name_counts_unless_it_is_said_that_another_is(registry, modules, name, matters):
    """A rule that forgets to say what is loaded runs too often, never too seldom."""
    script, package = registry
    before = code_digest(script, package=package, modules=modules)
    (package / name).write_text("SHARE = 7\n")
    assert (code_digest(script, package=package, modules=modules) != before) == matters


def test_a_module_that_does_not_exist_is_no_digest(registry):
    """A misspelt name must not quietly leave the module out."""
    script, package = registry
    with pytest.raises(FileNotFoundError, match=r"lab\.kinds\.pepperoni"):
        code_digest(script, package=package, modules=["lab.kinds.pepperoni"])


def test_a_declaration_counts_by_content(tree):
    """The order of keys says nothing; a value does."""
    script, package = tree
    digests = [
        code_digest(script, package=package, data=data)
        for data in (None, {}, {"a": 1, "b": [2]}, {"b": [2], "a": 1}, {"a": 1, "b": [3]})
    ]
    assert digests[2] == digests[3]
    assert len(set(digests)) == 4


def test_a_module_that_appears_where_a_name_was_imported_from_counts(tree):
    """`from lab.inner import deep` may mean a file that was not there a moment ago."""
    script, package = tree
    (package / "inner/__init__.py").write_text("late = 1\n")
    (package / "used.py").write_text("from lab.inner import late\n")
    before = code_digest(script, package=package)
    (package / "inner/late.py").write_text("B = 1\n")
    assert code_digest(script, package=package) != before


def test_asking_again_parses_nothing(tree, monkeypatch):
    """It is asked for every job while the workflow is read."""
    script, package = tree
    first = code_digest(script, package=package)
    monkeypatch.setattr("codesign.provenance.digest._reached", None)
    assert code_digest(script, package=package) == first


def test_imports_are_what_the_script_and_its_modules_import(tree):
    """In functions too, each once, those of others first, nothing of a module that is not reached."""
    script, package = tree
    (package / "other.py").write_text("import never\n")
    (package / "used.py").write_text(
        "import json, one.two\nfrom three.four import five\nfrom .inner import deep\n"
        "def f():\n    import json\n    from six import seven\n"
    )
    found = imports_of(script, package=package)
    assert found[:4] == ["json", "one.two", "three.four", "six"]
    assert {"lab", "lab.used", "lab.inner", "lab.inner.deep"} <= set(found[4:]) and "lab.other" not in found
