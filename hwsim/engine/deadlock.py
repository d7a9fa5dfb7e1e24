"""What a stuck machine looks like: a list of levels."""

from hwsim.components.config import ENDED, STARTED, WAITS
from hwsim.engine.state import State
from hwsim.engine.tick import LINKS
from hwsim.spec.commands import QUEUE_NAMES, QUEUES
from hwsim.spec.program import Program


def deadlock_report(state: State, program: Program) -> str:
    """One line: the cycle, what each queue waits for, the level of every link that holds something,
    the tokens that are there.
    """
    m = state.machine
    parts = []
    for queue, name in zip(QUEUES, LINKS[:4], strict=True):
        link = getattr(m, name)
        if link.held:
            n = int(link.slots[link.head, 0])
            missing = [
                QUEUE_NAMES[q]
                for q in QUEUES
                if state.table[n, WAITS] >> q & 1 and not m.tokens.held[q, queue]
            ]
            parts.append(
                f"{QUEUE_NAMES[queue]} command {n} waits for {'a token from ' + ' and '.join(missing) if missing else 'its unit'}"
            )
    running = [
        int(n)
        for n in range(len(state.log))
        if state.log[n, STARTED] >= 0 and not state.log[n, ENDED]
    ]
    links = ", ".join(
        f"{name} {getattr(m, name).held}/{getattr(m, name).depth}"
        for name in LINKS
        if getattr(m, name).held
    )
    if running:
        parts.append(f"commands {running[:4]} are unfinished")
    stuck = "; ".join(parts) or "nothing is queued"
    return (
        f"deadlock at cycle {m.run.moved_at}: {stuck}; links: {links or 'empty'}; "
        "check the tokens of these commands"
    )
