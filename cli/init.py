"""`authingo init`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from . import output
from .files import write
from .running import command

# It may later contain a database password.
_PRIVATE = {"authingo.toml"}


@command
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write.", show_default=False)
    ] = Path(),
    *,
    react: Annotated[
        bool, typer.Option("--react", help="Add a React front end, built by Vite, in web/.")
    ] = False,
    pages: Annotated[
        bool,
        typer.Option("--pages", help="Render pages on the server, beside the ready-made ones."),
    ] = False,
    next_js: Annotated[
        bool, typer.Option("--next", help="Add a Next.js front end (app router), in web/.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the files.")] = False,
) -> None:
    """Write what a new project needs: configuration, a FastAPI program, tests, deployment.

    Nothing is overwritten: if one of the files exists, none is written.
    """
    from authingo.cli.errors import UsageError

    from .installed_from import installed_from
    from .project import FrontEnd, first_steps, name_of, project

    options: dict[FrontEnd, bool] = {"pages": pages, "react": react, "next": next_js}
    chosen = [kind for kind, is_chosen in options.items() if is_chosen]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other")
    source = installed_from()
    written = project(name_of(directory), chosen[0] if chosen else "plain", source)
    targets = {directory / name: text for name, text in written.items()}
    _refuse_conflicts(directory, list(targets), force=force)
    for target, text in targets.items():
        if not dry_run:
            write(target, text.encode(), private=target.name in _PRIVATE)
        output.data(output.plain(str(target)))
    if dry_run:
        output.note("nothing was written")
        return
    if source.credentials_left_out:
        output.note(
            "\nrequirements.txt has the URL that authingo came from, without its credentials:\n"
            "let git, ssh or a .netrc file supply them."
        )
    output.note(f"\n{_from_here(first_steps(written['README.md']), directory)}\n")
    output.note("README.md has these steps too, and the next ones.")


def _from_here(steps: str, directory: Path) -> str:
    """Make README.md's steps start in the directory where `init` was called."""
    if directory == Path():
        return steps
    quoted = output.plain(shlex.quote(str(directory)))
    in_web = steps.replace("    cd web\n", f"    cd {quoted}/web\n")
    return f"    cd {quoted}\n{in_web}"


def _refuse_conflicts(directory: Path, targets: list[Path], *, force: bool) -> None:
    from authingo.cli.errors import FileConflict

    for parent in {directory, *(target.parent for target in targets)}:
        blocked = next((one for one in (parent, *parent.parents) if _is_no_directory(one)), None)
        if blocked is not None:
            raise FileConflict(f"{blocked} is not a directory", hint="choose another directory")
    below = {parent for one in targets for parent in one.parents} - {directory, *directory.parents}
    links = sorted(one for one in {*targets, *below} if one.is_symlink())
    if links:
        raise FileConflict(
            f"refusing to write through a symbolic link: {', '.join(map(str, links))}",
            hint="remove the link",
        )
    there = [target for target in targets if target.exists()]
    if there and not force:
        raise FileConflict(
            f"these files exist: {', '.join(map(str, there))}",
            hint="use --force to overwrite them, or choose another directory",
        )


def _is_no_directory(path: Path) -> bool:
    return path.exists() and not path.is_dir()
