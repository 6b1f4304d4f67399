"""The words by which code names models and what is done with them: weak evidence, asked where code shows none."""

from __future__ import annotations

from functools import lru_cache

from pytest_cpuperf.static.source.patterns import pattern

_WORDS = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# Functions that call what they are given, in the same thread.
CALLERS = frozenset({"map", "filter", "functional_call", "autocast_call", "checkpoint"})
MODEL_NOUNS = frozenset(
    (
        *("model", "models", "net", "nets", "network", "networks", "backbone", "encoder", "encoders", "decoder"),
        *("transformer", "transformers", "classifier", "detector", "segmenter", "segmentor", "generator"),
        *("discriminator", "unet", "vae", "bert", "roberta", "clip", "gpt", "lm", "llm", "predictor", "embedder"),
        *("reranker", "ranker", "vocoder", "recognizer", "pipeline", "pipe", "extractor", "featurizer", "module"),
        *("denoiser", "tagger", "parser", "scorer", "resnet", "vit", "autoencoder", "critic", "policy", "actor"),
        *("student", "teacher", "ensemble", "regressor", "captioner", "synthesizer", "separator", "enhancer"),
    )
)
# `controlnet`, `wav2vecmodel`: written in one word.
_NOUN_ENDINGS = ("model", "net", "encoder", "decoder", "former", "bert", "classifier", "detector", "predictor")
_NOT_ENDED = frozenset(("planet", "magnet", "cabinet", "internet", "ethernet", "subnet", "performer", "informer"))
# A callee that begins so makes, finds or changes a model; it does not run one.
_OTHER_VERBS = frozenset(
    (
        *("get", "load", "build", "create", "make", "init", "initialize", "save", "prepare", "set", "update", "wrap"),
        *("unwrap", "convert", "download", "check", "is", "has", "register", "add", "remove", "merge", "export"),
        *("compile", "freeze", "unfreeze", "copy", "clone", "parse", "print", "log", "move", "to", "test", "find"),
        *("select", "resolve", "validate", "format", "count", "iter", "cast", "patch", "replace", "dump", "store"),
        *("fetch", "read", "write", "summarize", "configure", "setup"),
    )
)
# What is asked of a model that does not run it: what nn.Module and its kin offer, and housekeeping.
_NOT_RUN = frozenset(
    (
        *(
            "parameters",
            "named",
            "buffers",
            "children",
            "modules",
            "state",
            "load",
            "save",
            "get",
            "set",
            "eval",
            "train",
        ),
        *("to", "cuda", "cpu", "half", "float", "double", "bfloat16", "type", "apply", "register", "add", "remove"),
        *("requires", "zero", "share", "extra", "compile", "config", "init", "initialize", "reset", "prepare", "build"),
        *("create", "make", "update", "is", "has", "check", "enable", "disable", "push", "pull", "export", "freeze"),
        *("unfreeze", "fuse", "unfuse", "quantize", "merge", "unmerge", "unload", "resize", "tie", "gradient", "log"),
        *("print", "summary", "clone", "copy", "deepcopy", "keys", "values", "items", "pop", "append", "extend"),
        *("insert", "setdefault", "clear", "format", "lower", "upper", "split", "strip", "startswith", "endswith"),
        *("replace", "join", "count", "index", "find", "close", "open", "setup", "configure", "cast", "move", "warmup"),
        *("tokenize", "tokenizer", "preprocess", "postprocess", "process", "processor", "convert", "optimizer"),
        *("scheduler", "fit", "training", "validation", "on", "step", "backward", "loss", "criterion", "new", "from"),
        *(
            "can",
            "supports",
            "clean",
            "write",
            "read",
            "send",
            "stop",
            "start",
            "wait",
            "device",
            "dtype",
            "repr",
            "name",
        ),
        *("sort", "group", "attach", "detach", "dict", "exists", "delete", "drop", "list", "size", "dim", "shape"),
        *("download", "unwrap", "wrap", "train", "stats", "info", "version", "maybe", "free", "release", "offload"),
        *(
            "activate",
            "delete",
            "dummy",
            "example",
            "data",
            "transform",
            "augment",
            "collate",
            "should",
            "clip",
            "item",
        ),
    )
)
_RUN_GETTERS = pattern(
    r"get_\w*(?:features?|embeddings?|embeds?|representations?|logits?|probs?|probabilities|scores?|predictions?"
    r"|hidden_states?|activations?|outputs?|lpz)"
)
# What models are asked to do; strong where the receiver is no tokenizer, text or archive.
_MODEL_METHODS = pattern(
    r"(forward|generate|predict|infer|inference|embed|transcribe|translate|caption|denoise|synthesize|rerank"
    r"|predict_\w+|generate_(?!(?:\w+_)?(?:ids?|uuids?|names?|keys?|urls?|paths?|hash|secrets?|password)$)\w+|embed_\w+|transcribe_\w+|translate_\w+|classify_\w+|encode_(text|image|images|audio|video"
    r"|query|queries|document|documents|corpus|batch|passages?|sentences?|texts|multi_process|\w*prompts?|labels"
    r"|features|first_stage)|decode_(first_stage|batch)|get_(text|image|audio|video)_features|get_\w*embeddings?"
    r"|extract_features|forward_\w+|batch_predict\w*|run_model|compute_(forward|logits|embeddings?|scores?))"
)
_RUN_WORDS = frozenset(
    (
        *("run", "evaluate", "evaluation", "predict", "prediction", "predictions", "infer", "embed"),
        *(
            "encode",
            "forward",
            "generate",
            "generation",
            "eval",
            "inference",
            "transcribe",
            "score",
            "scores",
            "sample",
        ),
        *("embedding", "embeddings", "validate", "test", "decode", "decoding", "classify", "detect", "translate"),
    )
)
# What holds a model and is handed around for it.
_HOLDERS = frozenset({"trainer", "learner", "engine", "estimator", "handler"})
_NOT_MODULES = pattern(r"(?i)tokenizer|processor|featureextractor|config|scheduler|dataset|loader|collator|loss$")


