"""`--cpuperf-against REV`: the same tests at a git revision, block by block beside this tree's."""
