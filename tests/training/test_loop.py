"""The training loop on a problem whose answer is known."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from manuscribe.errors import ModelError
from manuscribe.training.loop import LoopOptions, learning_rate, train


class Doubling:
    """Learn y = 2x."""

    metric = "error"

    def __init__(self, poison: int = -1, crash: int = -1, kill: tuple[int, ...] = (), failing: bool = False) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(1, 1)
        self.poison, self.crash = poison, crash
        self.kill, self.failing = kill, failing

    def batch(self, step: int) -> Tensor:
        if step == 59:
            for number in self.kill:
                os.kill(os.getpid(), number)
        if step == self.crash:
            raise RuntimeError("the disk caught fire")
        x = torch.randn(8, 1, generator=torch.Generator().manual_seed(step))
        return x * float("nan") if step == self.poison else x

    def loss(self, batch: Tensor) -> Tensor:
        return ((self.model(batch) - 2 * batch) ** 2).mean()

    def evaluate(self) -> dict[str, float]:
        if self.failing:
            raise MemoryError
        return {"error": abs(float(self.model.weight) - 2)}


OPTIONS = LoopOptions(steps=60, learning_rate=0.1, warmup=5, average=0.9, evaluate_every=20, bf16=False)


def test_it_learns_and_leaves_the_best_weights_and_a_log(tmp_path: Path) -> None:
    figures = train(Doubling(), OPTIONS, tmp_path, quiet=True)
    assert figures["error"] < 0.2
    assert (tmp_path / "best.safetensors").is_file()
    assert json.loads((tmp_path / "best.json").read_text())["error"] == figures["error"]
    rows = [json.loads(row) for row in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "error" in row] == [20, 40, 60]


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, crashed, resumed = Doubling(), Doubling(crash=33), Doubling()
    expected = train(whole, OPTIONS, tmp_path / "whole", quiet=True)
    with pytest.raises(RuntimeError, match="caught fire"):
        train(crashed, OPTIONS, tmp_path / "run", quiet=True)
    figures = train(resumed, OPTIONS, tmp_path / "run", resume=True, quiet=True)
    assert figures == expected
    assert torch.equal(whole.model.weight, resumed.model.weight)


def test_a_poisoned_batch_is_skipped(tmp_path: Path) -> None:
    task = Doubling(poison=10)
    train(task, OPTIONS, tmp_path, quiet=True)
    assert torch.isfinite(task.model.weight).all()
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["skipped"] == 1


def test_resuming_nothing_or_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No checkpoint"):
        train(Doubling(), OPTIONS, tmp_path, resume=True, quiet=True)
    train(Doubling(), OPTIONS, tmp_path / "run", quiet=True)
    other = Doubling()
    other.model = nn.Linear(1, 2)
    with pytest.raises(ModelError, match="another network"):
        train(other, OPTIONS, tmp_path / "run", resume=True, quiet=True)


@pytest.mark.parametrize("part", ["model.safetensors", "average.safetensors", "optimiser.safetensors", "state.json"])
@pytest.mark.parametrize("left", [0, 9])
def test_a_damaged_checkpoint_is_told(tmp_path: Path, part: str, left: int) -> None:
    train(Doubling(), OPTIONS, tmp_path, quiet=True)
    file = tmp_path / "checkpoint" / part
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(ModelError, match="is damaged"):
        train(Doubling(), OPTIONS, tmp_path, resume=True, quiet=True)


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [learning_rate(OPTIONS, step) for step in range(60)]
    assert rates[0] == pytest.approx(0.02)
    assert rates[5:36] == pytest.approx([0.1] * 31)
    assert rates[48] == pytest.approx(0.05)
    assert rates[59] == pytest.approx(0.1 / 24)


@pytest.fixture
def python_handles_ctrl_c() -> Iterator[None]:
    """Also where the tests run in the background, with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def state(run: Path) -> dict[str, float]:
    return dict(json.loads((run / "checkpoint" / "state.json").read_text()))


@pytest.mark.usefixtures("python_handles_ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_step_and_its_evaluation(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        train(Doubling(kill=(number,)), OPTIONS, tmp_path, quiet=True)
    assert signal.getsignal(number) == before
    assert (state(tmp_path)["step"], state(tmp_path)["evaluated"]) == (60, 60)
    rows = len((tmp_path / "log.jsonl").read_text().splitlines())
    assert train(Doubling(), OPTIONS, tmp_path, resume=True, quiet=True)["step"] in (20, 40, 60)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == rows  # nothing was left to do


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(Doubling(kill=(signal.SIGINT, signal.SIGINT)), OPTIONS, tmp_path, quiet=True)
    assert state(tmp_path)["step"] == 59


def test_a_step_half_applied_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.optim.AdamW, "step", broken)
    with pytest.raises(KeyboardInterrupt):
        train(Doubling(), OPTIONS, tmp_path, quiet=True)
    assert not (tmp_path / "checkpoint").exists()


def test_an_evaluation_that_failed_is_made_up_for(tmp_path: Path) -> None:
    expected = train(Doubling(), OPTIONS, tmp_path / "whole", quiet=True)
    with pytest.raises(MemoryError):
        train(Doubling(failing=True), OPTIONS, tmp_path / "run", quiet=True)
    assert state(tmp_path / "run")["step"] == 20
    assert train(Doubling(), OPTIONS, tmp_path / "run", resume=True, quiet=True) == expected
    logs = [(tmp_path / run / "log.jsonl").read_text().splitlines() for run in ("whole", "run")]
    assert len(logs[0]) == len(logs[1])


def test_a_checkpoint_that_does_not_say_what_was_evaluated_still_loads(tmp_path: Path) -> None:
    train(Doubling(), OPTIONS, tmp_path, quiet=True)
    old = {key: value for key, value in state(tmp_path).items() if key != "evaluated"}
    (tmp_path / "checkpoint" / "state.json").write_text(json.dumps(old))
    train(Doubling(), OPTIONS, tmp_path, resume=True, quiet=True)
    assert state(tmp_path)["evaluated"] == 60


def test_it_trains_outside_the_main_thread(tmp_path: Path) -> None:
    thread = threading.Thread(target=train, args=(Doubling(), OPTIONS, tmp_path), kwargs={"quiet": True})
    thread.start()
    thread.join()
    assert state(tmp_path)["step"] == 60
