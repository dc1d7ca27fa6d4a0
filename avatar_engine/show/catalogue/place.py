"""Where a catalogue is, as a show's front matter says it: a file or an address, and options behind it.

    catalogue: shop.csv
    catalogue: products_export.csv currency=EUR
    catalogue: https://shop.example/feed.xml every=30s language=de
    catalogue: https://shop.example/products.json currency=EUR
    catalogue: https://shop.example/feed.xml key_env=FEED_KEY
    catalogue: https://shop.example/feed.xml?token={key} key_env=FEED_KEY

``every``     how often an address is read, from 5s to 24h (60s)
``currency``  ISO 4217, of prices that have none: Shopify tells no currency
``language``  of the texts, where the feed does not say it
``key_env``   the environment variable with the key of a private feed. It goes where ``{key}`` stands in the address,
              else into the header: as ``user:password`` (Basic), or as a token (Bearer). It is in no log.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from babel.numbers import is_currency

from avatar_engine import settings
from avatar_engine.errors import AvatarError
from avatar_engine.show.front_matter import read_duration

EVERY, SHORTEST, LONGEST_WAIT = 60.0, 5.0, 86_400.0
"""Seconds between two looks at an address: as a rule, at least and at most."""

OPTIONS = ("every", "currency", "language", "key_env")

_OPTION = re.compile(r"\s+(?P<name>[A-Za-z_]+)=(?P<value>\S+)\s*$")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a catalogue is (see the module).

    Attributes:
        location: File, or address as it is written, with ``{key}``.
        every: Seconds between two looks at an address.
        currency: Of prices that have none.
        language: Of texts of which it is not told.
        key_env: Variable that holds the key; "" for none.
    """

    location: str
    every: float = EVERY
    currency: str = ""
    language: str = ""
    key_env: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is an address."""
        return bool(_SCHEME.match(self.location))

    @property
    def shown(self) -> str:
        """What people and logs may see of it: an address without its query, which may hold a key."""
        return self.location.partition("?")[0].partition("#")[0] if self.remote else self.location

    @property
    def key(self) -> str:
        """The key, from the environment; "" where none is needed.

        Raises:
            AvatarError: The variable is not set, or holds no key.
        """
        return settings.key(self.key_env, self.shown)

    def address(self) -> str:
        """The address that is asked, with the key in it.

        Raises:
            AvatarError: See `key`.
        """
        return self.location.replace("{key}", quote(self.key, safe=""))

    def headers(self) -> Mapping[str, str]:
        """What is sent to the address's own server alone.

        Raises:
            AvatarError: See `key`.
        """
        key = self.key
        if not key or "{key}" in self.location:
            return {}
        basic = f"Basic {base64.b64encode(key.encode()).decode()}"
        return {"Authorization": basic if ":" in key else f"Bearer {key}"}


def read_place(text: str) -> Place:
    """The place that a front matter names.

    Raises:
        AvatarError: An option is wrong, or the address is.
    """
    location, options = text.strip(), dict[str, str]()
    remote = bool(_SCHEME.match(location))
    shown = _shown(location) if remote else text
    while found := _OPTION.search(location):
        if found["name"] not in OPTIONS:
            if not remote:
                break  # a file may be called so
            raise _wrong(shown, f"there is no option {found['name']!r}; there are {', '.join(OPTIONS)}")
        options[found["name"]] = found["value"]
        location = location[: found.start()]
    if remote:
        _check_address(location, "key_env" in options)
    elif "key_env" in options or "every" in options:
        raise _wrong(shown, "every and key_env are for addresses; a file is read anew when it changes")
    try:
        every = read_duration(options.get("every", "60s"), LONGEST_WAIT)
    except ValueError as error:
        raise _wrong(shown, f"every={options['every']} {error}") from None
    if every < SHORTEST:
        raise _wrong(shown, f"every={options['every']} is too often: {SHORTEST:g}s at least")
    currency, language = options.get("currency", "").upper(), options.get("language", "")
    if currency and not is_currency(currency):
        raise _wrong(shown, f"currency={currency} is none of ISO 4217, such as EUR")
    if language and not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", language):
        raise _wrong(shown, f"language={language} is no language tag such as en or pt-BR")
    return Place(location, every, currency, language.partition("-")[0].lower(), options.get("key_env", ""))


def _check_address(location: str, keyed: bool) -> None:
    """See that an address can be asked, and gives no key away.

    Raises:
        AvatarError: It is not so.
    """
    shown = _shown(location)
    try:
        parts = urlsplit(location)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _wrong(shown, "this is no address") from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", location):
        raise _wrong(shown, "an address begins with http:// or https:// and names a host")
    if parts.username or parts.password:
        raise _wrong(shown, "an address holds no password: put user:password into a variable, key_env=NAME")
    if "{key}" in location and not keyed:
        raise _wrong(shown, "{key} stands in the address: name the variable that holds it, key_env=NAME")
    if "{key}" in location.partition("?")[0]:
        raise _wrong(shown, "{key} may stand behind the question mark alone, where no log shows it")
    if keyed and parts.scheme == "http" and host not in _HERE:
        raise _wrong(shown, "over http:// everybody on the way can read the key: write https://")


def _shown(address: str) -> str:
    """An address without what may be a password or a key, which an error must not show."""
    bare = address.partition("?")[0]
    return bare.partition("@")[2] or bare


def _wrong(text: str, what: str) -> AvatarError:
    return AvatarError(
        f"catalogue: {text!r}: {what}.",
        "Write catalogue: FILE or catalogue: ADDRESS, and behind it options such as every=60s currency=EUR.",
    )


__all__ = ["OPTIONS", "Place", "read_place"]
