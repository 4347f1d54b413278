"""The checks of `authingo doctor`, one module per subject. They print and change nothing."""