@lru_cache(maxsize=50_000)
def words(identifier: str) -> list[str]:
    """Return an identifier's words, lower case: `textEncoder_2` → `text`, `encoder`, `2`. Not to be changed."""
    return [w.lower() for w in _WORDS.findall(identifier)]


@lru_cache(maxsize=50_000)
def is_model_name(identifier: str | None) -> bool:
    """Return whether an identifier is named as models are: its last word (digits apart) is a model noun."""
    if not identifier:
        return False
    parts = [w for w in words(identifier) if not w.isdigit()]
    if not parts or parts[0] in _OTHER_VERBS:
        return False
    last = parts[-1]
    return last in MODEL_NOUNS or (last.endswith(_NOUN_ENDINGS) and last not in _NOT_ENDED)


@lru_cache(maxsize=50_000)
def makes_model(function: str) -> bool:
    """Return whether a function is named as those that make or load a model: `build_model`, `load_net`."""
    parts = words(function)
    return len(parts) > 1 and parts[0] in _OTHER_VERBS and parts[-1] in ("model", "network", "net", "pipeline")


@lru_cache(maxsize=50_000)
def runs_by_name(method: str) -> bool:
    """Return whether a method runs a model, whatever it is called on."""
    return _MODEL_METHODS.fullmatch(method.lstrip("_")) is not None


@lru_cache(maxsize=50_000)
def runs_on_model(method: str) -> bool:
    """Return whether a method that is called on a model runs it: all but housekeeping."""
    if _RUN_GETTERS.fullmatch(method):
        return True
    parts = words(method)
    return bool(parts) and not method[:1].isupper() and parts[0] not in _NOT_RUN


@lru_cache(maxsize=50_000)
def runs_what_it_is_given(function: str) -> bool:
    """Return whether a function is named as those that run a model they are given: `evaluate(model, rows)`."""
    return not _RUN_WORDS.isdisjoint(words(function))


def holds_model(identifier: str | None) -> bool:
    """Return whether an identifier is named as what holds a model."""
    return is_model_name(identifier) or bool(
        identifier and words(identifier)[-1:] and words(identifier)[-1] in _HOLDERS
    )


def may_be_a_model(made: str) -> bool:
    """Return whether something loaded may be a module; a tokenizer, a processor or a configuration is none."""
    return _NOT_MODULES.search(made) is None


_INITIALISES = frozenset(["init", "initialize", "initialise", "reset"])
_PARAMETER_NAMES = frozenset(
    ["weights", "weight", "parameters", "params", "prefix", "embeddings", "embedding", "adapter"]
)


def makes_parameters(function: str) -> bool:
    """Return whether a function is named as those that make or initialise parameters are."""
    name = set(words(function))
    return bool(name & _INITIALISES and name & _PARAMETER_NAMES) or {"state", "dict"} <= name
