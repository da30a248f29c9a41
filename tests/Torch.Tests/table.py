"""Writes table.json: inputs and outputs of libtorch's operators, optimisers and schedules, computed by the PyTorch package.

    python3 tests/Torch.Tests/table.py

The tests run the same names through this engine and compare. Numbers are float64 unless an entry says otherwise.
"""
import json
import math
import os

import torch
import torch.nn.functional as F
from torch.optim import lr_scheduler as schedules

entries = []


def number(value):
    if isinstance(value, bool) or isinstance(value, int):
        return value
    return float(f"{value:.13g}") if math.isfinite(value) else str(value)


def encoded(tensor):
    kind = str(tensor.dtype).removeprefix("torch.")
    return {"type": kind, "shape": list(tensor.shape), "data": [number(v) for v in tensor.detach().reshape(-1).tolist()]}


def entry(name, inputs, outputs):
    outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    outputs = [torch.tensor(o) if isinstance(o, (bool, float, int)) else o for o in outputs]
    entries.append({"name": name, "inputs": [encoded(i) for i in inputs], "outputs": [encoded(o) for o in outputs]})


def real(data):
    return torch.tensor(data, dtype=torch.float64)


def whole(data):
    return torch.tensor(data, dtype=torch.int64)


# Values on both sides of zero and one, and none where an operator is not smooth.
x = real([[-1.6, 0.3, 2.2], [0.7, -0.2, 1.1]])
y = real([[0.4, -2.5, 1.3], [0.9, 1.7, -0.6]])
row = real([0.5, -1.25, 2.0])
positive = real([[0.1, 0.5, 3.0], [1.2, 2.5, 0.8]])
unit = real([[-0.9, 0.3, 0.5], [0.1, -0.4, 0.8]])
odd = real([float("nan"), float("inf"), float("-inf"), 0.0, -2.5])
mask = torch.tensor([[True, False, True], [False, True, True]])
a, b = whole([[7, -7, 3], [5, 9, -4]]), whole([[2, 2, -2], [3, 4, 5]])

# ---- pointwise
for name in "abs neg ceil floor round trunc frac sign square exp expm1 sin cos tan sinh cosh tanh atan erf erfc sigmoid relu".split():
    entry(name, [x], getattr(torch, name)(x))
for name in "log log2 log10 log1p sqrt rsqrt reciprocal lgamma digamma".split():
    entry(name, [positive], getattr(torch, name)(positive))
for name in "asin acos".split():
    entry(name, [unit], getattr(torch, name)(unit))
for name in "isnan isinf isfinite".split():
    entry(name, [odd], getattr(torch, name)(odd))
entry("selu", [x], torch.selu(x))
entry("nan_to_num", [odd], torch.nan_to_num(odd))
entry("nan_to_num with values", [odd], torch.nan_to_num(odd, 1.0, 2.0, -3.0))
entry("round to two decimals", [x / 3], torch.round(x / 3, decimals=2))
entry("add", [x, row], x + row)
entry("add scaled", [x, y], torch.add(x, y, alpha=0.5))
entry("add a number", [x], x + 1.5)
entry("subtract", [x, row], x - row)
entry("subtract from a number", [x], 2.0 - x)
entry("multiply", [x, row], x * row)
entry("divide", [x, y], x / y)
entry("divide a number", [x], 3.0 / x)
entry("divide integers", [a, b], a / b)
entry("divide and truncate", [a, b], torch.div(a, b, rounding_mode="trunc"))
entry("divide and floor", [a, b], torch.div(a, b, rounding_mode="floor"))
entry("divide by a number and floor", [x], torch.div(x, 0.45, rounding_mode="floor"))
entry("floor_divide", [a, b], torch.div(a, b, rounding_mode="floor"))
entry("remainder", [a, b], torch.remainder(a, b))
entry("remainder of a number", [x], torch.remainder(x, 0.45))
entry("fmod", [a, b], torch.fmod(a, b))
entry("fmod of a number", [x], torch.fmod(x, 0.45))
entry("power", [positive, row], positive ** row)
entry("power of a number", [x], x ** 3)
entry("atan2", [x, y], torch.atan2(x, y))
entry("maximum", [x, y], torch.maximum(x, y))
entry("minimum", [x, y], torch.minimum(x, y))
entry("clamp", [x], x.clamp(-0.5, 1.0))
entry("clamp below", [x], x.clamp_min(0.0))
entry("clamp above", [x], x.clamp_max(1.0))
entry("clamp by tensors", [x, row], torch.clamp(x, min=row - 1, max=row + 1))
entry("lerp", [x, y, unit], torch.lerp(x, y, unit))
entry("addcmul", [x, y, unit], torch.addcmul(x, y, unit, value=0.3))
entry("addcdiv", [x, y, positive], torch.addcdiv(x, y, positive, value=0.3))
entry("where", [mask, x, y], torch.where(mask, x, y))
entry("masked_fill", [x, mask], x.masked_fill(mask, -9.0))
entry("masked_select", [x, mask], x.masked_select(mask))
entry("logical_not", [mask], mask.logical_not())
entry("logical_and", [mask, x > 0], mask & (x > 0))
entry("logical_or", [mask, x > 0], mask | (x > 0))
entry("logical_xor", [mask, x > 0], mask ^ (x > 0))
entry("bitwise and", [a, b], a & b)
entry("bitwise or", [a, b], a | b)
entry("bitwise not", [a], ~a)

