"""What surrounds a tokenizer call: images, sound, a generator that text conditions, shapes that must not change."""

from __future__ import annotations

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.edits import lines_of
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern

_NOT_TEXT = pattern(
    r"(?i)image|audio|speech|vision|video|feature_?extractor|pixel|wav2vec|whisper|waveform|(?<![a-z])mel(?![a-z])"
)
_OTHER_INPUTS = frozenset({"images", "image", "audio", "audios", "raw_speech", "sampling_rate", "videos", "speech"})
# Identifiers of models that see images or hear sound beside the text, or generate them from it.
_BESIDE_TEXT = pattern(
    r"\b(?:pixel_values|image_processor|feature_extractor|input_features|image_features|audio_features|image_embeds"
    r"|vision_\w+|voice_preset|get_image_features|encode_image|input_values|spectrogram|image_size|sample_rate)\b"
)
_GENERATOR = pattern(
    r"\b(?:\w*prompt_embeds\w*|negative_prompt\w*|guidance_scale|latents|unet|noise_scheduler|text_encoder_\d|denoise\w*"
    r"|num_inference_steps|classifier_free\w*|uncond\w*|sigmas|timesteps?)\b"
)
_FIXED_CONTEXT = pattern(r"(?i)siglip|diffus|(?<![a-z])clip|longclip|text_encoder_2|stable_?xl|unet|flux|t2i")
_STATIC_SHAPE = pattern(
    r"(?i)export|trace|tracing|calibrat|tpu|xla|static_?shape|neuron|tensorrt|\btrt\b|tflite|coreml|core_ml|qnn|hailo|rknn"
    r"|openvino|executorch|compiled|aot_?inductor|cuda_?graph|litert"
)
_DIFFUSION = pattern(r"(?:^|\.)(?:diffusers|diffusionmodules|ldm|sgm)(?:\.|$)|\bCLIPTextModel")
_DIFFUSION_PARTS = ("diffus", "ldm", "sgm", "CLIPTextModel")
_STATIC_MODULES = ("torch.onnx", "torch.export", "torch.jit.trace", "torch_xla", "jax.")
_OPENING, _CLOSING = pattern(r"[(\[{]"), pattern(r"[)\]}]")
_TOKENIZER_METHODS = frozenset({"pad", "batch_encode_plus", "encode_plus", "encode", "encode_batch", "__call__"})


def conditions_generator(facts: Facts) -> bool:
    """Return whether text of a file conditions a generator of images, video or sound, whatever encodes it."""
    imported = facts.imports.values()
    if any(part in full for full in imported for part in _DIFFUSION_PARTS) and any(map(_DIFFUSION.search, imported)):
        return True
    names = (match.group() for match in _GENERATOR.finditer(facts.code))
    first = next(names, None)
    return any(name != first for name in names)


class Surroundings:
    """The names, comments and code around one call."""

    def __init__(self, module: Module, call: cst.Call) -> None:
        self._module = module
        self._call = call
        self._function, around = module.function_of(call), module.class_of(call)
        self._scope: cst.CSTNode = self._function if self._function is not None else module.tree
        self._callee = dotted(call.func) or last_name(call.func) or ""
        self._name = self._function.name.value if self._function is not None else ""
        self._class_name = around.name.value if around is not None else ""

    def not_text(self) -> str | None:
        """Return that images or sound are what is padded, or come along with the text."""
        names = (self._callee, self._name, self._class_name)
        given = {a.keyword.value for a in self._call.args if a.keyword is not None}
        if any(_NOT_TEXT.search(n) for n in names) or given & _OTHER_INPUTS:
            return "images and audio have a fixed size"
        if _BESIDE_TEXT.search(self._code_around()):
            return "the text goes with images or sound, to a model that was trained on a fixed context"
        return None

    def fixed_context(self) -> str | None:
        """Return that the text encoder was trained with a fixed context, or that text conditions a generator."""
        if conditions_generator(self._module.facts):
            return "text that conditions a generator: the pads are part of what it was trained on"
        length = argument(self._call, "max_length") or argument(self._call, "length")
        parts = (self._callee, self._name, self._class_name, self._made_from(), self._remarks())
        if any(_FIXED_CONTEXT.search(part) for part in parts):
            return "this text encoder was trained with a fixed context"
        if length is not None and last_name(length) == "context_length":
            return "this text encoder was trained with a fixed context"
        return None

    def query_expansion(self) -> str | None:
        """Return that pads become mask tokens, as late interaction expands queries."""
        names = {n.value for n in self._module.nodes(cst.Name, within=self._scope)}
        if names & {"mask_token_id", "mask_token"}:
            return "pads are swapped for the mask token: query expansion"
        return None

    def static_shapes(self) -> str | None:
        """Return that shapes must not change: export, tracing, compiled graphs."""
        names = (self._callee, self._name, self._class_name, self._remarks())
        mentions = self._module.nodes(cst.Attribute, cst.Name, within=self._scope)
        if any(_STATIC_SHAPE.search(n) for n in names) or any(
            (self._module.qualified(n) or "").startswith(_STATIC_MODULES)
            for n in mentions
            if self._module.is_imported(n)
        ):
            return "export, tracing and compiled models need static shapes"
        return None

    def _code_around(self) -> str:
        """Return the code of the class around the call, or of its function, without strings."""
        around = self._module.class_of(self._call)
        outline = self._module.facts.outline
        klass = outline.by_name.get(around.name.value) if around is not None else None
        if klass is not None:
            return "\n".join(outline.lines[klass.start : klass.end])
        return "\n".join(c.code for c in outline.functions.get(self._name, ()))

    def _made_from(self) -> str:
        """Return the text the callee was made from in this file: `CLIPTokenizer.from_pretrained(…)`."""
        function = self._call.func
        if isinstance(function, cst.Attribute) and function.attr.value in _TOKENIZER_METHODS:
            function = function.value
        return self._module.facts.made_from(last_name(function) or "") or self._module.code(self._call.func)

    def _remarks(self) -> str:
        """Return the comments in and right above the call's statement, where authors say why a length is constant."""
        lines = lines_of(self._module.facts.text)
        first = last = self._module.statement_line(self._call) - 1
        while first > 0 and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        open_brackets = 0
        for code in self._module.facts.outline.lines[last:]:
            last += 1
            open_brackets += len(_OPENING.findall(code)) - len(_CLOSING.findall(code))
            if open_brackets <= 0:
                break
        # A line's first `#` may stand in a string: too much is read then, and at worst a place is left alone.
        return " ".join(line.partition("#")[2] for line in lines[first:last])
