"""IDs in UUID form, with the error texts of HashiCorp's parser."""


def uuid_fault(text: str) -> str:
    """What is wrong with ``text`` as a UUID, "" for a good one."""
    if len(text) != 36:
        return "uuid string is wrong length"
    if [at for at, char in enumerate(text) if char == "-"][:4] != [8, 13, 18, 23]:
        return "uuid is improperly formatted"
    digits = text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
    for char in digits:
        if char not in "0123456789abcdefABCDEF":
            return f"encoding/hex: invalid byte: U+{ord(char):04X} {char!r}"
    return ""
