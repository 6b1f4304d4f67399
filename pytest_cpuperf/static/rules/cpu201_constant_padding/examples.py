"""Sources that CPU201 is silent on, reports, and fixes."""

VALID = (
    """
    def encode(tokenizer, texts):
        return tokenizer(texts, padding="longest", truncation=True, max_length=512)
    """,
    """
    def encode(tokenizer, texts, padding="max_length"):
        if padding == "max_length":
            pass
        return tokenizer(texts, padding=padding)
    """,
    """
    def load(feature_extractor, sound):
        return feature_extractor(sound, padding="max_length", return_tensors="pt")
    """,
    """
    def export_model(tokenizer, path):
        example = tokenizer("hello", padding="max_length", max_length=128, return_tensors="pt")
    """,
    """
    def preprocess(tokenizer, rows):
        inputs = tokenizer(rows["text"], padding="max_length", truncation=True)
        inputs["labels"] = rows["label"]
        return inputs
    """,
    """
    def encode(tokenizer, texts):
        # XLA compiles anew for every shape
        return tokenizer(texts, padding="max_length", max_length=64)
    """,
    """
    from tokenizers import Tokenizer
    def no_padding(tokenizer):
        tokenizer.enable_padding(length=0)
    """,
    """
    def prompt_embeddings(tokenizer, text_model, prompts):
        ids = tokenizer(prompts, padding="max_length", max_length=77, return_tensors="pt").input_ids
        return text_model(ids)[0]
    """,
    """
    def encode(tokenizer, model, texts, buckets=(32, 64, 128)):
        need = max(map(len, tokenizer(texts)["input_ids"]))
        length = next(b for b in buckets if b >= need)
        return model(**tokenizer(texts, padding="max_length", max_length=length))
    """,
    """
    from transformers import Trainer
    def tokenize(rows):
        return tokenizer(rows["text"], padding="max_length", truncation=True)
    Trainer(model, train_dataset=dataset.map(tokenize, batched=True)).train()
    """,
    """
    class Processor:
        def __call__(self, texts, images):
            inputs = self.image_processor(images)
            inputs.update(self.tokenizer(texts, padding="max_length", max_length=64))
            return inputs
    """,
    """
    def prepare(tokenizer, rows):
        return wrap(tokenizer(rows, padding="max_length"))
    """,
)
INVALID = (
    """
    def encode(tokenizer, texts):
        return tokenizer(texts, padding="max_length", truncation=True, max_length=512)  # <-
    """,
    """
    from transformers import DataCollatorWithPadding
    from transformers.utils import PaddingStrategy
    PAD = "max_length"
    class Embedder:
        def embed(self, texts):
            a = self.tokenizer(texts, padding=PAD, max_length=256)  # <-
            b = self.tokenizer.pad(a, padding=PaddingStrategy.MAX_LENGTH)  # <-
            c = self.tokenizer.batch_encode_plus(texts, pad_to_max_length=True)  # <-
            return [self.model(**batch).pooler_output for batch in (b, c)]
        def loader(self, rows):
            return DataLoader(rows, 8, collate_fn=DataCollatorWithPadding(self.tokenizer, padding="max_length"))  # <-
    """,
    """
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file("tokenizer.json")
    tokenizer.enable_padding(length=256)  # <-
    def embed(session, texts):
        rows = tokenizer.encode_batch(texts)
        masks = [r.attention_mask for r in rows]
        return session.run(None, {"input_ids": [r.ids for r in rows], "attention_mask": masks})
    """,
    """
    OPTIONS = {"padding": "max_length", "max_length": 128}  # <-
    def scores(tokenizer, model, pairs):
        options = {"truncation": True}
        options["padding"] = "max_length"  # <-
        first = model(**tokenizer(pairs, **options)).logits
        return first, model(**tokenizer(pairs, **OPTIONS)).logits
    """,
    """
    class Summarizer:
        def _tokenize(self, texts):
            return self.tokenizer(texts, padding="max_length", max_length=1024, return_tensors="pt")  # <-
        def __call__(self, texts):
            batch = {k: v.to(self.device) for k, v in self._tokenize(texts).items()}
            return self.model.generate(**batch)
    def translate(tokenizer, model, rows):
        ids = tokenizer(rows, padding="max_length", return_tensors="pt")["input_ids"]  # <-
        return model.generate(ids)
    """,
)
FIXED = (
    (
        "def f(tokenizer, texts):\n    return tokenizer(texts, padding='max_length', max_length=9)\n",
        "def f(tokenizer, texts):\n    return tokenizer(texts, padding='longest', max_length=9)\n",
    ),
    (
        "def f(tokenizer, texts):\n    return tokenizer(texts, pad_to_max_length=True)\n",
        'def f(tokenizer, texts):\n    return tokenizer(texts, padding="longest")\n',
    ),
)
