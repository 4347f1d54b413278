"""What `authingo init` writes; each folder mirrors what it generates.

`fastapi` is always written; `react` or `next` come on top of it, and then `shared`, the
components that both have, and `client`, which `npm run carry` in react/ builds from its sources.
"""
