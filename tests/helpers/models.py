"""Models that tests make: nothing is downloaded."""

import subprocess
import sys

MAKE_MODEL = """
import sys, torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

words = {w: i for i, w in enumerate(["[PAD]", "[UNK]", *(f"w{i}" for i in range(98))])}
core = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
core.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(sys.argv[1])
torch.manual_seed(0)
config = BertConfig(vocab_size=100, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
                    intermediate_size=128, max_position_embeddings=256)
BertModel(config).save_pretrained(sys.argv[1])
"""


def make_model(folder):
    """Save a small BERT and its tokenizer as transformers does, and return the folder."""
    subprocess.run([sys.executable, "-c", MAKE_MODEL, str(folder)], check=True, capture_output=True)
    return folder
