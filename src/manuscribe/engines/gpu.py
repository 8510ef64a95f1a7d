"""Whether there is a GPU for PyTorch."""

from manuscribe.errors import UsageError


def require_gpu() -> None:
    """Refuse to go on without a GPU that PyTorch computes on.

    Raises:
        UsageError: There is none.
    """
    import torch

    if not torch.cuda.is_available():
        raise UsageError("PyTorch finds no GPU here.", "Leave --device out, or install PyTorch for CUDA.")
