"""Records rendered for people and machines. A reporter never measures and never reads sources."""
