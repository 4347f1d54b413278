"""A FastAPI program with authentication. Run it: uvicorn main:app --reload"""

from authingo import Auth
from authingo.fastapi import CurrentUser, OptionalUser
from fastapi import FastAPI

auth = Auth.from_config()  # authingo.toml and AUTHINGO_* variables
app = FastAPI(lifespan=auth.lifespan)
auth.install(app)  # the routes at /api/auth, CORS, error answers


@app.get("/api/hello")
async def hello(user: OptionalUser) -> dict[str, str]:
    """Greet anybody."""
    return {"hello": user.name if user else "stranger"}


@app.get("/api/me")
async def me(user: CurrentUser) -> dict[str, str]:
    """Answer nobody but the signed-in user."""
    return {"id": user.id, "email": user.email, "name": user.name}
