"""ResNet-18 and ResNet-50 at 224 x 224, 1000 classes; layer names as in torchvision.

Source: He et al. 2015, arXiv:1512.03385. ResNet-50 is v1.5: the stride is on the 3 x 3 convolution.
"""

from mapper.graph.ir import Graph
from models.zoo.build import Builder

STAGES = (64, 128, 256, 512)
BRANCH_GAIN = 0.4  # of the last norm of a block; keeps the residual sum from growing block by block


def resnet18(batch: int, seq: int, seed: int) -> Graph:
    return _resnet("resnet18", batch, seed, (2, 2, 2, 2), wide=False)


def resnet50(batch: int, seq: int, seed: int) -> Graph:
    return _resnet("resnet50", batch, seed, (3, 4, 6, 3), wide=True)


def _resnet(name: str, batch: int, seed: int, depths: tuple[int, ...], wide: bool) -> Graph:
    b = Builder(name, seed, {"image": (batch, 224, 224, 3)})
    x = b.conv("conv1", "image", 64, 7, 2, 3)
    x = b.same("relu1", "relu", b.batchnorm("bn1", x))
    x = b.pool("maxpool", "maxpool", x, 3, 2, 1)
    block = _bottleneck if wide else _basic
    for stage, (width, depth) in enumerate(zip(STAGES, depths, strict=True), 1):
        for i in range(depth):
            x = block(b, f"layer{stage}.{i}", x, width, 2 if stage > 1 and i == 0 else 1)
    x = b.pool("avgpool", "avgpool", x, 7, 1, 0)
    x = b.reshape("flatten", x, (batch, b.shape(x)[-1]))
    b.linear("fc", x, 1000)
    return b.graph()


def _basic(b: Builder, at: str, x: str, width: int, stride: int) -> str:
    y = b.conv(f"{at}.conv1", x, width, 3, stride, 1)
    y = b.same(f"{at}.relu1", "relu", b.batchnorm(f"{at}.bn1", y))
    y = b.conv(f"{at}.conv2", y, width, 3, 1, 1)
    return _join(b, at, x, b.batchnorm(f"{at}.bn2", y, BRANCH_GAIN), stride)


def _bottleneck(b: Builder, at: str, x: str, width: int, stride: int) -> str:
    y = b.conv(f"{at}.conv1", x, width, 1)
    y = b.same(f"{at}.relu1", "relu", b.batchnorm(f"{at}.bn1", y))
    y = b.conv(f"{at}.conv2", y, width, 3, stride, 1)
    y = b.same(f"{at}.relu2", "relu", b.batchnorm(f"{at}.bn2", y))
    y = b.conv(f"{at}.conv3", y, 4 * width, 1)
    return _join(b, at, x, b.batchnorm(f"{at}.bn3", y, BRANCH_GAIN), stride)


def _join(b: Builder, at: str, x: str, y: str, stride: int) -> str:
    """Adds the shortcut: itself, or a 1 x 1 convolution where the shape changes."""
    channels = b.shape(y)[-1]
    if stride != 1 or b.shape(x)[-1] != channels:
        x = b.conv(f"{at}.downsample.0", x, channels, 1, stride)
        x = b.batchnorm(f"{at}.downsample.1", x)
    return b.same(f"{at}.relu", "relu", b.same(f"{at}.add", "add", y, x))
