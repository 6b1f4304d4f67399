"""Write `results-1.schema.json`, which the package holds, from the records. Run it after a record has changed."""

import importlib

from pytest_cpuperf.results.schema import FILE, schema_text

# The rooms that bring kinds of evidence, measurements and remarks of their own.
ROOMS = ("machine.evidence", "proofs.claims")


def load_rooms() -> None:
    """Load all that adds to the schema."""
    for room in ROOMS:
        importlib.import_module(f"pytest_cpuperf.{room}")


if __name__ == "__main__":
    load_rooms()
    FILE.write_text(schema_text())
