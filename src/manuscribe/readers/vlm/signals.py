"""What tells sure readings of a vision-language model from doubtful ones."""

import numpy as np

from manuscribe.readers.trust.signals import Signals
from manuscribe.readers.vlm.passages import Passage

_LEAST = -20.0  # nats; what is less sure says no more


def signals_of(passage: Passage) -> Signals:
    """The signals of a passage that was read as one line; see `TellingReader`.

    Of a line the mean of its tokens' logarithms, and the worst; there are none where the runtime told no tokens.
    """
    if not passage.sureness:
        return Signals()
    sureness = np.maximum(np.array(passage.sureness), _LEAST)
    return Signals(line={"tokens": float(sureness.mean()), "worst": float(sureness.min())})
