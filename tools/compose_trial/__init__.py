"""Tries the deployment of docker-compose.yml on a real engine."""
