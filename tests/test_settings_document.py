"""docs/settings.md has every setting, with the default that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from authingo.capabilities import capabilities
from authingo.config import Settings, settings_from

DOCUMENT = (Path(__file__).parent.parent / "docs/settings.md").read_text()
ROWS = re.findall(r"^\| `([a-z_.]+)` \| (\S+) \| ([^|]+) \| ([^|]+) \|$", DOCUMENT, re.MULTILINE)


def flat(settings: Settings) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in msgspec.structs.asdict(settings).items():
        if isinstance(value, msgspec.Struct):
            found |= {f"{key}.{name}": one for name, one in msgspec.structs.asdict(value).items()}
        else:
            found[key] = value
    del found["capabilities"], found["directory"], found["profile_class"]
    for one in capabilities():
        read = settings.of(one.settings)  # type: ignore[type-var]
        fields = msgspec.structs.fields(read)
        found |= {f"{one.name}.{field.encode_name}": getattr(read, field.name) for field in fields}
    return found


def test_it_has_every_setting_and_its_default() -> None:
    """What stands there as the default, written into the file, is the default."""
    defaults = flat(Settings())
    assert sorted(row[0] for row in ROWS) == sorted(defaults)
    for name, default, unit, reason in ROWS:
        assert len(unit) > 5, name
        assert len(reason) > 20, name
        if default == "unset":
            assert defaults[name] is None, name
            continue
        group, _, key = name.rpartition(".")
        value = default.strip("`").strip('"')
        read = flat(settings_from({group: {key: value}} if group else {key: value}))
        assert read[name] == defaults[name], name


def test_the_examples_of_values_are_read() -> None:
    booleans, durations, lists, _ = re.findall(
        r"^\| (?:yes|a).* \| (.+) \|$", DOCUMENT, re.MULTILINE
    )
    for word in re.findall(r"`(\w+)`", booleans):
        assert settings_from({"sign_up": word}).sign_up in {True, False}
    examples = re.findall(r'`"?([^`"]+)"?`', durations)
    assert len(examples) == 8
    for text in examples:
        lives = {"session_lifetime": text, "refresh_lifetime": "60d"}
        assert settings_from({"sessions": lives}).sessions.session_lifetime.total_seconds() > 0
    for text in re.findall(r"`([^`]+)`", lists):
        networks = text.replace("a", "10.0.0.1").replace("b", "10.0.0.2")
        assert len(settings_from({"trusted_proxies": networks}).trusted_proxies) == 2
