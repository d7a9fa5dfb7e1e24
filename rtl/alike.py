"""RTLIL whose modules that are alike become one: PEs of an array differ only where they lack a neighbour."""

import re

MODULE = re.compile(r"((?:^attribute [^\n]*\n)*)^module (\\\S+)\n(.*?)^end\n", re.MULTILINE | re.DOTALL)
CELL = re.compile(r"^(\s*cell )(\\\S+)(?= )", re.MULTILINE)


def merged(text: str) -> str:
    """The first of equal modules stands for all; instances keep their names."""
    made = {name: (attributes, body) for attributes, name, body in MODULE.findall(text)}
    first, stands = dict[tuple[str, str], str](), dict[str, str]()

    def kind(name: str) -> str:
        if name in made and name not in stands:
            attributes, body = made[name]
            made[name] = attributes, CELL.sub(lambda m: m[1] + kind(m[2]), body)
            stands[name] = first.setdefault(made[name], name)
        return stands.get(name, name)

    kept = [name for name in made if kind(name) == name]
    return "\n".join(f"{made[name][0]}module {name}\n{made[name][1]}end\n" for name in kept)