# ---- comparison
for name in "eq ne lt le gt ge".split():
    entry(name, [a, b], getattr(torch, name)(a, b))
    entry(name + " a number", [a], getattr(torch, name)(a, 3))
entry("allclose", [x, x + 1e-9], torch.allclose(x, x + 1e-9))

# ---- reductions
entry("sum", [x], x.sum())
entry("sum of truth values", [mask], mask.sum())
entry("sum over a dimension", [x], x.sum(1, keepdim=True))
entry("sum over two dimensions", [x], x.sum((0, 1)))
entry("sum in another type", [a], a.sum(0, dtype=torch.float64))
entry("mean", [x], x.mean())
entry("mean over a dimension", [x], x.mean(-1, keepdim=True))
entry("std", [x], x.std())
entry("std of the population over a dimension", [x], x.std(0, unbiased=False, keepdim=True))
entry("var", [x], x.var())
entry("var over a dimension", [x], x.var(1))
entry("prod", [x], x.prod())
entry("prod over a dimension", [x], x.prod(1))
entry("min", [x], x.min())
entry("max", [x], x.max())
entry("min over a dimension", [x], list(x.min(1)))
entry("max over a dimension", [x], list(x.max(0, keepdim=True)))
entry("amin", [x], x.amin((1,)))
entry("amax", [x], x.amax((0, 1), keepdim=True))
entry("argmin", [x], x.argmin())
entry("argmax", [x], x.argmax())
entry("argmax over a dimension", [x], x.argmax(1, keepdim=True))
entry("argmin over a dimension", [x], x.argmin(0))
entry("all", [mask], mask.all())
entry("any", [mask], mask.any())
entry("all over a dimension", [mask], mask.all(0))
entry("any over a dimension", [mask], mask.any(1, keepdim=True))
entry("norm", [x], x.norm())
entry("norm of order one", [x], x.norm(1))
entry("norm over a dimension", [x], x.norm(2, 1, keepdim=True))
entry("logsumexp", [x], x.logsumexp(1))
entry("softmax", [x], x.softmax(-1))
entry("log_softmax", [x], x.log_softmax(0))
entry("quantile", [x, real([0.25, 0.5])], x.quantile(real([0.25, 0.5]), 1))
entry("cumsum", [x], x.cumsum(1))
entry("cumprod", [x], x.cumprod(0))
entry("count_nonzero", [a - b - 1], torch.count_nonzero(a - b - 1))
entry("count_nonzero over a dimension", [mask], torch.count_nonzero(mask, 0))
entry("nonzero", [mask], mask.nonzero())
entry("bincount", [whole([0, 2, 2, 5])], torch.bincount(whole([0, 2, 2, 5]), minlength=7))
entry("bincount with weights", [whole([0, 2, 2]), row], torch.bincount(whole([0, 2, 2]), row))
entry("histc", [x], torch.histc(x, 4, -2, 3))

# ---- sort and search
entry("sort", [x], list(x.sort(-1)))
entry("sort descending", [a], list(a.sort(0, descending=True)))
entry("sort of equals in order", [whole([2, 1, 2, 1, 2])], list(torch.sort(whole([2, 1, 2, 1, 2]), stable=True)))
entry("argsort", [x], x.argsort(1, descending=True))
entry("topk", [x], list(x.topk(2)))
entry("topk of the smallest", [x], list(x.topk(1, 0, largest=False)))
entry("unique", [whole([3, 1, 3, 2, 1])], list(torch.unique(whole([3, 1, 3, 2, 1]), return_inverse=True, return_counts=True)))
entry("unique rows", [whole([[1, 2], [0, 3], [1, 2]])], list(torch.unique(whole([[1, 2], [0, 3], [1, 2]]), return_inverse=True, return_counts=True, dim=0)))
entry("searchsorted", [real([0, 1, 2, 3]), real([0.5, 2, 9])], torch.searchsorted(real([0, 1, 2, 3]), real([0.5, 2, 9])))
entry("searchsorted from the right", [real([0, 1, 2, 3]), real([0.5, 2, 9])], torch.searchsorted(real([0, 1, 2, 3]), real([0.5, 2, 9]), right=True))

