"""Background jobs and the last runs of scheduled tasks."""
from django.db import models
from django.utils import timezone


class Job(models.Model):
    """One piece of background work; the worker takes the oldest that is queued."""

    QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"

    text = models.CharField(max_length=200)
    state = models.CharField(max_length=10, default=QUEUED, db_index=True)
    result = models.CharField(max_length=200, default="")
    worker = models.CharField(max_length=100, default="")
    queued_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    @classmethod
    def take(cls, worker):
        """Returns the oldest queued job, now this worker's, or None. Two workers never get the same one."""
        for job_id in cls.objects.filter(state=cls.QUEUED).order_by("id").values_list("id", flat=True)[:10]:
            mine = cls.objects.filter(id=job_id, state=cls.QUEUED).update(state=cls.RUNNING, worker=worker)
            if mine:
                return cls.objects.get(id=job_id)
        return None

    def finish(self, state, result):
        self.state, self.result, self.finished_at = state, result[:200], timezone.now()
        self.save()

    def as_dict(self):
        return {
            "id": self.id,
            "text": self.text,
            "state": self.state,
            "result": self.result,
            "worker": self.worker,
            "queued_at": self.queued_at.isoformat(),
            "finished_at": self.finished_at and self.finished_at.isoformat(),
        }


class ScheduledRun(models.Model):
    """When a scheduled task last ran, and what it said."""

    name = models.CharField(max_length=50, primary_key=True)
    ran_at = models.DateTimeField()
    said = models.CharField(max_length=200)

    def as_dict(self):
        return {"name": self.name, "ran_at": self.ran_at.isoformat(), "said": self.said}
