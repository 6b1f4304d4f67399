"""Write `results-1.schema.json`, which the package holds, from the records. Run it after a record has changed."""

from pytest_cpuperf.registry import load_kinds
from pytest_cpuperf.results.schema import FILE, schema_text

if __name__ == "__main__":
    load_kinds()
    FILE.write_text(schema_text())
