"""`authingo init`."""

from __future__ import annotations

import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from . import output
from .files import write
from .running import command

# It may come to hold the password of a database.
_PRIVATE = {"authingo.toml"}
# What the address bar shows in development: each is where its own server listens. Set, because
# Next.js puts its own address into Host, and Safari wants it to take cookies over http.
_PUBLIC_URLS = {"react": "http://localhost:5173", "next": "http://localhost:3000"}
_UNSET = b'# public_url = "https://example.com"'


@command
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write.", show_default=False)
    ] = Path(),
    *,
    react: Annotated[
        bool, typer.Option("--react", help="With a React front end, built by Vite, in web/.")
    ] = False,
    next_js: Annotated[
        bool, typer.Option("--next", help="With a Next.js front end (app router), in web/.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only name the files.")] = False,
) -> None:
    """Write what a new project needs: configuration, a FastAPI program, deployment.

    Nothing is overwritten: if one of the files is there already, none is written.
    """
    from authingo.errors import UsageError

    if react and next_js:
        raise UsageError("--react and --next exclude each other")
    front_end = "react" if react else "next" if next_js else None
    targets = {directory / name: content for name, content in _project(front_end).items()}
    _refuse_conflicts(directory, list(targets), force=force)
    for target, content in targets.items():
        if not dry_run:
            write(target, content, private=target.name in _PRIVATE)
        output.data(str(target))
    if dry_run:
        output.note("nothing was written")
        return
    enter = f"    cd {shlex.quote(str(directory))}\n" if directory != Path() else ""
    if front_end:
        beside = (
            "\nand in a second terminal, beside it:\n\n"
            f"    cd {shlex.quote(str(directory / 'web'))}\n    npm install\n    npm run dev\n\n"
            f"Then open {_PUBLIC_URLS[front_end]}. "
            "README.md and web/README.md say how it goes on."
        )
    else:
        beside = "\nREADME.md says how it goes on."
    output.note(
        f"\nNext:\n\n{enter}"
        "    authingo migrate\n"
        "    authingo users create you@example.com\n"
        f"    uvicorn main:app --reload\n{beside}"
    )


def _project(front_end: str | None) -> dict[str, bytes]:
    """Return the content of every file by its name below the directory."""
    folders = ["fastapi", "shared", "client", front_end] if front_end else ["fastapi"]
    templates = files("authingo.templates")
    found = {
        name: source.read_bytes()
        for folder in folders
        for name, source in _templates(templates.joinpath(folder)).items()
    }
    if front_end:
        public_url = f'public_url = "{_PUBLIC_URLS[front_end]}"  # in development'.encode()
        found["authingo.toml"] = found["authingo.toml"].replace(_UNSET, public_url)
    return found


def _templates(folder: Traversable, prefix: str = "") -> dict[str, Traversable]:
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            if entry.name != "__pycache__":
                found.update(_templates(entry, f"{prefix}{entry.name}/"))
        elif not entry.name.endswith(".pyc"):
            found[prefix + entry.name] = entry
    return found


def _refuse_conflicts(directory: Path, targets: list[Path], *, force: bool) -> None:
    from authingo.errors import FileConflict

    for parent in {directory, *(target.parent for target in targets)}:
        blocked = next((one for one in (parent, *parent.parents) if _is_no_directory(one)), None)
        if blocked is not None:
            raise FileConflict(f"{blocked} is not a directory", hint="name another directory")
    links = [target for target in targets if target.is_symlink()]
    if links:
        raise FileConflict(
            f"not written through a symbolic link: {', '.join(map(str, links))}",
            hint="remove the link",
        )
    there = [target for target in targets if target.exists()]
    if there and not force:
        raise FileConflict(
            f"already there: {', '.join(map(str, there))}",
            hint="--force overwrites them; another directory leaves them alone",
        )


def _is_no_directory(path: Path) -> bool:
    return path.exists() and not path.is_dir()
