"""The pages."""
import json
import os

from django.conf import settings
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from app.metadata import whereabouts
from app.models import Job, ScheduledRun
from app.monitoring import metric

# What proves the way of a request: who adds which header.
WAY = [
    ("balancer", "X-Forwarded-For"),
    ("balancer", "X-Forwarded-Proto"),
    ("balancer", "X-Amzn-Trace-Id"),
    ("nginx", "Via"),
    ("nginx", "X-Proxy"),
]


def facts(request):
    """Returns what the page shows; of a secret only that it is there."""
    return {
        "greeting": settings.APP_GREETING,
        "debug": settings.DEBUG,
        "secret_key": f"present, {len(settings.SECRET_KEY)} characters",
        "dd_api_key": "present" if os.environ.get("DD_API_KEY") else "not given to this container",
        "way": [{"by": by, "header": name, "value": request.headers.get(name, "")} for by, name in WAY],
        "server": request.META.get("SERVER_SOFTWARE", ""),
        **whereabouts(),
    }


@require_safe
def index(request):
    shown = facts(request)
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse(shown)
    runs = ScheduledRun.objects.order_by("name")
    return render(request, "app/index.html", {"facts": shown, "runs": runs, "jobs": Job.objects.order_by("-id")[:10]})


@require_safe
def health_check(_request):
    """Healthy means that a request gets as far as the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM app_job")
    return HttpResponse("ok\n", content_type="text/plain")


# The example has no accounts, so there is no session that a forged request could misuse.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def jobs(request):
    """GET lists the newest jobs and the scheduled runs; POST queues a job ({"text": "..."} or a form)."""
    if request.method == "POST":
        try:
            text = str(json.loads(request.body)["text"]) if request.content_type == "application/json" else None
        except (ValueError, KeyError, TypeError):
            return JsonResponse({"error": 'send {"text": "..."}'}, status=400)
        text = (text if text is not None else request.POST.get("text", "")).strip()
        if not 0 < len(text) <= 200:
            return JsonResponse({"error": "text has 1 to 200 characters"}, status=400)
        job = Job.objects.create(text=text)
        metric("managr.jobs.queued", 1)
        return JsonResponse(job.as_dict(), status=201)
    return JsonResponse(
        {
            "jobs": [job.as_dict() for job in Job.objects.order_by("-id")[:50]],
            "scheduled": [run.as_dict() for run in ScheduledRun.objects.order_by("name")],
        }
    )
