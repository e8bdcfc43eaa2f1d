from django.contrib import admin
from django.http import HttpResponse
from django.urls import path


def health(request):
    return HttpResponse("ok\n", content_type="text/plain")


def home(request):
    return HttpResponse("hello from {{app}}\n", content_type="text/plain")


urlpatterns = [
    path("{{health-path}}", health),
    path("admin/", admin.site.urls),
    path("", home),
]
