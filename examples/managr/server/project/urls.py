"""Which address is answered by which view."""
from django.urls import path

from app import views

urlpatterns = [
    path("", views.index),
    path("health-check", views.health_check),
    path("jobs", views.jobs),
]
