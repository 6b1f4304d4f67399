"""What a project's other files say of its servers: lists of dependencies, base images, task queues."""

import codecs

import pytest

GUNICORN = "FROM python:3.11\nCMD gunicorn -w 4 app:app\n"


@pytest.fixture
def check(tmp_path, monkeypatch, cpuperf_command):
    """Return a function that writes files, checks them and returns the exit code and what is printed."""

    def run(**files):
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / name.replace("_dot_", ".")).write_bytes(data)
        monkeypatch.chdir(tmp_path)
        return cpuperf_command("check", "--isolated", "--no-cache", "--select", "CPU406", "--show-silenced")[:2]

    return run


@pytest.mark.parametrize(
    "list_of_all",
    [
        codecs.BOM_UTF16_LE + "flask\r\nonnxruntime==1.12.1\r\n".encode("utf-16-le"),  # PowerShell's >
        codecs.BOM_UTF8 + b"torch==2.13.0\n",
    ],
)
def test_dependencies_are_read_in_any_encoding(check, list_of_all):
    assert check(Dockerfile=GUNICORN, requirements_dot_txt=list_of_all)[0] == 1


def test_a_list_of_dependencies_that_is_no_text_says_nothing(check):
    code, out = check(Dockerfile=GUNICORN, requirements_dot_txt=b"torch\0\xff\n")
    assert (code, "nothing shows that the workers run models" in out) == (0, True)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("ultralytics/yolov5:latest-cpu", 1),
        ("tensorflow/tensorflow:2.8.0", 1),
        ("pytorch/pytorch", 1),
        ("registry.example.com/team/onnxruntime-api:3", 1),
        ("tensorflow/tensorflow:latest-gpu", 0),
        ("pytorch/pytorch:2.1.0-cuda12.1-cudnn8-runtime", 0),
        ("timmy/api", 0),
        ("team/flairs", 0),
    ],
)
def test_a_base_image_brings_its_library(check, image, code):
    assert check(Dockerfile=GUNICORN.replace("python:3.11", image))[0] == code


QUEUE = "from celery import Celery\nfrom transformers import pipeline\n"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"tasks_dot_py": QUEUE, "app_dot_py": "import fastapi\n"}, 0),
        ({"tasks_dot_py": QUEUE, "app_dot_py": "import fastapi\nfrom transformers import pipeline\n"}, 1),
    ],
)
def test_models_of_a_task_queue_are_not_the_servers(check, files, code):
    requirements = "fastapi\ncelery\ntransformers\n"
    assert check(Dockerfile=GUNICORN, requirements_dot_txt=requirements, **files)[0] == code
