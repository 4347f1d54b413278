"""A FastAPI program with authentication. README.md says how to run it."""

# only with plain, react
from pathlib import Path

# end
from authingo import Auth
from authingo.fastapi import CurrentUser, OptionalUser
from fastapi import FastAPI

# only with plain, react
from pages import Pages
# end

auth = Auth.from_config()  # authingo.toml and AUTHINGO_* variables
app = FastAPI(title="My application", lifespan=auth.lifespan)
auth.install(app)  # the routes at /api/auth, CORS, error answers


@app.get("/api/hello")
async def hello(user: OptionalUser) -> dict[str, str]:
    """Greet the user, or a stranger."""
    return {"hello": user.name if user else "stranger"}


@app.get("/api/me")
async def me(user: CurrentUser) -> dict[str, str]:
    """Answer the signed-in user only."""
    return {"id": user.id, "email": user.email, "name": user.name}


# only with plain
# After every route, because it takes each path that is left.
app.mount("/", Pages(Path(__file__).parent / "page"))
# end
# only with react
# What `npm run build` makes. After every route, because it takes each path that is left.
built = Path(__file__).parent / "web" / "dist"
if built.is_dir():
    app.mount("/", Pages(built))
# end
