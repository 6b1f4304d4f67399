"""Servers with several workers, wherever they are started, and what shares the CPUs out among them."""

import codecs

import pytest

GUNICORN = 'CMD ["gunicorn", "-w", "4", "app:app"]\n'


def check(pytester, *arguments):
    result = pytester.run("cpuperf", "check", "--isolated", "--no-cache", "--select", "CPU406", *arguments)
    assert "Traceback" not in result.stderr.str()
    return result


def project(pytester, requirements="fastapi\ntorch==2.13.0\n", **files):
    for name, text in files.items():
        (pytester.path / name.replace("_dot_", ".")).write_text(text)
    (pytester.path / "requirements.txt").write_text(requirements)


@pytest.mark.parametrize(
    "command",
    [
        'CMD ["gunicorn", "-w", "4", "app:app"]',
        "CMD gunicorn --workers=4 app:app",
        "CMD cd /app && exec /usr/local/bin/gunicorn -w4 app:app",
        'CMD ["sh", "-c", "uvicorn app:app --workers 4"]',
        'ENTRYPOINT ["gunicorn", "app:app"]\nCMD ["-w", "4"]',
        "ENV WEB_CONCURRENCY=4\nCMD uvicorn app:app",
        'ENV GUNICORN_CMD_ARGS="--workers=4"\nCMD gunicorn app:app',
        "ENV N=4\nCMD gunicorn -w $N app:app",
        "ARG N=4\nCMD gunicorn -w ${N} app:app",
        "CMD gunicorn -w ${N:-4} app:app",
        "CMD gunicorn \\\n  # four of them\n  --workers 4 \\\n  app:app",
        "RUN <<EOF\necho CMD gunicorn -w 1\nEOF\nCMD gunicorn -w 4 app:app",
        "CMD python -m uvicorn app:app --workers 4",
    ],
)
def test_a_dockerfile_is_reported_where_its_project_runs_models(pytester, command):
    project(pytester, Dockerfile=f"FROM python:3.11\nCOPY requirements.txt .\n{command}\n")
    result = check(pytester)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["Dockerfile:*CPU406*4 workers*"])


@pytest.mark.parametrize("count", ["$(nproc)", "$((2 * $(nproc) + 1))"])
def test_as_many_workers_as_cpus_are_several(pytester, count):
    project(pytester, Procfile=f"web: gunicorn -w {count} app:app\n")
    result = check(pytester)
    result.stdout.fnmatch_lines(["Procfile:1:*CPU406*as many workers as CPUs*"])


@pytest.mark.parametrize(
    ("dockerfile", "reason"),
    [
        ("CMD gunicorn -w 1 app:app", "it has one worker"),
        ("CMD uvicorn app:app --reload --workers 4", "it has one worker"),
        ("CMD gunicorn -w $WORKERS app:app", "comes from elsewhere"),
        ("ENV OMP_NUM_THREADS=2\nCMD gunicorn -w 4 app:app", "threads are set: OMP_NUM_THREADS"),
        ("CMD numactl -N 0 gunicorn -w 4 app:app", "threads are set: numactl"),
        ("FROM nvidia/cuda:12.4\nCMD gunicorn -w 4 app:app", "asks for a GPU"),
    ],
)
def test_a_dockerfile_is_left_alone_with_the_reason(pytester, dockerfile, reason):
    project(pytester, Dockerfile=dockerfile + "\n")
    result = check(pytester, "--show-silenced")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"*{reason}*"])


def test_a_project_that_names_no_model_library_is_left_alone(pytester):
    project(pytester, requirements="flask\ngunicorn\n", Dockerfile=GUNICORN)
    result = check(pytester, "--show-silenced")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*nothing shows that the workers run models*"])


def test_threads_set_in_the_source_beside_it_count(pytester):
    project(pytester, Dockerfile=GUNICORN, app_dot_py="import torch\ntorch.set_num_threads(2)\n")
    result = check(pytester, "--show-silenced")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*threads are set: app.py*"])


def test_the_requirements_of_the_folder_above_count(pytester):
    project(pytester)
    (pytester.path / "docker").mkdir()
    (pytester.path / "docker" / "api.Dockerfile").write_text(GUNICORN)
    (pytester.path / "docker" / "Dockerfile.cpu").write_text(GUNICORN)
    (pytester.path / "docker" / "notes.txt").write_text(GUNICORN)
    result = check(pytester)
    result.stdout.fnmatch_lines(["docker/Dockerfile.cpu:1:*", "docker/api.Dockerfile:1:*", "*2 findings*"])


