"""What a trial of the deployment ran on, for the head of its transcript."""

import os
import time

from tools.compose_trial.shell import said

POSTGRES_IMAGE, QUEUE_IMAGE = "postgres:17", "valkey/valkey:8"
IMAGES = ("python:3.13-slim", POSTGRES_IMAGE, QUEUE_IMAGE)
PROXY_IMAGE = "caddy:2.11.7"
NEXT_POSTGRES_IMAGE = "postgres:18"
ENGINE_VERSION = "docker version --format '{{.Server.Version}}'"


def is_there(image: str) -> bool:
    """Whether the engine has it, or can pull it."""
    return bool(
        said(
            f"docker image inspect --format ok {image} || (docker pull --quiet {image} && echo ok) 2>/dev/null"
        )
    )


def headline(*, proxy: bool) -> list[str]:
    """Which release was tried, on which engine, with which base images."""
    images = [*IMAGES, *([PROXY_IMAGE] if proxy else [])]
    if is_there(NEXT_POSTGRES_IMAGE):
        images.append(NEXT_POSTGRES_IMAGE)
    made_here = [
        image
        for image in images
        if said("docker image inspect --format '{{len .RepoDigests}}' " + image) in ("", "0")
    ]
    pulled = [image for image in images if image not in made_here]
    lines = [
        "Written by `script/try-compose`; run it again to see for yourself. Lines with `#` say what it found.",
        f"Pitboss {said('git describe --always --dirty=-changed')}, {time.strftime('%Y-%m-%d')}; engine {said(ENGINE_VERSION)},"
        f" Compose {said('docker compose version --short')}, {os.cpu_count()} cores.",
    ]
    if made_here:
        lines.append(
            f"Base images that came from no registry, but were made on the machine under the public name: {', '.join(made_here)}."
            " They stand in for the real ones; what those do differently was not tried."
        )
    if pulled:
        lines.append(f"Base images from a registry: {', '.join(pulled)}.")
    return lines
