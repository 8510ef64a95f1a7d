"""What is learnt from: line data sets, rendered lines, variation."""
