"""What the stages brought, as JSON for programs and as Markdown for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from manuscribe.evaluation.lines import Figures
from manuscribe.training.tables import head, row


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
        rows = ["# " + self.name, "", "On the last stage's validation lines:", "", *head("")]
        rows.append(row("before", self.results[0].goal_before))
        rows += [row(f"after {result.stage}", result.goal_after) for result in self.results]
        rows += ["", "On each stage's own:", "", *head("")]
        for result in self.results:
            rows += [row(f"{result.stage}, before", result.before), row(f"{result.stage}, after", result.after)]
        rows += ["", "The result, read again from its folder:", "", *head("decoding")]
        rows += [row(name, figures) for name, figures in self.final.items()]
        for key, found in self.parts.items():
            rows += ["", *head(key), *(row(name, figures) for name, figures in found.items())]
        if self.test:
            rows += ["", "On test lines, which took no part in anything before:", "", *head("")]
            rows += [row(name, figures) for name, figures in self.test.items()]
        rows += ["", "What follows is no measure of reading, but of what was learnt by heart:", "", *head("")]
        rows.append(row("learnt lines and validation lines, half and half", self.learnt))
        return "\n".join(rows) + "\n"