def test_a_changed_neighbour_is_seen_through_the_cache(pytester):
    project(pytester, Dockerfile=GUNICORN)
    command = ("cpuperf", "check", "--isolated", "--select", "CPU406")
    assert pytester.run(*command).ret == 1
    (pytester.path / "app.py").write_text("import torch\ntorch.set_num_threads(2)\n")
    assert pytester.run(*command).ret == 0


COMPOSE = """
services:
  api:
    image: registry/transformers-cpu
    {}
    command: {}
"""


@pytest.mark.parametrize(
    ("more", "command", "found"),
    [
        ("restart: always", "gunicorn -w 4 app:app", True),
        ("restart: always", '["uvicorn", "app:app", "--workers", "4"]', True),
        ("environment: {WEB_CONCURRENCY: 4}", "uvicorn app:app", True),
        ("environment: [OMP_NUM_THREADS=1]", "gunicorn -w 4 app:app", False),
        ("cpuset: 0-3", "gunicorn -w 4 app:app", False),
        ("env_file: .env", "gunicorn -w 4 app:app", False),
        ("runtime: nvidia", "gunicorn -w 4 app:app", False),
    ],
)
def test_compose_files(pytester, more, command, found):
    project(pytester, requirements="", compose_dot_yaml=COMPOSE.format(more, command))
    assert check(pytester).ret == int(found)


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  api:\n    command: {{ .Values.x }} uvicorn --workers 4\n",
        "services: [uvicorn --workers 4\n",
        "services:\n  api: !Sub uvicorn --workers 4\n---\nservices: 3\n",
        "services: uvicorn --workers 4\n",
    ],
)
def test_other_tools_yaml_is_no_error(pytester, text):
    project(pytester, values_dot_yaml=text)
    assert check(pytester).ret == 0


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch, uvicorn\nuvicorn.run('a:app', workers=4)\n", True),
        ("import uvicorn\nuvicorn.run('a:app', workers=4)\n", True),
        ("import uvicorn\nuvicorn.run('a:app', workers=os.cpu_count())\n", True),
        ("import uvicorn\nuvicorn.run('a:app', workers=4, reload=True)\n", False),
        ("import uvicorn\nuvicorn.run('a:app', workers=args.workers)\n", False),
        ("import uvicorn\nuvicorn.run('a:app')\n", False),
        ("bind = '0.0.0.0:80'\nworkers = 4\n", True),
        ("workers = 4\n", False),
        ("bind = '0.0.0.0:80'\nworkers = 4\nraw_env = ['OMP_NUM_THREADS=2']\n", False),
    ],
)
def test_python_that_starts_servers(pytester, source, found):
    project(pytester, server_dot_py=source)
    assert check(pytester).ret == int(found)


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + GUNICORN.encode(),
        codecs.BOM_UTF16_LE + GUNICORN.encode("utf-16-le"),
        b"# caf\xe9\n" + GUNICORN.encode(),
        GUNICORN.replace("\n", "\r\n").encode(),
        b"# escape=`\n" + GUNICORN.encode(),
        GUNICORN.strip().encode(),
    ],
)
def test_odd_encodings_of_a_dockerfile_are_read(pytester, data):
    project(pytester)
    (pytester.path / "Dockerfile").write_bytes(data)
    assert check(pytester).ret == 1


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x7fELF\0\0\0gunicorn -w 4", "expected text, found zero bytes"),
        (codecs.BOM_UTF16_LE + b"C\0D", "not valid utf-16"),
    ],
)
def test_what_is_no_text_is_an_error_in_one_line(pytester, data, told):
    project(pytester)
    (pytester.path / "Dockerfile").write_bytes(data)
    result = check(pytester)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*Dockerfile*{told}*"])


@pytest.mark.parametrize("text", ["", "FROM", "CMD [", "CMD ['gunicorn'", "RUN <<EOF\nnever ends", "\\", "# escape="])
def test_broken_dockerfiles_are_no_error(pytester, text):
    project(pytester)
    (pytester.path / "Dockerfile").write_text(text + "\n# gunicorn --workers")
    assert check(pytester).ret == 0


def test_a_comment_silences_it(pytester):
    project(pytester, Dockerfile="# cpuperf: ignore-file[CPU406] one request at a time\n" + GUNICORN)
    assert check(pytester).ret == 0
