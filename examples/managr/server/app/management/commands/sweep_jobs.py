"""A scheduled task: removes finished jobs that nobody looks at any more."""
import datetime
import logging

from django.core.management.base import BaseCommand
from django.utils import timezone

from app.models import Job, ScheduledRun
from app.monitoring import metric, service_check

log = logging.getLogger("sweep_jobs")


class Command(BaseCommand):
    help = "Remove jobs that finished more than --older-than minutes ago"

    def add_arguments(self, parser):
        parser.add_argument("--older-than", type=int, default=60, metavar="MINUTES")

    def handle(self, *, older_than, **_):
        before = timezone.now() - datetime.timedelta(minutes=older_than)
        removed, _ = Job.objects.filter(finished_at__lt=before).delete()
        said = f"removed {removed} jobs, {Job.objects.count()} remain"
        ScheduledRun.objects.update_or_create(name="sweep_jobs", defaults={"ran_at": timezone.now(), "said": said})
        log.info("%s", said)
        metric("managr.jobs.swept", removed)
        service_check("managr.sweep", 0)
