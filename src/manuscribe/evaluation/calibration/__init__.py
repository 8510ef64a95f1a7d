"""How far a reader's confidences can be trusted, and what makes them worth it.

- `examples`: readings with their signals, and what of them is right
- `fitting`: a calibration from examples
- `measuring`: how good probabilities are: calibration error, AUROC, what checking the least sure lines finds
- `calibrating`: reads, fits, measures by cross-validation
- `report`: what was found, as JSON, Markdown and a page
"""
