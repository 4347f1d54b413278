"""The `authingo` command. One file a command group; `main` is the tree."""
