"""What the pages answer."""
import datetime
import json
import os
from unittest import mock

from django.conf import settings
from django.core.management import call_command
from django.test import TestCase
from django.utils import timezone

from app import metadata
from app.management.commands.process_jobs import process_one
from app.models import Job, ScheduledRun


class Pages(TestCase):
    def test_the_first_page_shows_the_way_and_the_task_and_never_a_secret(self):
        where = {"task": "abc123", "family": "fam", "revision": "7", "cluster": "c", "container": "managr-app"}
        with mock.patch("app.views.whereabouts", return_value=where), mock.patch.dict(os.environ, DD_API_KEY="k3y"):
            page = self.client.get("/", HTTP_X_AMZN_TRACE_ID="Root=1-a-b", HTTP_VIA="1.1 proxy").content.decode()
            facts = self.client.get("/", HTTP_ACCEPT="application/json").content.decode()
        for expected in ("abc123", "managr-app", "fam:7", "Root=1-a-b", "1.1 proxy", settings.APP_GREETING):
            self.assertIn(expected, page)
        for text in (page, facts):
            self.assertNotIn(settings.SECRET_KEY, text)
            self.assertNotIn("k3y", text)
        self.assertEqual(json.loads(facts)["secret_key"], f"present, {len(settings.SECRET_KEY)} characters")

    def test_the_health_check_reaches_the_database(self):
        self.assertEqual(self.client.get("/health-check").status_code, 200)

    def test_a_job_is_queued_from_json_and_from_a_form(self):
        answer = self.client.post("/jobs", {"text": "one two"}, content_type="application/json")
        self.assertEqual((answer.status_code, answer.json()["state"]), (201, "queued"))
        self.assertEqual(self.client.post("/jobs", {"text": "three"}).status_code, 201)
        self.assertEqual([job["text"] for job in self.client.get("/jobs").json()["jobs"]], ["three", "one two"])

    def test_a_job_without_a_usable_text_is_refused(self):
        for body in ("[]", "{", '{"text": ""}', json.dumps({"text": "x" * 201})):
            answer = self.client.post("/jobs", body, content_type="application/json")
            self.assertEqual(answer.status_code, 400, body)
        self.assertEqual(Job.objects.count(), 0)


class Background(TestCase):
    def test_the_oldest_job_is_taken_once(self):
        Job.objects.create(text="a b")
        Job.objects.create(text="c")
        self.assertEqual(Job.take("w1").text, "a b")
        self.assertEqual(Job.take("w2").text, "c")
        self.assertIsNone(Job.take("w3"))

    def test_a_failing_job_fails_alone(self):
        Job.objects.create(text="fail")
        Job.objects.create(text="a b")
        while process_one("w"):
            pass
        self.assertEqual(list(Job.objects.order_by("id").values_list("state", flat=True)), [Job.FAILED, Job.DONE])

    def test_the_sweep_removes_what_finished_long_ago_and_says_so(self):
        long_ago = timezone.now() - datetime.timedelta(minutes=90)
        Job.objects.create(text="old", state=Job.DONE, finished_at=long_ago)
        Job.objects.create(text="new", state=Job.DONE, finished_at=timezone.now())
        Job.objects.create(text="queued", queued_at=long_ago)
        call_command("sweep_jobs", "--older-than", "60")
        self.assertEqual(list(Job.objects.order_by("id").values_list("text", flat=True)), ["new", "queued"])
        self.assertEqual(ScheduledRun.objects.get(name="sweep_jobs").said, "removed 1 jobs, 2 remain")


class Whereabouts(TestCase):
    def setUp(self):
        mock.patch.object(metadata, "_known", None).start()
        self.addCleanup(mock.patch.stopall)

    def test_without_an_endpoint_every_value_is_none(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("ECS_CONTAINER_METADATA_URI_V4", None)
            self.assertEqual(set(metadata.whereabouts().values()), {"none"})
        with mock.patch.dict(os.environ, ECS_CONTAINER_METADATA_URI_V4="http://127.0.0.1:1/v4/x"):
            self.assertEqual(set(metadata.whereabouts().values()), {"none"})
