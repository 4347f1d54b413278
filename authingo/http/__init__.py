"""HTTP without a framework: the routes, their checks, bodies, replies and cookies."""
