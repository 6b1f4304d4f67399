"""What CPU204 reports and what it leaves alone."""

VALID = (
    """
    def embed(tokenizer, texts, n):
        texts = sorted(texts, key=len)
        for i in range(0, len(texts), n):
            yield tokenizer(texts[i : i + n], padding=True)
    """,
    """
    def embed(tokenizer, texts):
        for i in range(0, len(texts), 1):
            yield tokenizer(texts[i : i + 1], padding=True)
    """,
    """
    def chunks(texts, n):
        for i in range(0, len(texts), n):
            yield texts[i : i + n]
    """,
    """
    from torch.utils.data import DataLoader
    from transformers import DataCollatorWithPadding
    def loaders(tokenizer, rows, sampler, model):
        pad = DataCollatorWithPadding(tokenizer)
        yield DataLoader(rows, batch_size=32, collate_fn=pad, shuffle=True)
        yield DataLoader(rows, batch_sampler=sampler, collate_fn=pad)
        yield DataLoader(rows, 1, collate_fn=pad)
        yield DataLoader(rows, 32, collate_fn=model.collate)
    """,
    """
    from torch.utils.data import DataLoader
    from transformers import DataCollatorWithPadding
    def train(model, tokenizer, rows):
        for batch in DataLoader(rows, 32, collate_fn=DataCollatorWithPadding(tokenizer)):
            model(**batch).loss.backward()
    """,
    """
    class Service:
        def embed(self, texts):
            return self.embed_sorted(sorted(texts, key=len))
        def embed_sorted(self, texts):
            for i in range(0, len(texts), 32):
                yield self.tokenizer(texts[i : i + 32], padding=True)
    def others(tokenizer, texts, text, pairs):
        for t in texts:
            yield tokenizer([t], padding=True)
        yield tokenizer(texts[:8], padding=True)
        for i in range(0, len(text), 512):
            yield tokenizer(text[i : i + 512], padding=True)
    """,
)
INVALID = (
    """
    def embed(model, tokenizer, texts, n):
        for i in range(0, len(texts), n):
            batch = tokenizer(texts[i : i + n], padding=True, return_tensors="pt")  # <-
            yield model(**batch)
    """,
    """
    from itertools import batched
    def embed(self, sentences):
        for start in range(0, len(sentences), self.size):
            part = sentences[start : start + self.size]
            self.tokenizer(part, padding="longest")  # <-
        for part in batched(sentences, 16):
            self.tokenizer(list(part), padding=True)  # <-
    """,
    """
    from torch.utils.data import DataLoader
    from transformers import DataCollatorWithPadding
    class Embedder:
        def collate(self, texts):
            return self.tokenizer(texts, padding=True, return_tensors="pt")
        def embed(self, texts, rows):
            pad = DataCollatorWithPadding(self.tokenizer)
            for batch in DataLoader(rows, batch_size=32, collate_fn=pad):  # <-
                self.model(**batch)
            for batch in DataLoader(texts, 16, shuffle=False, collate_fn=self.collate):  # <-
                self.model(**batch)
    """,
    """
    from itertools import islice
    import more_itertools, numpy as np
    class Service:
        def tokenize(self, texts):
            return self.tokenizer([t.strip() for t in texts], padding=True, return_tensors="pt")
        def embed(self, texts):
            for i in range(0, len(texts), 32):
                yield self.model(**self.tokenize(texts[i : i + 32]))  # <-
    def stream(tokenizer, model, texts):
        it = iter(texts)
        while batch := list(islice(it, 32)):
            yield model(**tokenizer(batch, padding=True))  # <-
        batches = [texts[i : i + 8] for i in range(0, len(texts), 8)]
        yield [model(**tokenizer(b, padding="longest")) for b in batches]  # <-
        for part in np.array_split(texts, 4):
            yield model(**tokenizer(part.tolist(), padding=True))  # <-
        for part in zip(*[iter(texts)] * 32):
            yield model(**tokenizer(list(part), padding=True))  # <-
        for n, part in enumerate(more_itertools.chunked(texts, 32)):
            yield model(**tokenizer(part, padding=True))  # <-
    """,
)
