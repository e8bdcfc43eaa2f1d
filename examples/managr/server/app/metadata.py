"""Which task and container this process runs in, from the task metadata endpoint (version 4)."""
import json
import os
import urllib.request

_known = None


def whereabouts():
    """Returns the task's id, family, revision and cluster, and this container's name.

    Asked for once; where there is no endpoint, or it does not answer, every value is "none".
    """
    global _known
    if _known is None:
        try:
            _known = _ask(os.environ["ECS_CONTAINER_METADATA_URI_V4"])
        except (KeyError, OSError, ValueError):
            return dict.fromkeys(("task", "family", "revision", "cluster", "container"), "none")
    return _known


def _ask(base):
    def get(path):
        with urllib.request.urlopen(base + path, timeout=2) as answer:
            return json.load(answer)

    container, task = get(""), get("/task")
    return {
        "task": str(task.get("TaskARN", "none")).rsplit("/", 1)[-1],
        "family": str(task.get("Family", "none")),
        "revision": str(task.get("Revision", "none")),
        "cluster": str(task.get("Cluster", "none")).rsplit("/", 1)[-1],
        "container": str(container.get("Name", "none")),
    }
