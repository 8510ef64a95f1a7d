"""What the stages brought, as JSON for programs and as Markdown for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from manuscribe.evaluation.lines import Figures
from manuscribe.training.finetune.curves import draw_amounts

AMOUNTS = "amounts.md"


@dataclass(frozen=True, slots=True)
class Result:
    """What a stage brought, on its own validation lines and on the last stage's."""

    stage: str
    before: Figures
    after: Figures
    goal_before: Figures
    goal_after: Figures
    steps: int


def save_result(result: Result, path: Path) -> None:
    """Write a result, under a temporary name until it is whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def load_result(path: Path) -> Result:
    """A result that `save_result` wrote."""
    values = json.loads(path.read_text(encoding="utf-8"))
    parts = {key: Figures(**value) for key, value in values.items() if isinstance(value, Mapping)}
    return Result(**(values | parts))


@dataclass(frozen=True, slots=True)
class Report:
    """The whole of a run.

    Attributes:
        final: Readings of the last stage's validation lines, by how they were decoded.
        parts: The same, greedy, by label and by length of text.
        test: Readings of the test lines, by the stage after which they were made; empty where there are no such lines.
        learnt: Lines that it learnt from, mixed half and half with validation lines: tells what it knows by heart.
    """

    name: str
    results: Sequence[Result]
    final: Mapping[str, Figures]
    parts: Mapping[str, Mapping[str, Figures]]
    test: Mapping[str, Figures]
    learnt: Figures

    def write(self, folder: Path) -> None:
        """Write `report.json` and `report.md`."""
        (folder / "report.json").write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        (folder / "report.md").write_text(self.as_markdown(), encoding="utf-8")

    def as_markdown(self) -> str:
        """The report for people."""
        rows = ["# " + self.name, "", "On the last stage's validation lines:", "", *_head("")]
        rows.append(_row("before", self.results[0].goal_before))
        rows += [_row(f"after {result.stage}", result.goal_after) for result in self.results]
        rows += ["", "On each stage's own:", "", *_head("")]
        for result in self.results:
            rows += [_row(f"{result.stage}, before", result.before), _row(f"{result.stage}, after", result.after)]
        rows += ["", "The result, read again from its folder:", "", *_head("decoding")]
        rows += [_row(name, figures) for name, figures in self.final.items()]
        for key, found in self.parts.items():
            rows += ["", *_head(key), *(_row(name, figures) for name, figures in found.items())]
        if self.test:
            rows += ["", "On test lines, which took no part in anything before:", "", *_head("")]
            rows += [_row(name, figures) for name, figures in self.test.items()]
        rows += ["", "What follows is no measure of reading, but of what was learnt by heart:", "", *_head("")]
        rows.append(_row("learnt lines and validation lines, half and half", self.learnt))
        return "\n".join(rows) + "\n"


def write_amounts(name: str, results: Mapping[int, Result], folder: Path) -> None:
    """Write what more lines brought, as `amounts.md`, `amounts.json` and `amounts.png`."""
    counts = sorted(results)
    rows = [f"# {name}: what more lines bring", "", *_head("lines learnt from")]
    rows.append(_row("none", results[counts[0]].before))
    rows += [_row(str(count), results[count].after) for count in counts]
    (folder / AMOUNTS).write_text("\n".join(rows) + "\n", encoding="utf-8")
    values = {count: asdict(results[count]) for count in counts}
    (folder / "amounts.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    draw_amounts({count: results[count].after.cer for count in counts}, folder / "amounts.png")


def _head(first: str) -> list[str]:
    return [f"| {first} | lines | CER | WER | exact |", "|---|---|---|---|---|"]


def _row(name: str, figures: Figures) -> str:
    return f"| {name} | {figures.lines} | {figures.cer:.4f} | {figures.wer:.4f} | {figures.exact:.3f} |"
