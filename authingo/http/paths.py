"""Find authingo's part of a URL's path, after mounts, a proxy's prefix, and the base path.

`root_path` is the part of the browser's path above an application: the prefix that a proxy
strips, as set by `uvicorn --root-path` or `FastAPI(root_path=...)`, and the prefixes of the
mounts around it. Servers put it into `path` too (as the ASGI
specification asks, and uvicorn does since 0.26), `FastAPI(root_path=...)` does not.
`base_path` is what the browser sees, so it begins with `root_path`.
"""

from __future__ import annotations

from authingo.asgi import Scope


def path_below(scope: Scope) -> str:
    """Return the path below `root_path`, whether `path` begins with that or not."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if not root:
        return path
    # Starlette's mounts record which part of root_path existed before them. With
    # FastAPI(root_path=...), `path` lacks that part but still has the mounts' prefixes.
    mounts = root.removeprefix(scope.get("app_root_path", root))
    for prefix in (root, mounts):
        if prefix and (path == prefix or path.startswith(prefix + "/")):
            return path[len(prefix) :]
    return path


def base_below(base: str, root: str) -> str | None:
    """Return the base path as seen by an application below `root_path`.

    It is "" if the application is mounted at the base path, and None if the base path
    does not begin with `root_path`.
    """
    root = root.rstrip("/")
    if base == root or base.startswith(root + "/"):
        return base[len(root) :]
    return None
