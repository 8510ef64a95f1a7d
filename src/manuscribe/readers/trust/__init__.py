"""How far a reading can be trusted: from a reader's signals to probabilities that were measured.

- `signals`: what readers tell of each reading, beside its text
- `features`: the same for characters, words and whole lines, as rows of numbers
- `calibration`: probabilities from such rows, with weights that `manuscribe calibrate` found
- `trusted`: a reader whose confidences are these probabilities
"""
