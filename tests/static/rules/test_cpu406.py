"""Servers with several workers, wherever they are started, and what shares the CPUs out among them."""

import codecs

import pytest

GUNICORN = 'CMD ["gunicorn", "-w", "4", "app:app"]\n'


class Project:
    """A folder, and `cpuperf check` in it."""

    def __init__(self, path, command):
        self.path = path
        self._command = command

    def check(self, *arguments, cache=False):
        """Return the exit code and what is printed."""
        how = () if cache else ("--no-cache",)
        code, out, _ = self._command("check", "--isolated", *how, "--select", "CPU406", *arguments)
        return code, out


@pytest.fixture
def folder(tmp_path, monkeypatch, cpuperf_command):
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, cpuperf_command)


def check(folder, *arguments):
    return folder.check(*arguments)


def project(folder, requirements="fastapi\ntorch==2.13.0\n", **files):
    for name, text in files.items():
        (folder.path / name.replace("_dot_", ".")).write_text(text)
    (folder.path / "requirements.txt").write_text(requirements)


@pytest.mark.parametrize(
    "command",
    [
        'CMD ["gunicorn", "-w", "4", "app:app"]',
        "CMD gunicorn --workers=4 app:app",
        'CMD ["gunicorn", "-w 4", "-b 0.0.0.0:80", "app:app"]',
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
def test_a_dockerfile_is_reported_where_its_project_runs_models(folder, command):
    project(folder, Dockerfile=f"FROM python:3.11\nCOPY requirements.txt .\n{command}\n")
    code, out = check(folder)
    assert code == 1
    assert out.startswith("Dockerfile:")
    assert "4 workers" in out


@pytest.mark.parametrize("count", ["$(nproc)", "$((2 * $(nproc) + 1))", "$(grep -c ^processor /proc/cpuinfo)"])
def test_as_many_workers_as_cpus_are_several(folder, count):
    project(folder, Procfile=f"web: gunicorn -w {count} app:app\n")
    code, out = check(folder)
    assert code == 1
    assert out.startswith("Procfile:1:1: CPU406")
    assert "as many workers as CPUs" in out


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
def test_a_dockerfile_is_left_alone_with_the_reason(folder, dockerfile, reason):
    project(folder, Dockerfile=dockerfile + "\n")
    code, out = check(folder, "--show-silenced")
    assert code == 0
    assert reason in out


def test_a_project_that_names_no_model_library_is_left_alone(folder):
    project(folder, requirements="flask\ngunicorn\n", Dockerfile=GUNICORN)
    code, out = check(folder, "--show-silenced")
    assert code == 0
    assert "nothing shows that the workers run models" in out


def test_a_library_that_no_source_imports_is_no_evidence(folder):
    project(folder, Dockerfile=GUNICORN, app_dot_py="import flask\n")
    assert check(folder)[0] == 0
    project(folder, app_dot_py="import flask\nfrom transformers import pipeline\n")
    assert check(folder)[0] == 1


def test_threads_set_in_the_source_beside_it_count(folder):
    project(folder, Dockerfile=GUNICORN, app_dot_py="import torch\ntorch.set_num_threads(2)\n")
    code, out = check(folder, "--show-silenced")
    assert code == 0
    assert "threads are set: app.py" in out


def test_the_requirements_of_the_folder_above_count(folder):
    project(folder)
    (folder.path / "docker").mkdir()
    (folder.path / "docker" / "api.Dockerfile").write_text(GUNICORN)
    (folder.path / "docker" / "Dockerfile.cpu").write_text(GUNICORN)
    (folder.path / "docker" / "notes.txt").write_text(GUNICORN)
    code, out = check(folder)
    assert code == 1
    assert "docker/Dockerfile.cpu:1:" in out
    assert "docker/api.Dockerfile:1:" in out
    assert "2 findings in 2" in out


def test_a_nearer_list_without_such_a_library_speaks_for_its_folder(folder):
    project(folder)
    (folder.path / "web").mkdir()
    (folder.path / "web" / "Dockerfile").write_text(GUNICORN)
    (folder.path / "web" / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    assert check(folder)[0] == 1  # it lists nothing
    (folder.path / "web" / "requirements.txt").write_text("# a page\nflask>=3\ngunicorn\n")
    assert check(folder)[0] == 0


@pytest.mark.parametrize(
    "source",
    [
        "model = WhisperModel(path, cpu_threads=2)",
        "model = Llama(path, n_threads=2)",
        "model = ctranslate2.Translator(path, intra_threads=2)",
        "tf.config.threading.set_intra_op_parallelism_threads(2)",
        "threads = int(os.environ['INFERENCE_NUM_THREADS'])",
    ],
)
def test_threads_of_other_libraries_count(folder, source):
    project(folder, Dockerfile=GUNICORN, app_dot_py=f"import torch\n{source}\n")
    code, out = check(folder, "--show-silenced")
    assert code == 0
    assert "threads are set: app.py" in out


@pytest.mark.parametrize("name", [".nox", "env", "build"])
def test_what_others_put_into_a_project_sets_no_threads(folder, name):
    project(folder, Dockerfile=GUNICORN, app_dot_py="import torch\n")
    (folder.path / name).mkdir()
    (folder.path / name / "lib.py").write_text("torch.set_num_threads(2)\n")
    assert check(folder)[0] == 1


def test_a_tokenizer_alone_runs_no_model(folder):
    project(folder, Dockerfile=GUNICORN, app_dot_py="from transformers import AutoTokenizer\n")
    assert check(folder)[0] == 0
    project(folder, app_dot_py="from transformers import AutoTokenizer, AutoModel\n")
    assert check(folder)[0] == 1


@pytest.mark.parametrize(
    ("count", "workers"),
    [
        ("min(2, os.cpu_count())", "2 workers"),
        ("min(8, multiprocessing.cpu_count() + 1)", "8 workers"),
        ("int(os.environ.get('WORKERS', 4))", "4 workers"),
        ("int(os.getenv('WORKERS', '3'))", "3 workers"),
        ("int(os.getenv('WORKERS', os.cpu_count()))", "as many workers as CPUs"),
        ("max(2, os.cpu_count())", "as many workers as CPUs"),
        ("int(os.environ.get('WORKERS', 1))", None),
        ("min(1, os.cpu_count())", None),
        ("int(os.environ['WORKERS'])", None),
    ],
)
def test_how_many_workers_gunicorns_settings_ask_for(folder, count, workers):
    text = f"import os, multiprocessing, torch\nbind = '0.0.0.0:80'\nworkers = {count}\n"
    project(folder, settings_dot_py=text)
    code, out = check(folder)
    assert (code, workers is None) in ((0, True), (1, False))
    assert workers is None or workers in out


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("timeout = 5", 0),
        ("threads = 4", 0),
        ("bind = 'a'", 0),
        ("bind = ':80'", 1),
        ("timeout = 5\nthreads = 4", 1),
        ("worker_class = 'gevent'", 1),
    ],
)
def test_a_script_with_one_setting_is_not_gunicorns(folder, settings, code):
    project(folder, script_dot_py=f"import torch\nworkers = 4\n{settings}\n")
    assert check(folder)[0] == code


@pytest.mark.parametrize(("count", "code"), [("$((1))", 0), ("$((4))", 1), ("$((N + 1))", 0), ("$(($(nproc) + 1))", 1)])
def test_arithmetic_of_the_shell(folder, count, code):
    project(folder, Procfile=f"web: gunicorn -w {count} app:app\n")
    assert check(folder)[0] == code


SERVICES = """
services:
  page:
    build: ./page
    command: gunicorn -w 4 page:app
  embedder:
    build:
      context: ./embedder
    command: gunicorn -w 4 embedder:app
  worker:
    image: registry/other
    environment:
      OMP_NUM_THREADS: 1
"""


def test_services_of_a_compose_file_are_judged_on_their_own(folder):
    project(folder, requirements="pytest\n", compose_dot_yaml=SERVICES)
    for name, requirements in (("page", "flask\n"), ("embedder", "torch\n")):
        (folder.path / name).mkdir()
        (folder.path / name / "requirements.txt").write_text(requirements)
    code, out = check(folder)
    assert code == 1
    assert "compose.yaml:9:14: CPU406" in out
    assert "1 finding in 1" in out


def test_a_changed_neighbour_is_seen_through_the_cache(folder):
    project(folder, Dockerfile=GUNICORN)
    assert folder.check(cache=True)[0] == 1
    (folder.path / "app.py").write_text("import torch\ntorch.set_num_threads(2)\n")
    assert folder.check(cache=True)[0] == 0


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
def test_compose_files(folder, more, command, found):
    project(folder, requirements="", compose_dot_yaml=COMPOSE.format(more, command))
    assert check(folder)[0] == int(found)


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  api:\n    command: {{ .Values.x }} uvicorn --workers 4\n",
        "services: [uvicorn --workers 4\n",
        "services:\n  api: !Sub uvicorn --workers 4\n---\nservices: 3\n",
        "services: uvicorn --workers 4\n",
    ],
)
def test_other_tools_yaml_is_no_error(folder, text):
    project(folder, values_dot_yaml=text)
    assert check(folder)[0] == 0


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
def test_python_that_starts_servers(folder, source, found):
    project(folder, server_dot_py=source, model_dot_py="import torch\n")
    assert check(folder)[0] == int(found)


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
def test_odd_encodings_of_a_dockerfile_are_read(folder, data):
    project(folder)
    (folder.path / "Dockerfile").write_bytes(data)
    assert check(folder)[0] == 1


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x7fELF\0\0\0gunicorn -w 4", "expected text, found zero bytes"),
        (codecs.BOM_UTF16_LE + b"C\0D", "not valid utf-16"),
    ],
)
def test_what_is_no_text_is_an_error_in_one_line(folder, data, told):
    project(folder)
    (folder.path / "Dockerfile").write_bytes(data)
    code, out = check(folder)
    assert code == 1
    assert told in out


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "FROM",
            "CMD [",
            "CMD ['gunicorn'",
            "RUN <<EOF\nnever ends",
            "\\",
            "# escape=",
            "CMD uvicorn -w \u00b2 a",
        ),
        "ARG A=${B}\nENV B=${A} WEB_CONCURRENCY=$A\nCMD uvicorn a:b",
        "CMD PYTHONPATH=/srv/fastapi python serve.py --workers 4",
    ],
)
def test_broken_dockerfiles_are_no_error(folder, text):
    project(folder)
    (folder.path / "Dockerfile").write_text(text + "\n# gunicorn --workers")
    assert check(folder)[0] == 0


def test_a_comment_silences_it(folder):
    project(folder, Dockerfile="# cpuperf: ignore-file[CPU406] one request at a time\n" + GUNICORN)
    assert check(folder)[0] == 0
