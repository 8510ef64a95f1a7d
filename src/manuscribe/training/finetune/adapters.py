"""Where adapters go and what stays as it is, chosen by names of modules that are told before it starts."""

import copy
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from manuscribe.errors import UsageError
from manuscribe.extras import needs
from manuscribe.training.finetune.dropout import quicken
from manuscribe.training.finetune.pupil import Pupil
from manuscribe.training.finetune.quantised import is_quantised, put, quantise, weights_in, widened
from manuscribe.training.finetune.stage import Stage


def targets_of(pupil: Pupil, stage: Stage) -> list[str]:
    """The names of the modules that the stage's adapter changes.

    Raises:
        UsageError: There are none, or the pattern is no regular expression.
    """
    try:
        pattern = re.compile(pupil.pattern(stage))
    except re.error as error:
        raise UsageError(
            f"targets '{stage.targets}' is no pattern: {error}.", "Use attn, ffn, attn_ffn or all."
        ) from error
    linear = [name for name, module in pupil.model.named_modules() if isinstance(module, nn.Linear)]
    found = [name for name in linear if pattern.fullmatch(name)]
    if not found:
        raise UsageError(
            f"targets '{stage.targets}' of the stage '{stage.name}' fits no module.",
            f"Names look like {', '.join(linear[:1] + linear[-2:-1])}.",
        )
    return found


def with_adapter(pupil: Pupil, stage: Stage, base: str) -> Any:
    """The pupil's model with a fresh adapter, everything else frozen; or, without one, with what the stage freezes.

    Raises:
        UsageError: See `targets_of`.
    """
    model = pupil.model
    if stage.adapter == "none":
        model.requires_grad_(True)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(not pupil.is_frozen(name, stage))
        return model
    from peft import LoraConfig, get_peft_model

    if stage.adapter == "qlora":
        needs("qlora")
        quantise(model, pupil.quantised)
    settings = LoraConfig(
        r=stage.rank,
        lora_alpha=stage.alpha,  # type: ignore[arg-type]
        lora_dropout=stage.dropout,
        target_modules=targets_of(pupil, stage),
        use_dora=stage.adapter == "dora",
    )
    adapted = get_peft_model(model, settings)
    quicken(adapted, alone=not settings.use_dora)
    # PEFT writes down where the model came from, which here is nowhere: it was filled by hand.
    adapted.peft_config["default"].base_model_name_or_path = base
    return adapted


def merged(model: Any) -> Any:
    """The model with the adapter in its weights: it cannot go on learning then. Itself, where there is no adapter."""
    if not hasattr(model, "merge_and_unload"):
        return model
    base = model.get_base_model()
    if not any(is_quantised(module) for module in base.modules()):
        return model.merge_and_unload()
    for name, module in _changed(base):
        # What was small on a GPU may be too large for it as it was before.
        put(base, name, _whole(module).to("cpu", base.dtype))
    return base.to("cpu")


def weights_of(model: Any) -> dict[str, Tensor]:
    """A model's weights by their plain names, with the adapter's share in them; the model stays as it is."""
    if not hasattr(model, "merge_and_unload"):
        return dict(model.state_dict())
    base = model.get_base_model()
    changed = _changed(base)
    inside = tuple(f"{name}." for name, _ in changed)
    found = {name: tensor for name, tensor in base.state_dict().items() if not name.startswith(inside)}
    for name, module in changed:
        found |= {f"{name}.{part}": tensor for part, tensor in _whole(module).state_dict().items()}
    return found


def _changed(base: nn.Module) -> list[tuple[str, nn.Module]]:
    """Matrices that are no ordinary ones: with an adapter, of four bits, or both."""
    from peft.tuners.lora import LoraLayer

    modules = list(base.named_modules())
    adapted = [(name, module) for name, module in modules if isinstance(module, LoraLayer)]
    inside = tuple(f"{name}." for name, _ in adapted)
    return adapted + [
        (name, module) for name, module in modules if is_quantised(module) and not name.startswith(inside)
    ]


@torch.no_grad()
def _whole(module: Any) -> nn.Linear:
    """An ordinary matrix that does what one of `_changed` does. One at a time: a copy of a whole model is large."""
    if is_quantised(module):
        return widened(module)
    if is_quantised(module.get_base_layer()):
        wide = widened(module.get_base_layer())
        wide.weight += module.get_delta_weight(*module.active_adapters)
        return wide
    alone = copy.deepcopy(module)
    alone.merge()
    whole: nn.Linear = alone.get_base_layer()
    return whole


def trainable(model: nn.Module) -> dict[str, tuple[int, int]]:
    """For each kind of module: parameters that are learnt, and all of them."""
    learnt: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        kind = _kind(name)
        whole[kind] += weights_in(parameter)
        learnt[kind] += weights_in(parameter) * parameter.requires_grad
    return {kind: (learnt[kind], whole[kind]) for kind in whole}


def _kind(name: str) -> str:
    """Numbers of layers and PEFT's own parts of names left out."""
    name = re.sub(r"^base_model\.model\.|\.base_layer|\.lora_\w+(\.default)?|\.default", "", name)
    name = re.sub(r"\.\d+\.", ".*.", name)
    return name.rsplit(".", 1)[0]


def groups_of(names: Iterable[str]) -> dict[str, int]:
    """How many modules of each kind there are, layers together."""
    return dict(Counter(re.sub(r"\.\d+\.", ".*.", name) for name in names))
