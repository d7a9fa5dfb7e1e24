"""VGG-19 (Simonyan and Zisserman 2014, arXiv:1409.1556, configuration E), MobileNetV2 (Sandler et al. 2018,
arXiv:1801.04381, width 1) at 224 x 224 and 1000 classes, and a small perceptron for 28 x 28 pictures."""

from mapper.graph.ir import Graph
from models.zoo.build import Builder

VGG19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
# expansion, channels, repeats, stride of the first; table 2 of the paper
MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
BRANCH_GAIN = 0.7


def mlp(batch: int, seq: int, seed: int) -> Graph:
    b = Builder("mlp", seed, {"image": (batch, 784)})
    x = b.same("relu1", "relu", b.linear("fc1", "image", 512, gain=2))
    x = b.same("relu2", "relu", b.linear("fc2", x, 512, gain=2))
    b.linear("fc3", x, 10)
    return b.graph()


def vgg19(batch: int, seq: int, seed: int) -> Graph:
    b = Builder("vgg19", seed, {"image": (batch, 224, 224, 3)})
    x = "image"
    for block, (channels, depth) in enumerate(VGG19, 1):
        for i in range(1, depth + 1):
            x = b.conv(f"conv{block}_{i}", x, channels, 3, 1, 1, bias=True)
            x = b.same(f"relu{block}_{i}", "relu", x)
        x = b.pool(f"pool{block}", "maxpool", x, 2, 2, 0)
    x = b.reshape("flatten", x, (batch, 7 * 7 * 512))
    x = b.same("relu6", "relu", b.linear("fc6", x, 4096, gain=2))
    x = b.same("relu7", "relu", b.linear("fc7", x, 4096, gain=2))
    b.linear("fc8", x, 1000)
    return b.graph()


def mobilenet_v2(batch: int, seq: int, seed: int) -> Graph:
    b = Builder("mobilenet_v2", seed, {"image": (batch, 224, 224, 3)})
    x = _unit(b, "stem", "image", 32, 3, 2)
    for group, (expansion, channels, repeats, stride) in enumerate(MOBILENET_V2):
        for i in range(repeats):
            x = _inverted(b, f"block{group}.{i}", x, expansion, channels, stride if i == 0 else 1)
    x = _unit(b, "head", x, 1280, 1, 1)
    x = b.pool("avgpool", "avgpool", x, 7, 1, 0)
    b.linear("fc", b.reshape("flatten", x, (batch, 1280)), 1000)
    return b.graph()


def _unit(
    b: Builder, at: str, x: str, channels: int, kernel: int, stride: int, groups: int = 1
) -> str:
    x = b.conv(f"{at}.conv", x, channels, kernel, stride, kernel // 2, groups)
    return b.same(f"{at}.relu6", "relu6", b.batchnorm(f"{at}.bn", x))


def _inverted(b: Builder, at: str, x: str, expansion: int, channels: int, stride: int) -> str:
    depth = b.shape(x)[-1]
    wide, y = expansion * depth, x
    if expansion != 1:
        y = _unit(b, f"{at}.expand", y, wide, 1, 1)
    y = _unit(b, f"{at}.depthwise", y, wide, 3, stride, groups=wide)
    shortcut = stride == 1 and depth == channels
    y = b.conv(f"{at}.project.conv", y, channels, 1)
    y = b.batchnorm(f"{at}.project.bn", y, BRANCH_GAIN if shortcut else 1.0)
    return b.same(f"{at}.add", "add", y, x) if shortcut else y
