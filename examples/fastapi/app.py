"""A FastAPI application with the gateway in it."""

from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from gateway import create_app

gateway = create_app(Path(__file__).parent / "gateway.toml")


@asynccontextmanager
async def lifespan(_app):
    """What the host opens and closes, and the gateway's own."""
    async with gateway.lifespan():
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health():
    return {"ok": True}


app.mount("/api", gateway)
