"""Completion in real shells: what --install-completion installs, and what Tab then offers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command import COMMAND, Runner

# Each tries the words of its arguments, the last of them not finished, and prints what is offered.
BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_authingo_completion authingo
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
compdef() { }
_files() { }
_arguments() { print -rl -- ${${(z)${1#*\\(\\(}%%\\)\\)}} }
source $1; shift
words=("$@"); CURRENT=$#
_authingo_completion
"""
FISH = "source $argv[1]; complete -C (string join -- ' ' $argv[2..])"
SHELLS = {
    "bash": (["bash", "--norc", "-c", BASH, "bash"], ".bash_completions/authingo.sh"),
    "zsh": (["zsh", "-f", "-c", ZSH, "zsh"], ".zfunc/_authingo"),
    "fish": (["fish", "--no-config", "-c", FISH], ".config/fish/completions/authingo.fish"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_commands_options_and_names_of_events(bare: Runner, shell: str) -> None:
    """With a configuration that is broken: neither it nor a database is looked at."""
    if shutil.which(shell) is None:
        assert os.environ.get("AUTHINGO_REQUIRE_SHELLS") != "1", f"{shell} is not installed"
        pytest.skip(f"{shell} is not installed")
    run, installed = SHELLS[shell]
    bare.env["PATH"] = f"{Path(COMMAND).parent}:{bare.env['PATH']}"
    bare.env["AUTHINGO_CONFIG"] = "/nowhere/authingo.toml"

    def tried(*command: str) -> str:
        done = subprocess.run(
            command,
            env=bare.env,
            cwd=bare.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == ""
        return done.stdout

    # Not the only command, or the shell would give its place to it.
    tried(shell, "-c", "authingo --install-completion; true")
    script = bare.directory / installed
    assert tried(shell, "-c", "authingo --show-completion; true").strip() == (
        script.read_text().strip()
    )

    def offered(*words: str) -> set[str]:
        lines = tried(*run, str(script), "authingo", *words).splitlines()
        return {re.findall(r'^"?([\w-]*)', line)[0] for line in lines}  # the help follows

    assert offered("sess") >= {"sessions"}
    assert offered("users", "list", "--sea") >= {"--search"}
    names = offered("events", "list", "--event", "sign_")
    assert names == {"sign_up", "sign_in", "sign_in_failed", "sign_out"}
