"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated, Any

import typer


def _named(text: str) -> Path:
    """Path("") would be the current folder."""
    if not str(text):
        raise typer.BadParameter("its name is empty; give one, or . for the current folder")
    return Path(text)


def written(*names: str, help: str) -> Any:
    """An option for a file or folder that the command writes."""
    return typer.Option(*names, help=help, parser=_named, metavar="PATH")


Network = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK", help="a name of hwsim networks, an ONNX file, or a BERT folder"
    ),
]
MachineName = Annotated[
    str, typer.Option("--machine", "-m", help="a name of hwsim machines, or a .yaml file")
]
Pattern = Annotated[
    str | None, typer.Option(help="keep N of each M weights, as 2:8; dense where it is not given")
]
Batch = Annotated[int, typer.Option(min=1, help="inputs at once")]
Seq = Annotated[int | None, typer.Option(min=1, help="tokens of a sentence (networks of text)")]
Layers = Annotated[str | None, typer.Option(help="only the layers whose names match, as '*.ffn.*'")]
Json = Annotated[bool, typer.Option("--json", help="print JSON alone")]
