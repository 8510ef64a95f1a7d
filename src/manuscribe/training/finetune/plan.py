"""What a stage will do, told before it starts."""

from typing import Any

from manuscribe.training.finetune.adapters import trainable
from manuscribe.training.finetune.stage import Stage

_BYTES = 4  # of a weight in float32


def plan_of(model: Any, stage: Stage, lines: int, validated: int, processes: int = 1) -> str:
    """Which weights are learnt, in how many steps, and about how much memory that takes besides what images need."""
    found = trainable(model)
    learnt, whole = (sum(counts[side] for counts in found.values()) for side in (0, 1))
    together = stage.batch * stage.accumulation * processes
    steps = -(-lines // together) * stage.epochs
    # Weights, and for those that are learnt the gradient and AdamW's two means.
    memory = _BYTES * (whole + 3 * learnt) / 2**30
    rows = [f"  {kind}: {counts[0]:,} of {counts[1]:,}" for kind, counts in sorted(found.items()) if counts[0]]
    how = "all weights" if stage.adapter == "none" else f"{stage.adapter}, rank {stage.rank}, alpha {stage.alpha:g}"
    return "\n".join(
        [
            f"  {lines} lines, {stage.epochs} epochs at most: {steps} steps of {together} lines",
            f"  {validated} lines are read after each epoch",
            f"  {how}: {learnt:,} of {whole:,} parameters are learnt ({100 * learnt / whole:.2f} %); "
            f"weights and optimiser take {memory:.2f} GiB",
            *rows,
        ]
    )
