"""Settings: one typed table behind pytest's options, ini keys, `[tool.cpuperf]` and their documentation."""
