"""mkdocs hook: files outside docs/ that the site shows or that its pages link to.

README.md becomes the first page. Other Markdown files become pages under project/, everything else
that a page links to is copied there; a link to a folder of code stays as plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
START = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds every file outside docs/ that can be reached by links from the pages."""
    waiting = [*START, *(f"docs/{f.src_uri}" for f in files.documentation_pages())]
    added: set[str] = set()
    while waiting:
        source = waiting.pop()
        text = (ROOT / source).read_text("utf-8")
        if not source.startswith("docs/"):
            files.append(File.generated(config, _site_path(source), content=text))
        for match in _LINK.finditer(text):
            target = _target(source, match[3])
            if target is None or target.startswith("docs/") or target in added | {*START}:
                continue
            added.add(target)
            if target.endswith(".md"):
                waiting.append(target)
            else:
                path = str(ROOT / target)
                files.append(File.generated(config, _site_path(target), abs_src_path=path))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Points the links of a page at where their files stand in the site."""
    source = _source(page.file.src_uri)

    def replaced(match: re.Match[str]) -> str:
        target = _target(source, match[3])
        if target is None:
            return match[2] if (ROOT / source).parent.joinpath(match[3]).is_dir() else match[0]
        here = posixpath.dirname(page.file.src_uri) or "."
        link = posixpath.relpath(_site_path(target), here)
        return f"{match[1]}[{match[2]}]({link}{match[4] or ''})"

    return _LINK.sub(replaced, markdown)


def _target(source: str, link: str) -> str | None:
    """The file that a link of a page names, from the project's root; None if it names none."""
    path = (ROOT / source).parent / link
    if path.is_dir():
        path = path / "README.md"
    return path.resolve().relative_to(ROOT).as_posix() if path.is_file() else None


def _site_path(path: str) -> str:
    if path == "README.md":
        return "index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"project/{path}"


def _source(site_path: str) -> str:
    if site_path == "index.md":
        return "README.md"
    inside = site_path.removeprefix("project/")
    return inside if inside != site_path else f"docs/{site_path}"
