"""Jobs and scheduled runs."""
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(max_length=200)),
                ("state", models.CharField(db_index=True, default="queued", max_length=10)),
                ("result", models.CharField(default="", max_length=200)),
                ("worker", models.CharField(default="", max_length=100)),
                ("queued_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ScheduledRun",
            fields=[
                ("name", models.CharField(max_length=50, primary_key=True, serialize=False)),
                ("ran_at", models.DateTimeField()),
                ("said", models.CharField(max_length=200)),
            ],
        ),
    ]