# ---- shape
cube = torch.arange(12, dtype=torch.float64).reshape(2, 3, 2)
entry("reshape", [cube], cube.reshape(3, -1))
entry("view", [cube], cube.view(6, 2))
entry("permute", [cube], cube.permute(2, 0, 1))
entry("transpose", [cube], cube.transpose(0, -1))
entry("t", [x], x.t())
entry("squeeze", [x.reshape(1, 2, 1, 3)], x)
entry("squeeze a dimension", [x.reshape(1, 2, 1, 3)], x.reshape(1, 2, 3))
entry("unsqueeze", [x], x.unsqueeze(1))
entry("flatten", [cube], cube.flatten(1))
entry("unflatten", [x], x.reshape(2, 3, 1))
entry("expand", [row], row.expand(2, 3))
entry("repeat", [row], row.repeat(2, 2))
entry("repeat_interleave", [x], x.repeat_interleave(2, 1))
entry("repeat_interleave by numbers", [x, whole([2, 1])], x.repeat_interleave(whole([2, 1]), 0))
entry("narrow", [cube], cube.narrow(1, 1, 2))
entry("select", [cube], cube.select(1, -1))
entry("slice", [cube], cube[:, 0:3:2])
entry("unbind", [x], list(x.unbind(1)))
entry("split", [row], list(row.split(2)))
entry("split by sizes", [x], list(x.split([1, 2], 1)))
entry("chunk", [x], list(x.chunk(2, 1)))
entry("cat", [x, y], torch.cat([x, y], 1))
entry("stack", [x, y], torch.stack([x, y], 1))
entry("flip", [x], x.flip(1))
entry("roll", [x], x.roll(1, 1))
entry("roll without a dimension", [x], x.roll(1))
entry("tril", [x], x.tril())
entry("triu", [x], x.triu(1))
entry("diag", [row], row.diag(1))
entry("diagonal", [x], x.diagonal(1))
entry("unfold", [row], row.unfold(0, 2, 1))

# ---- gather and scatter
places = whole([[2, 0, 1], [0, 0, 2]])
entry("gather", [x, places], x.gather(1, places))
entry("take_along_dim", [x, places], torch.take_along_dim(x, places, 1))
entry("scatter", [x, whole([[2, 0, 1], [1, 0, 2]]), y], x.scatter(1, whole([[2, 0, 1], [1, 0, 2]]), y))
entry("scatter_add", [x, places, y], x.scatter_add(1, places, y))
entry("index_select", [x, whole([2, 0, 2])], x.index_select(1, whole([2, 0, 2])))
entry("index_add", [x, whole([1, 0]), y], x.index_add(0, whole([1, 0]), y, alpha=0.5))
entry("index_copy", [x, whole([1, 0]), y], x.index_copy(0, whole([1, 0]), y))
entry("index_fill", [x, whole([2])], x.index_fill(1, whole([2]), 4.0))
entry("index by numbers", [cube, whole([1, 0]), whole([2, 1])], cube[whole([1, 0]), whole([2, 1])])
entry("index in the middle", [cube, whole([2, 0])], cube[:, whole([2, 0])])
entry("index by a mask", [x, mask], x[mask])
entry("index by everything", [cube, whole([1, 0])], cube[..., None, whole([1, 0])])

# ---- linear algebra
square = real([[2.0, 0.5, 0.1], [0.5, 1.5, -0.2], [0.1, -0.2, 1.0]])
batch = torch.stack([x, y])
entry("matmul", [x, square], x @ square)
entry("matmul of a batch", [batch, square], batch @ square)
entry("mm", [x, y.t()], x.mm(y.t()))
entry("bmm", [batch, batch.transpose(1, 2)], batch.bmm(batch.transpose(1, 2)))
entry("mv", [x, row], x.mv(row))
entry("dot", [row, row], row.dot(row))
entry("outer", [row, real([1.0, -2.0])], row.outer(real([1.0, -2.0])))
entry("addmm", [square[:2], x, square], torch.addmm(square[:2], x, square, beta=0.5, alpha=2.0))
entry("baddbmm", [batch, batch, torch.stack([square, square])], torch.baddbmm(batch, batch, torch.stack([square, square])))
entry("einsum", [x, y], torch.einsum("ik,jk->ij", x, y))
entry("solve", [square, x.t()], torch.linalg.solve(square, x.t()))
entry("solve from the right", [square, x], torch.linalg.solve(square.t(), x.t()).t())
entry("inv", [square], torch.linalg.inv(square))
entry("det", [square], torch.linalg.det(square))
entry("cholesky", [square], torch.linalg.cholesky(square))
entry("vector_norm", [x], torch.linalg.vector_norm(x, 3))
entry("vector_norm over a dimension", [x], torch.linalg.vector_norm(x, 1, dim=(1,)))

