"""From timed blocks to a verdict: blocks, pairs, ratio, interval, verdict. Knows no framework and no pytest."""
