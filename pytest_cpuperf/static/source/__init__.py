"""Files to text and trees: decoding, screening, outlines, pruning, parsing, notebooks, edits."""