# ---- creation
entry("zeros", [], torch.zeros(2, 3))
entry("ones", [], torch.ones(2, dtype=torch.int64))
entry("full", [], torch.full((2, 2), 7))
entry("arange", [], torch.arange(5))
entry("arange in steps", [], torch.arange(1.0, 2.0, 0.25, dtype=torch.float64))
entry("linspace", [], torch.linspace(0, 1, 5, dtype=torch.float64))
entry("eye", [], torch.eye(2, 3))
entry("zeros_like", [x], torch.zeros_like(x))
entry("ones_like in another type", [x], torch.ones_like(x, dtype=torch.int64))
entry("full_like", [x], torch.full_like(x, 0.5))

# ---- conversion
third = real([1 / 3, -2.7, 300.5])
entry("to float32", [third], third.float().double())
entry("to float16", [third], third.half().double())
entry("to bfloat16", [third], third.bfloat16().double())
entry("to int64", [third], third.long())
entry("to bool", [real([0.0, 0.5])], real([0.0, 0.5]).bool())

# ---- functional
image = (torch.arange(32, dtype=torch.float64).reshape(1, 2, 4, 4) * 0.37).sin()
kernel = (torch.arange(36, dtype=torch.float64).reshape(2, 2, 3, 3) * 0.73).cos()
grouped = kernel[:, :1].contiguous()
pair = real([0.3, -0.4])
wave = image.reshape(1, 2, 16)
entry("gelu", [x], F.gelu(x))
entry("silu", [x], F.silu(x))
entry("logsigmoid", [x], F.logsigmoid(x))
entry("softplus", [x], F.softplus(x, 2.0, 3.0))
entry("linear", [x, square, row], F.linear(x, square, row))
entry("conv1d", [wave, kernel[:, :, 0].contiguous(), pair], F.conv1d(wave, kernel[:, :, 0], pair, stride=2, padding=1))
entry("conv2d", [image, kernel, pair], F.conv2d(image, kernel, pair, padding=1))
entry("conv2d in strides and groups", [image, grouped], F.conv2d(image, grouped, stride=2, padding=2, dilation=2, groups=2))
entry("layer_norm", [x, row, row + 1], F.layer_norm(x, (3,), row, row + 1))
entry("group_norm", [image, pair, pair + 1], F.group_norm(image, 2, pair, pair + 1))
entry("normalize", [x], F.normalize(x))
entry("one_hot", [places], F.one_hot(places, 4))
entry("pad", [x], F.pad(x, (1, 2), value=5.0))
entry("pad by reflection", [image], F.pad(image, (1, 0, 2, 1), mode="reflect"))
entry("pad by repetition", [image], F.pad(image, (1, 0, 2, 1), mode="replicate"))
entry("avg_pool2d", [image], F.avg_pool2d(image, 2))
entry("max_pool2d", [image], F.max_pool2d(image, 3, stride=1, padding=1))
entry("upsample_nearest2d", [image], F.interpolate(image, scale_factor=2.0, mode="nearest"))
entry("embedding", [places, square], F.embedding(places, square))
target = whole([2, 0])
weight = real([1.0, 0.5, 2.0])
truth = real([[1, 0, 1], [0, 0, 1]])
entry("cross_entropy", [x, target], F.cross_entropy(x, target))
entry("cross_entropy with weights and smoothing", [x, target, weight], F.cross_entropy(x, target, weight, label_smoothing=0.1, reduction="none"))
entry("cross_entropy that ignores", [x, whole([2, 1])], F.cross_entropy(x, whole([2, 1]), ignore_index=1, reduction="sum"))
entry("nll_loss", [x.log_softmax(1), target], F.nll_loss(x.log_softmax(1), target))
entry("mse_loss", [x, y], F.mse_loss(x, y))
entry("huber_loss", [x, y], F.huber_loss(x, y, delta=0.8, reduction="none"))
entry("smooth_l1_loss", [x, y], F.smooth_l1_loss(x, y, reduction="sum", beta=0.5))
entry("binary_cross_entropy", [positive / 4, truth], F.binary_cross_entropy(positive / 4, truth))
entry("binary_cross_entropy_with_logits", [x, truth, weight], F.binary_cross_entropy_with_logits(x, truth, pos_weight=weight))
entry("kl_div of logs", [x.log_softmax(1), y.log_softmax(1)], F.kl_div(x.log_softmax(1), y.log_softmax(1), log_target=True, reduction="sum"))
entry("kl_div", [x.log_softmax(1), y.softmax(1)], F.kl_div(x.log_softmax(1), y.softmax(1), reduction="none"))
heads = torch.stack([x, y]).unsqueeze(0)
scores = (heads @ heads.transpose(-2, -1)) / math.sqrt(3)
entry("attention", [heads], scores.softmax(-1) @ heads)
entry("causal attention", [heads], scores.masked_fill(torch.ones(2, 2, dtype=torch.bool).triu(1), -math.inf).softmax(-1) @ heads)


