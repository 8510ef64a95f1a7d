"""Progress of a training run on stderr: a bar on a terminal, plain lines of figures elsewhere."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Shows how far a run is and how it goes; silent if `quiet`."""

    def __init__(self, steps: int, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._bar: Bar | None = None
        if self._console.is_terminal and not quiet:
            columns = (
                TextColumn("training"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("loss {task.fields[loss]}"),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=self._console)
            self._task = self._bar.add_task("training", total=steps, loss="…")
            self._bar.start()

    def update(self, step: int, losses: list[float]) -> None:
        """Move the bar to a step; `losses` are those since the last log line."""
        if self._bar and losses:
            self._bar.update(self._task, completed=step, loss=f"{sum(losses) / len(losses):.3f}")

    def say(self, step: int, figures: dict[str, float]) -> None:
        """Print the figures of an evaluation."""
        self._console.print(f"step {step}: " + ", ".join(f"{k} {v:.4f}" for k, v in figures.items()), highlight=False)

    def tell(self, text: str) -> None:
        """Print some words."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar:
            self._bar.stop()
