"""The documentation site: `make docs`. Sphinx with MyST Markdown; every warning is an error."""

import re
from pathlib import Path

from docutils import nodes

project = "codesign"
copyright = "the authors; Apache-2.0"
extensions = ["myst_parser", "matplotlib.sphinxext.plot_directive"]
# figures of the tour are made while the site is built
plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 150)]
exclude_patterns = ["_build", "examples", "figures"]
html_theme = "furo"
html_title = "Perovskite memristors and robust networks"
html_copy_source = False
html_show_sphinx = False

# headings are link targets, so that page.md#heading is checked like any other link
myst_heading_anchors = 3
nitpicky = True


def list_further_pages(app, docname, source) -> None:
    """Put every page that the index does not name at the end of its last list."""
    if docname == app.config.root_doc:
        named = {docname, *source[0].splitlines()}
        further = sorted(app.env.found_docs - named)
        source[0] = source[0].replace("FURTHER PAGES", "\n".join(further))


def external_links(app, doctree) -> None:
    """Remember every address that leads out of the site."""
    for node in doctree.findall(nodes.reference):
        address = node.get("refuri", "")
        if re.match(r"[a-z]+:", address):
            app.env.codesign_links.setdefault(address, set()).add(app.env.docname)


def start(app, env, docnames) -> None:
    """No address is known yet; `make docs` always reads every page."""
    env.codesign_links = {}


def write_links(app, error) -> None:
    """List external addresses with the pages that name them; nothing is fetched."""
    if error is None:
        lines = [
            f"{address}\t{', '.join(sorted(pages))}"
            for address, pages in sorted(app.env.codesign_links.items())
        ]
        Path(app.outdir, "external-links.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")


def setup(app) -> dict:
    """Listen while pages are read."""
    app.connect("source-read", list_further_pages)
    app.connect("env-before-read-docs", start)
    app.connect("doctree-read", external_links)
    app.connect("build-finished", write_links)
    return {"parallel_read_safe": False}
