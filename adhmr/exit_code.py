"""What a finished run says about bad items."""

SOME_BAD, FAILED = 3, 2


def exit_code(bad: int, strict: bool) -> int:
    """0: all was well. 3: the run finished, some items were bad and are listed. 2: the same, when bad items are not allowed."""
    if not bad:
        return 0
    return FAILED if strict else SOME_BAD
