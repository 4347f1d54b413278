"""The program that is served: `uvicorn tests.failover.application:app`."""

from fastapi import FastAPI

from authingo import Auth

auth = Auth.from_config()
app = FastAPI(lifespan=auth.lifespan)
auth.install(app)
