"""What CPU502 reports and what it leaves alone."""

VALID = (
    """
    import torch
    from transformers import AutoModel, pipeline
    def merge(path, out):
        model = AutoModel.from_pretrained(path, torch_dtype=torch.bfloat16, device_map="cpu")
        model.save_pretrained(out)
    def serve(path, device, x):
        net = AutoModel.from_pretrained(path, torch_dtype=torch.float16).to(device)
        dtype = torch.float16 if device == "cuda" else torch.float32
        other = AutoModel.from_pretrained(path, dtype=dtype, device_map="cpu")
        return net(x), other(x), x.half().cpu()
    """,
    """
    import torch
    def train(model, x, optimizer):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(x)
        loss.backward()
    def serve(model, x, wanted, device):
        with torch.autocast("cpu", enabled=wanted):
            model(x)
        with torch.autocast(device_type=device):
            return model(x)
    """,
    """
    import intel_extension_for_pytorch as ipex
    import torch
    def serve(model, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(x)
    """,
)
INVALID = (
    """
    import torch
    from transformers import AutoModel, pipeline
    def serve(path, texts, x):
        model = AutoModel.from_pretrained(path, torch_dtype=torch.bfloat16, device_map="cpu")  # <-
        pipe = pipeline("text-classification", path, torch_dtype="float16", device=-1)  # <-
        return model(**texts), pipe(texts)
    """,
    """
    import torch
    device = torch.device("cpu")
    class Service:
        def __init__(self, path):
            self.model = torch.load(path).half()  # <-
            self.model.to(device)
        def predict(self, x):
            with torch.autocast("cpu", dtype=torch.bfloat16):  # <-
                return self.model(x)
    def other(net, x):
        if device.type == "cpu":
            net = net.bfloat16()  # <-
        return net(x)
    """,
)
FIXED = (
    (
        'import torch\nm = AutoModel.from_pretrained(p, dtype=torch.float16, device_map="cpu")\nm(x)\n',
        'import torch\nm = AutoModel.from_pretrained(p, dtype=torch.float32, device_map="cpu")\nm(x)\n',
    ),
    (
        'm = AutoModel.from_pretrained(p, dtype="bfloat16", device_map="cpu")\nm(x)\n',
        'm = AutoModel.from_pretrained(p, dtype="float32", device_map="cpu")\nm(x)\n',
    ),
    ('m = load(p).to("cpu").half()\nm(x)\n', 'm = load(p).to("cpu").float()\nm(x)\n'),
)
