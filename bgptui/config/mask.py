"""Hides passwords before a setting or an error is shown."""

import re

MASK = "***"

# scheme://user:PASSWORD@host. Up to the last @, since a password that was not percent-encoded
# may hold one: hiding too much is the safe mistake.
_URL_PASSWORD = re.compile(r"(\w[\w+.-]*://[^:@/?#\s\[\]]*):.*@")
# password=... as libpq's keyword (quoted or bare) and as a URL's parameter.
_NAMED_SECRET = re.compile(
    r"(?i)\b((?:\w*password|passwd|pwd|\w*secret|\w*token|api_?key)\s*=\s*)"
    r"('(?:[^'\\]|\\.)*'?|[^\s&']+)"
)


def mask(text: str) -> str:
    """`text` with the passwords of DSNs and URLs replaced by ***.

    Knows `postgresql://user:secret@host/db`, `host=db password=secret`, `?password=secret`
    (libpq's "Connection Strings"), and secrets in the parameters of any URL.
    """
    hidden = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
    return _NAMED_SECRET.sub(rf"\1{MASK}", hidden)
