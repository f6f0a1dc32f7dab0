"""What an import found and what it does about it: nothing is changed without a line in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rhas.base.files import write_json
from rhas.base.names import suggest_name

Level = Literal["drop", "warn", "note"]

_MAX_KINDS = 12
_MAX_SUGGESTED = 100
_MAX_LETTERS = 500

FINDINGS: dict[str, tuple[Level, str]] = {
    # a line or a film that cannot be kept
    "malformed line": ("drop", "the line is left out"),
    "unknown class": ("drop", "the line is left out"),
    "suspicious person id": ("drop", "the line is left out"),
    "person without reference": ("drop", "the annotation is left out"),
    "annotation without film": ("drop", "the annotation is left out"),
    "interval outside the film": ("drop", "the annotation is left out"),
    "interval without length": ("drop", "the annotation is left out"),
    "two boxes of a person at one time": ("drop", "the earlier stretch is kept"),
    "box outside the picture": ("drop", "the person is missing there"),
    "boxes of a person without reference": ("drop", "the boxes are left out"),
    "start or stop without its partner": ("drop", "the event is left out"),
    "timeline without person": ("drop", "its actions are left out: the film has several persons"),
    "reference without film": ("drop", "the reference is left out"),
    "empty reference": ("drop", "the person is left out"),
    "person twice in references": ("drop", "the first sentence is kept"),
    "unknown subset": ("drop", "the subset is left open"),
    "unreadable film": ("drop", "the film is left out"),
    "film of an impossible shape": ("drop", "the film is left out"),
    "film of impossible times": ("drop", "the film is left out"),
    "unreadable features": ("drop", "the sample is left out"),
    "sample without features": ("drop", "the sample is left out"),
    "sample without labels": ("drop", "the sample is left out"),
    # odd, and kept
    "film without reference": ("warn", "the film is left out"),
    "film of another ending": ("warn", "the film is left out: write it anew as .mkv or .mp4"),
    "person not checked": ("warn", "kept without annotations: --all takes what is predicted"),
    "film without annotations": ("warn", "kept: features, but no sample for training"),
    "person without annotations": ("warn", "kept: features, but no sample for training"),
    "duplicate": ("warn", "kept once"),
    "overlap of one class": ("warn", "kept: labels of a frame count once"),
    "ends after the film": ("warn", "kept: cut at the film's end"),
    "fewer frames than the film": ("warn", "kept: is it the film that was annotated?"),
    "frame rates differ": ("warn", "frame numbers are taken at --fps"),
    "persons alike but for spelling": ("warn", "taken as different persons"),
    "damaged film": ("warn", "kept: decode refuses it unless decode.damaged is keep"),
    "pictures that stand long": ("warn", "kept: decode.gaps says what decode does"),
    "pictures of one time": ("warn", "kept: one of each time is shown"),
    "sample in which nothing is labelled": ("warn", "kept: features, but no sample for training"),
    "excluded moment without film": (
        "warn",
        "nothing is left out for it: the table has no such film",
    ),
    "films that show the same": ("warn", "kept: keep them on one side of the split (subset)"),
    "samples that show the same": ("warn", "kept: one side of the split knows the other"),
    "features of another length than labels": ("warn", "both are cut to the shorter"),
    "no partial features": ("warn", "kept: the person is missing in every frame"),
    # changed on purpose
    "boxes of persons": ("note", "kept in boxes.csv: they are the person's track"),
    "tier of another tier": ("note", "left out: it has no times of its own"),
    "film of a former import": ("warn", "its sentences, annotations and boxes are the new ones"),
    "line break in a sentence": ("note", "written as a space"),
    "persons renumbered": ("note", "numbered 0, 1, 2, ... in their order"),
    "left out by the label map": ("note", "left out"),
    "renamed by the label map": ("note", "renamed"),
    "excluded moment": ("note", "left out"),
    "name with an ending": ("note", "the ending is taken off"),
    "name in decomposed letters": ("note", "written in composed form"),
    "class numbers": ("note", ""),
    "class under two names": ("note", "kept as published"),
    "missing crop": ("note", "frames whose partial features are all zero are missing"),
    "averaged over query tokens": ("note", "as the published code does"),
    "no embedding of the reference": ("note", "zeros: the published files hold none"),
    "no sentence": ("note", "a stand-in is written"),
    "table replaced": ("note", "the one that was read is kept under another name"),
}
"""Level and consequence of each finding. ``drop``: something would be lost, so the import stops
unless --drop is given; ``warn``: kept, but look at it; ``note``: done on purpose."""


def shorten(text: str) -> str:
    """A text whose end is left out where it is very long."""
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]} …"


@dataclass(frozen=True)
class AuditRow:
    """All findings of one name.

    Args:
        example: the first place, and the kinds of the others.
        consequence: what the import does.
    """

    level: Level
    name: str
    count: int
    example: str
    consequence: str


@dataclass
class Audit:
    """Findings by name: where each was met, and how often."""

    found: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    _suggested: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def suggest(self, kind: Literal["class", "film"], got: str, known: Iterable[str]) -> str:
        """`suggest_name`; "" after a hundred different names: each is compared with all that are
        known, and a table of another data set may have thousands."""
        if (kind, got) not in self._suggested:
            if len(self._suggested) >= _MAX_SUGGESTED:
                return ""
            self._suggested[kind, got] = suggest_name(got, known)
        return self._suggested[kind, got]

    def add(self, name: str, where: str, kind: str = "") -> None:
        """One more of the finding ``name`` (of `FINDINGS`).

        Args:
            where: the place, and what is there.
            kind: what many places may have in common; listed once with its count.
        """
        assert name in FINDINGS, name
        where, kind = shorten(where), shorten(kind)
        self.found.setdefault(name, []).append(where)
        if kind:
            self.kinds.setdefault(name, Counter())[kind] += 1

    @property
    def stops(self) -> bool:
        """Whether something would be lost."""
        return any(FINDINGS[name][0] == "drop" for name in self.found)

    def rows(self) -> list[AuditRow]:
        """The findings by name, the most serious first."""
        return [
            AuditRow(level, name, len(places), places[0] + self._list_kinds(name), consequence)
            for name, (level, consequence) in FINDINGS.items()
            if (places := self.found.get(name))
        ]

    def _list_kinds(self, name: str) -> str:
        """The kinds of a finding, the most frequent first; "" where there is only one."""
        ranked = self.kinds.get(name, Counter()).most_common()
        if len(ranked) < 2:
            return ""
        lines = [f"- {count:,} × {kind}" for kind, count in ranked[:_MAX_KINDS]]
        if len(ranked) > _MAX_KINDS:
            lines.append(f"- and {len(ranked) - _MAX_KINDS} others")
        return "\n".join([f"\n{len(ranked)} different ones:", *lines])

    def write(self, path: Path, settings: Mapping[str, Any], written: bool) -> None:
        """All findings with every place, the settings and the counts, as JSON."""
        values = {
            "settings": {key: value for key, value in settings.items() if value is not None},
            "counts": self.counts,
            "written": written,
            "findings": {
                row.name: {
                    "level": row.level,
                    "consequence": row.consequence,
                    **(
                        {"kinds": dict(kinds.most_common())}
                        if (kinds := self.kinds.get(row.name))
                        else {}
                    ),
                    "places": self.found[row.name],
                }
                for row in self.rows()
            },
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, values)
