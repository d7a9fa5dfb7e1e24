"""Arguments and options that several commands have."""

from typing import Annotated

import typer

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
