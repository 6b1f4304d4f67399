"""Where a padded batch must go for CPU201 to report it, one way at a time."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU201"]


def verdicts(source):
    """Return the lines of findings, and what is said of each silence; the quick way must find the same."""
    data = textwrap.dedent(source).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert not plain.errors
    assert quick.findings == plain.findings
    return [f.line for f in plain.findings], " ".join(s.because for s in plain.silenced)


PAD = 'padding="max_length", max_length=128'

REACHES_A_MODEL = {
    "as its arguments": f"def f(tok, net, rows): return net(**tok(rows, {PAD}))",
    "by a name and a move": f"""
        def f(tok, model, rows, device):
            batch = tok(rows, {PAD}).to(device)
            return model(**batch)
        """,
    "through a comprehension": f"""
        def f(tok, model, rows, device):
            batch = {{k: v.to(device) for k, v in tok(rows, {PAD}).items()}}
            return model(**batch)
        """,
    "ids and mask one by one": f"""
        def f(tok, model, rows):
            batch = tok(rows, {PAD})
            return model(batch["input_ids"], attention_mask=batch["attention_mask"])
        """,
    "ids alone, to generate, which makes the mask from the pads": f"""
        def f(tok, model, rows):
            ids = tok(rows, {PAD}).input_ids
            return model.generate(ids)
        """,
    "an onnxruntime session": f"""
        def f(self, rows):
            feeds = dict(self.tok(rows, return_tensors="np", {PAD}))
            return self.runtime.run(None, feeds)
        """,
    "out of a method and into its caller's model": f"""
        class E:
            def prepare(self, rows):
                return self.tok(rows, {PAD})
            def embed(self, rows):
                return self.model(**self.prepare(rows)).pooler_output
        """,
    "into a helper that runs the model": f"""
        def run(model, batch):
            return model(**batch)
        def f(tok, model, rows):
            return run(model, tok(rows, {PAD}))
        """,
    "stacked row by row": f"""
        def f(tok, model, rows):
            batches = [tok(r, {PAD}) for r in rows]
            return [model(**b).logits for b in batches]
        """,
    "a pipeline": """
        def f(pipe, rows):
            return pipe(rows, padding="max_length", truncation=True)
        """,
    "a query's tokenizer whose ids and mask are kept": f"""
        class Processor:
            def convert(self, q):
                found = self.query_tokenizer(q, {PAD})
                return {{"query_input_ids": found["input_ids"], "query_mask": found["attention_mask"]}}
        """,
}


@pytest.mark.parametrize("way", REACHES_A_MODEL)
def test_reported_where_the_batch_reaches_a_text_model(way):
    lines, because = verdicts(REACHES_A_MODEL[way])
    assert len(lines) == 1, because


LEFT_ALONE = {
    "without their mask": f"""
        def f(tokenizer, text_model, prompts):
            batch = tokenizer(prompts, {PAD})
            return text_model(batch["input_ids"])[0]
        """,
    "a caller may override": """
        def f(tok, model, rows, padding="max_length"):
            return model(**tok(rows, padding=padding))
        """,
    "it is compared with": """
        def f(padding):
            return padding == "max_length"
        """,
    "chosen at run time": """
        def f(tok, model, rows, static):
            return model(**tok(rows, padding="max_length" if static else "longest"))
        """,
    "conditions a generator": f"""
        def f(self, prompt, negative_prompt, guidance_scale):
            batch = self.tok(prompt, {PAD})
            prompt_embeds = self.encoder(**batch)
            return self.denoise(prompt_embeds, self.latents, guidance_scale)
        """,
    "goes with images or sound": f"""
        class Both:
            def __call__(self, texts, photo):
                seen = self.image_processor(photo)
                return self.model(**self.tok(texts, {PAD}), pixel_values=seen)
        """,
    "images and audio": f"""
        class SoundFeatureExtractor:
            def __call__(self, model, clips):
                return model(**self.pad(clips, {PAD}))
        """,
    "these texts": """
        def f(tok, model, texts):
            longest = max(len(t.split()) for t in texts) + 2
            return model(**tok(texts, padding="max_length", max_length=min(longest, 512)))
        """,
    "a training step": f"""
        def f(tok, model, rows, targets):
            loss = criterion(model(**tok(rows, {PAD})), targets)
            loss.backward()
        """,
    "data for training": f"""
        def training_batch(tok, model, rows):
            return model(**tok(rows, {PAD}))
        """,
    "feeds a trainer": f"""
        import torch
        def encode(rows):
            return tok(rows["text"], {PAD})
        data = data.map(encode)
        optimizer = torch.optim.AdamW(model.parameters())
        """,
    "static shapes": f"""
        def f(tok, model, rows):
            # the TPU compiles once for each shape
            return model(**tok(rows, {PAD}))
        """,
    "query expansion": f"""
        def f(tok, model, rows):
            batch = tok(rows, {PAD})
            batch["input_ids"][batch["input_ids"] == 0] = tok.mask_token_id
            return model(**batch)
        """,
    "cut off again": f"""
        def f(tok, model, rows):
            batch = tok(rows, {PAD})
            longest = batch["attention_mask"].sum(1).max()
            return model(batch["input_ids"][:, :longest], attention_mask=batch["attention_mask"][:, :longest])
        """,
    "nothing shows a text model": f"""
        def f(tok, rows):
            store(tok(rows, {PAD}))
        """,
    "nothing shows which call": """
        DEFAULTS = {"padding": "max_length"}
        """,
    "no length is given": """
        def f(tokenizer):
            tokenizer.enable_padding(length=0)
        """,
}


@pytest.mark.parametrize("because", LEFT_ALONE)
def test_left_alone_with_the_reason(because):
    lines, told = verdicts(LEFT_ALONE[because])
    assert lines == []
    assert because in told
