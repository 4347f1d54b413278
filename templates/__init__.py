"""What `authingo init` writes; each folder mirrors what it generates.

`fastapi` is always written, and one of `plain`, `pages`, `react` and `next` on top of it. With
`react` and `next` come `shared`, the components that both have, and `client`, which
`npm run carry` in react/ builds from its sources.
"""
