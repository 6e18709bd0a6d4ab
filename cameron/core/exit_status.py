"""How a program has ended, for people."""

from signal import Signals


def ended_by(number: int) -> str:
    """That it was ended by this signal."""
    named = f" ({Signals(number).name})" if number in list(Signals) else ""
    return f"was ended by signal {number}{named}"


def end_of(output: str, most: int) -> str:
    """The last characters of what it wrote."""
    text = output.strip()
    return text if len(text) <= most else f"…{text[-most:]}"
