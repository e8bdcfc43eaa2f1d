"""The worker: takes queued jobs, one after the other, until it is told to stop."""
import logging
import signal
import socket
import threading

from django.core.management.base import BaseCommand

from app.models import Job
from app.monitoring import event, metric

log = logging.getLogger("worker")


def work(text):
    """What a job does: counts the words. `fail` fails, so that failures can be seen."""
    if text == "fail":
        raise ValueError("this job was asked to fail")
    return f"{len(text.split())} words, {len(text)} characters"


def process_one(worker):
    """Processes the oldest queued job; returns whether there was one."""
    job = Job.take(worker)
    if job is None:
        return False
    try:
        job.finish(Job.DONE, work(job.text))
    except Exception as error:  # a job's failure is the job's, not the worker's
        job.finish(Job.FAILED, str(error))
        event("job failed", f"job {job.id}: {error}", "error")
    log.info("job %d %s: %s", job.id, job.state, job.result)
    metric("managr.jobs.finished", 1, state=job.state)
    return True


class Command(BaseCommand):
    help = "Process background jobs until SIGTERM"

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="process what is queued, then end")

    def handle(self, *, once, **_):
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        worker = socket.gethostname()
        log.info("processing jobs as %s", worker)
        while not stop.is_set():
            if not process_one(worker):
                if once:
                    return
                stop.wait(0.5)
        log.info("stopped")