# ---- optimisers: two parameters, the loss is sum((p - goal)^2 * scale); the second has no gradient in the first two steps
def trajectory(make, steps=5):
    first, second = x.clone().requires_grad_(), row.clone().requires_grad_()
    optimizer = make([first, second])
    path = []
    for step in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss = ((first - y) ** 2 * positive).sum()
        if step >= 2:
            loss = loss + (second ** 4).sum()
        loss.backward()
        optimizer.step()
        path.append([encoded(first), encoded(second)])
    return path


optimizers = {
    "sgd": lambda p: torch.optim.SGD(p, 0.05),
    "sgd with momentum": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, dampening=0.3),
    "sgd with nesterov and decay": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.1, nesterov=True),
    "sgd upwards": lambda p: torch.optim.SGD(p, 0.01, momentum=0.5, maximize=True),
    "adam": lambda p: torch.optim.Adam(p, 0.1),
    "adam with decay": lambda p: torch.optim.Adam(p, 0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    "adam with amsgrad": lambda p: torch.optim.Adam(p, 0.1, betas=(0.9, 0.5), amsgrad=True),
    "adam upwards": lambda p: torch.optim.Adam(p, 0.1, maximize=True),
    "adamw": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.2),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.05),
    "rmsprop centred with momentum": lambda p: torch.optim.RMSprop(p, 0.05, alpha=0.9, momentum=0.9, centered=True, weight_decay=0.1),
}


def rates(make, steps=12):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    schedule = make(optimizer)
    path = [schedule.get_last_lr()[0]]
    for _ in range(steps - 1):
        optimizer.step()
        schedule.step()
        path.append(schedule.get_last_lr()[0])
    return [number(v) for v in path]


schedulers = {
    "lambda": lambda o: schedules.LambdaLR(o, lambda step: 1 / (1 + step)),
    "step": lambda o: schedules.StepLR(o, 3, gamma=0.5),
    "milestones": lambda o: schedules.MultiStepLR(o, [2, 5], gamma=0.1),
    "exponential": lambda o: schedules.ExponentialLR(o, 0.9),
    "constant": lambda o: schedules.ConstantLR(o, factor=0.25, total_iters=4),
    "linear": lambda o: schedules.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=4),
    "polynomial": lambda o: schedules.PolynomialLR(o, total_iters=6, power=2.0),
    "cosine": lambda o: schedules.CosineAnnealingLR(o, 8, eta_min=0.01),
}

names = [e["name"] for e in entries]
assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
start = {"first": encoded(x), "goal": encoded(y), "scale": encoded(positive), "second": encoded(row)}
table = {
    "source": f"PyTorch {torch.__version__}",
    "operators": entries,
    "start": start,
    "optimizers": [{"name": n, "path": trajectory(m)} for n, m in optimizers.items()],
    "schedulers": [{"name": n, "rates": rates(m)} for n, m in schedulers.items()],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "table.json"), "w") as file:
    # One entry a line: a change shows as the lines that changed.
    file.write("{\n")
    file.write(f'"source": {json.dumps(table["source"])},\n"start": {json.dumps(start)},\n')
    for part in ("operators", "optimizers", "schedulers"):
        file.write(f'"{part}": [\n' + ",\n".join(json.dumps(e) for e in table[part]) + ("\n],\n" if part != "schedulers" else "\n]\n"))
    file.write("}\n")
print(len(entries), "operators,", len(optimizers), "optimisers,", len(schedulers), "schedules")
