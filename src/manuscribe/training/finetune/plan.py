"""What a stage will do, told before it starts."""

from typing import Any

from torch import nn

from manuscribe.training.finetune.adapters import trainable
from manuscribe.training.finetune.stage import Stage

_LEARNT = 4  # a weight that is learnt has beside it the gradient and AdamW's two means


def plan_of(model: Any, stage: Stage, lines: int, validated: int, processes: int = 1) -> str:
    """Which weights are learnt, in how many steps, and about how much memory that takes besides what images need."""
    found = trainable(model)
    learnt, whole = (sum(counts[side] for counts in found.values()) for side in (0, 1))
    together = stage.batch * stage.accumulation * processes
    steps = -(-lines // together) * stage.epochs
    rows = [f"  {kind}: {counts[0]:,} of {counts[1]:,}" for kind, counts in sorted(found.items()) if counts[0]]
    how = "all weights" if stage.adapter == "none" else f"{stage.adapter}, rank {stage.rank}, alpha {stage.alpha:g}"
    return "\n".join(
        [
            f"  {lines} lines, {stage.epochs} epochs at most: {steps} steps of {together} lines",
            f"  {validated} lines are read after each epoch",
            f"  {how}: {learnt:,} of {whole:,} parameters are learnt ({100 * learnt / whole:.2f} %); "
            f"weights and optimiser take {memory_of(model) / 2**30:.2f} GiB",
            *rows,
        ]
    )


def memory_of(model: nn.Module) -> int:
    """Bytes that the weights take, as they are stored, and the optimiser with them."""
    return sum(weight.nbytes * (_LEARNT if weight.requires_grad else 1) for weight in model.parameters())
