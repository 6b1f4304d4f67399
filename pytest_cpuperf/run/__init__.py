"""One `pytest --cpuperf` run: each file is a small pytest plugin, registered by `plugin.py`."""
