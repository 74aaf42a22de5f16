"""Reads ``/metrics`` as Prometheus does."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.support.client import Api


class Scrape:
    """The samples of one scrape."""

    def __init__(self, api: Api) -> None:
        response = api.get("//metrics")
        assert response.status_code == 200, response.text
        self.text = response.text
        self._samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }

    def get(self, name: str, **labels: str) -> float | None:
        """The value of ``pitboss_<name>`` with exactly these labels."""
        return self._samples.get((f"pitboss_{name}", tuple(sorted(labels.items()))))

    def total(self, name: str, **labels: str) -> float:
        """The sum over all that have these labels, and others."""
        return sum(
            value
            for (found, has), value in self._samples.items()
            if found == f"pitboss_{name}" and set(labels.items()) <= set(has)
        )

    def held(self, name: str) -> set[str]:
        """The label values that are 1."""
        return {
            has[0][1]
            for (found, has), value in self._samples.items()
            if found == f"pitboss_{name}" and value == 1 and has
        }
