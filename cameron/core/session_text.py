"""What a job's Python activities may share: strings under names, both of them bounded."""

KEY_MAX = 256  # characters
VALUE_MAX_BYTES = 1 << 20  # in UTF-8
KEYS_MAX = 10_000  # of one job


def checked_key(key: object) -> str:
    """The key, if it is one; else a TypeError or ValueError that says what to do."""
    text = _checked(key, "a session's key")
    if not 0 < len(text) <= KEY_MAX:
        raise ValueError(f"a session's key has 1 to {KEY_MAX} characters, not {len(text):,}: choose another one")
    return text


def checked_value(value: object) -> str:
    """The value, if a session can keep it; else a TypeError or ValueError that says what to do."""
    text = _checked(value, "a session's value")
    if len(text) > VALUE_MAX_BYTES or len(text.encode()) > VALUE_MAX_BYTES:
        raise ValueError(f"a session's value may have {VALUE_MAX_BYTES:,} bytes: keep more than that elsewhere, and its address here")
    return text


def no_room() -> ValueError:
    """A session that has all the keys it may have is given another one."""
    return ValueError(f"the session has {KEYS_MAX:,} keys, and takes no more: put what belongs together under one key, as JSON")


def _checked(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} is a string, not {type(value).__name__}: convert it, with json.dumps() for instance")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} has a lone surrogate, which is no character: take it out") from None
    return str(value)
